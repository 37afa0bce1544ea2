"""``/thread``: conversations, and the hand-over of a channel's conversation to people.

A command concerns the conversation of the channel. Where the channel has none, where the bot is no
member, and with the option ``mine``, it concerns what the member asked here by ``/ask`` and menus.
"""

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import discord
import msgspec
from discord import app_commands

from bot.assistants.errors import APIError
from bot.assistants.schema.content import RefusalPart, TextPart
from bot.assistants.schema.objects import Message
from bot.chat.commands.interaction_handler import (
    Interaction,
    InteractionHandler,
    PrivateAnswer,
    answers_privately,
)
from bot.chat.places.places import channel_ids, is_by_user_install
from bot.chat.texts import overviews, sentences
from bot.chat.texts.fluent import RefusalError, localized
from bot.chat.texts.plain_text import is_visible, well_formed
from bot.chat.threads.api_errors import TurnError, gone
from bot.chat.threads.pagination import up_to
from bot.store.ledger import LedgerConversation, TurnsOpenError

MOST_EXPORTED: Final = 5_000
"""About how many of the newest messages an export has at most."""

MOST_BYTES: Final = 4 * 1024 * 1024
"""The most bytes of all Markdown, and of all JSON; Discord takes 10 MiB together."""

NewName = app_commands.Range[str, 1, 100]

_log: Final = logging.getLogger(__name__)


class _Exported(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a conversation: Markdown, and the API's objects as JSON.

    ``count`` is the number of messages; ``is_whole`` tells that none is left out.
    """

    count: int
    is_whole: bool
    markdown: str
    objects: str


class ConversationCommands(InteractionHandler):
    """Handles ``/thread``."""

    @answers_privately
    async def new(self, interaction: Interaction, mine: bool = False) -> str:
        """Begin a new conversation in this place."""
        found = await self._managed(interaction, mine=mine)
        await self._ledger.conversations.begin_anew(known.channel_id for known in found)
        return _titled(found, localized("conversation-new"))

    @answers_privately
    async def info(self, interaction: Interaction, mine: bool = False) -> str:
        """Show the facts of this place's conversation."""
        found = await self._conversations(interaction, mine=mine)
        if not found:
            raise RefusalError(_none(interaction, mine=mine))
        name = await self._assistant_name(interaction)
        facts = "\n".join(overviews.conversation_facts(known, name) for known in found)
        return await self._with_hint(interaction, found, _titled(found, facts))

    @answers_privately
    async def export(self, interaction: Interaction, mine: bool = False) -> PrivateAnswer:
        """Send this place's conversation as Markdown and as the API's objects in JSON."""
        if interaction.guild_id is not None and not interaction.permissions.read_message_history:
            raise RefusalError(localized("conversation-not-readable"))
        found = await self._conversations(interaction, mine=mine)
        files: list[tuple[str, str]] = []
        count, is_whole = 0, True
        try:
            for number, known in enumerate(found, start=1):
                exported = await self._exported(known, MOST_BYTES // len(found))
                if exported is None:
                    continue
                is_whole = is_whole and exported.is_whole
                count += exported.count
                name = _file_name(known, number)
                files += [(f"{name}.md", exported.markdown), (f"{name}.json", exported.objects)]
        except (APIError, TurnError) as error:
            _log.warning("A conversation can't be exported: %s", error)
            raise RefusalError(localized("assistant-api-failed")) from error
        if not files:
            raise RefusalError(_none(interaction, mine=mine))
        text = _titled(found, localized("conversation-exported", count=count))
        if not is_whole:
            text = f"{text}\n{localized('conversation-cut')}"
        return PrivateAnswer(text, files=files)

    @answers_privately
    async def rename(self, interaction: Interaction, name: NewName) -> str:
        """Rename this channel thread."""
        thread = _channel_thread(interaction, "conversation-no-channel-thread")
        known = await self._ledger.conversations.of_channel(thread.id)
        refusal = _refusal(interaction, () if known is None else (known,))
        if refusal is not None:
            raise RefusalError(refusal)
        new_name = " ".join(well_formed(name).split())
        if not is_visible(new_name):
            raise RefusalError(localized("conversation-name-invisible"))
        # The model's title must not replace the member's.
        await self._ledger.channel_titles.settle(thread.id)
        try:
            await self._rest.call(lambda: thread.edit(name=new_name))
        except discord.HTTPException as error:
            _log.info("Channel thread %d keeps its name: %s", thread.id, error)
            raise RefusalError(localized("conversation-not-renamed")) from error
        return localized("conversation-renamed", name=sentences.plain(new_name))

    @answers_privately
    async def delete(self, interaction: Interaction, mine: bool = False) -> str:
        """Delete this place's conversation here and at the server."""
        found = await self._managed(interaction, mine=mine)
        ids = [known.channel_id for known in found]
        try:
            await self._ledger.conversations.delete(ids)
        except TurnsOpenError:
            raise RefusalError(_titled(found, localized("conversation-busy"))) from None
        self._services.do_chores(ids)
        return _titled(found, localized("conversation-deleted"))

    @answers_privately
    async def handover(self, interaction: Interaction) -> str:
        """Let people answer in this channel thread from now on, and call them."""
        thread = _channel_thread(interaction, "handover-no-channel-thread")
        handed = await self._services.handovers.begin(thread, interaction.user.id)
        lines = [localized("handover-begun" if handed.is_new else "handover-under-way")]
        if handed.role_id is None:
            lines.append(localized("handover-no-role"))
        elif not handed.may_mention:
            lines.append(localized("handover-not-mentionable", role=str(handed.role_id)))
        elif not handed.is_called:
            lines.append(localized("handover-called-before"))
        return "\n".join(lines)

    @answers_privately
    async def resume(self, interaction: Interaction) -> str:
        """Let the assistant answer in this channel thread again."""
        channel_id, user = _channel_of(interaction), interaction.user
        callers = await self._ledger.handovers.of_channel(channel_id)
        if callers is None:
            raise RefusalError(localized("handover-none"))
        settings = await self._services.channel_settings.of(
            interaction.guild_id or 0, *channel_ids(interaction)
        )
        roles = user.roles if isinstance(user, discord.Member) else []
        if (
            user.id not in callers
            and not interaction.permissions.manage_messages
            and all(role.id != settings.people_role for role in roles)
        ):
            raise RefusalError(localized("handover-not-yours"))
        await self._ledger.handovers.end(channel_id, user.id)
        return localized("handover-ended")

    async def _conversations(
        self, interaction: Interaction, *, mine: bool
    ) -> Sequence[LedgerConversation]:
        """Return the conversations that a command concerns, as the module describes."""
        channel_id = _channel_of(interaction)
        if not (mine or is_by_user_install(interaction)):
            known = await self._ledger.conversations.of_channel(channel_id)
            if known is not None:
                return (known,)
        return await self._ledger.conversations.of_member(interaction.user.id, channel_id)

    async def _managed(
        self, interaction: Interaction, *, mine: bool
    ) -> Sequence[LedgerConversation]:
        """Return the conversations that the member may manage here; ``RefusalError`` for none."""
        found = await self._conversations(interaction, mine=mine)
        refusal = _refusal(interaction, found, mine=mine)
        if refusal is not None:
            raise RefusalError(await self._with_hint(interaction, found, refusal))
        return found

    async def _with_hint(
        self, interaction: Interaction, found: Sequence[LedgerConversation], text: str
    ) -> str:
        """Return a text; below a channel's conversation hint at the member's own conversations."""
        if (
            found
            and found[0].personal is None
            and await self._ledger.conversations.of_member(
                interaction.user.id, _channel_of(interaction)
            )
        ):
            return f"{text}\n{localized('conversation-yours-too')}"
        return text

    async def _exported(self, known: LedgerConversation, most_bytes: int) -> _Exported | None:
        """Return a conversation as the contents of files; None if the server has no thread.

        Raises ``APIError`` and ``TurnError``.
        """
        if known.thread_id is None:
            return None
        try:
            api = self._services.threads.api
            thread = await api.retrieve_thread(known.thread_id)
            fetch = partial(api.list_messages, known.thread_id)
            found = await up_to(fetch, MOST_EXPORTED)
        except APIError as error:
            if not gone(error):
                raise
            _log.warning("Thread %s can't be exported: %s", known.thread_id, error)
            return None
        is_whole, messages = len(found) < MOST_EXPORTED, found[::-1]
        written, objects = _markdown(messages), _json(thread, messages)
        while max(map(len, (written.encode(), objects.encode()))) > most_bytes:
            is_whole, messages = False, messages[len(messages) // 4 + 1 :]
            written, objects = _markdown(messages), _json(thread, messages)
        return _Exported(count=len(messages), is_whole=is_whole, markdown=written, objects=objects)

    async def _assistant_name(self, interaction: Interaction) -> str:
        services = self._services
        assistant_id = (await services.choice.of_interaction(interaction)).assistant_id
        try:
            assistant = await services.threads.api.retrieve_assistant(assistant_id)
        except (APIError, TurnError) as error:
            _log.info("Assistant %s can't be named: %s", assistant_id, error)
            return assistant_id
        return assistant.name or assistant_id


def _channel_thread(interaction: Interaction, refusal_id: str) -> discord.Thread:
    """Return the channel thread in which a command is used; else raises ``RefusalError``.

    ``refusal_id`` is the message for other channels of servers that have the bot.
    """
    if is_by_user_install(interaction):
        raise RefusalError(localized("conversation-elsewhere"))
    if not isinstance(interaction.channel, discord.Thread):
        raise RefusalError(localized(refusal_id))
    return interaction.channel


def _refusal(
    interaction: Interaction, found: Sequence[LedgerConversation], *, mine: bool = False
) -> str | None:
    """Return why a member may not manage these conversations; None if the member may."""
    if not found:
        return _none(interaction, mine=mine)
    if (
        interaction.guild_id is None
        or interaction.permissions.manage_messages
        or all(each.personal or each.starter_id == interaction.user.id for each in found)
    ):
        return None
    return localized("conversation-not-yours")


def _none(interaction: Interaction, *, mine: bool) -> str:
    is_mine = mine or is_by_user_install(interaction)
    return localized("conversation-none-yours" if is_mine else "conversation-none")


def _titled(found: Sequence[LedgerConversation], text: str) -> str:
    """Return a text with a title that tells a member's own conversations from the channel's."""
    return text if found[0].personal is None else f"{localized('conversation-yours')}\n{text}"


def _file_name(known: LedgerConversation, number: int) -> str:
    name = "conversation" if number == 1 else f"conversation-{number}"
    return f"{name}-private" if known.personal is not None and known.personal.ephemeral else name


def _channel_of(interaction: Interaction) -> int:
    return interaction.channel_id or 0


def _json(thread: Any, messages: list[Message]) -> str:
    """Return the thread and its messages as the API shows them."""
    exported = {"thread": thread, "messages": messages}
    return json.dumps(msgspec.to_builtins(exported), ensure_ascii=False, indent=1) + "\n"


def _markdown(messages: list[Message]) -> str:
    """Return messages as a Markdown document, oldest first."""
    blocks: list[str] = []
    for message in messages:
        who = "export-question" if message.role == "user" else "export-answer"
        at = f"{datetime.fromtimestamp(message.created_at, UTC):%Y-%m-%d %H:%M:%S} UTC"
        blocks.append(f"## {localized(who)} · {at}")
        for part in message.content:
            if isinstance(part, TextPart):
                blocks.append(part.text.value)
            elif isinstance(part, RefusalPart):
                blocks.append(part.refusal)
            else:
                blocks.append(localized("export-image"))
    return "\n\n".join(blocks) + "\n"
