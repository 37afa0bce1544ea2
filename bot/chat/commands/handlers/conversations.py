"""``/thread``: conversations, and the hand-over of a channel's conversation to people.

A command concerns the channel's conversation if there is one, else what the member asked by
commands in this place; with ``mine``, and in places of which the bot is no member, always that.
"""

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import discord
import msgspec
from discord import app_commands

from bot.assistants.errors import APIError
from bot.assistants.schema.content import RefusalPart, TextPart
from bot.assistants.schema.objects import Message
from bot.chat.access.visitors import is_by_user_install
from bot.chat.commands.interaction import AcknowledgedInteraction
from bot.chat.places.assistant_choice import AssistantChoice
from bot.chat.places.channel_rules import RuleBook
from bot.chat.places.people_calls import Handovers
from bot.chat.places.places import channel_ids, places_of
from bot.chat.texts import overviews, sentences
from bot.chat.texts.fluent import localized
from bot.chat.texts.plain_text import is_visible, well_formed
from bot.chat.threads.api_errors import TurnError, gone
from bot.chat.threads.pagination import up_to
from bot.chat.threads.threads import AssistantThreads
from bot.chat.transport.rest_retry import RestRetry
from bot.store.ledger import Ledger, LedgerConversation, TurnsOpenError

MOST_EXPORTED: Final = 5_000
"""About the most messages of an export, the newest."""

MOST_BYTES: Final = 4 * 1024 * 1024
"""The most bytes of all Markdown, and of all JSON; Discord takes 10 MiB together."""

NewName = app_commands.Range[str, 1, 100]

_log: Final = logging.getLogger(__name__)


class _Exported(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a conversation; ``is_whole`` tells that no message is left out."""

    count: int
    is_whole: bool
    markdown: str
    objects: str


class ConversationCommands:
    """Handles ``/thread``; ``tidy`` does the chores of channels in the background."""

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        rest: RestRetry,
        threads: AssistantThreads,
        choice: AssistantChoice,
        rules: RuleBook,
        handovers: Handovers,
        tidy: Callable[[Iterable[int]], None],
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._rest = rest
        self._threads = threads
        self._choice = choice
        self._rules = rules
        self._handovers = handovers
        self._tidy = tidy

    async def new(self, interaction: discord.Interaction[Any], mine: bool = False) -> None:
        """Begin a new conversation in this place."""
        async with self._acknowledged(interaction) as response:
            found = await self._managed(interaction, response, mine=mine)
            if found:
                await self._ledger.conversations.begin_anew(each.channel_id for each in found)
                await response.show(_titled(found, localized("conversation-new")))

    async def info(self, interaction: discord.Interaction[Any], mine: bool = False) -> None:
        """Show the facts of this place's conversation."""
        async with self._acknowledged(interaction) as response:
            found = await self._conversations(interaction, mine=mine)
            if not found:
                await response.show(_none(interaction, mine=mine))
                return
            assistant = await self._assistant_name(interaction)
            facts = "\n".join(overviews.conversation_facts(each, assistant) for each in found)
            await response.show(await self._with_hint(interaction, found, _titled(found, facts)))

    async def export(self, interaction: discord.Interaction[Any], mine: bool = False) -> None:
        """Send this place's conversation as Markdown and as the API's objects in JSON."""
        async with self._acknowledged(interaction) as response:
            if not _may_read(interaction):
                await response.show(localized("conversation-not-readable"))
                return
            found = await self._conversations(interaction, mine=mine)
            files: list[tuple[str, str | bytes]] = []
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
                await response.show(localized("assistant-api-failed"))
                return
            if not files:
                await response.show(_none(interaction, mine=mine))
                return
            text = _titled(found, localized("conversation-exported", count=count))
            if not is_whole:
                text = f"{text}\n{localized('conversation-cut')}"
            await response.show(text, files=files)

    async def rename(self, interaction: discord.Interaction[Any], name: NewName) -> None:
        """Rename this channel thread."""
        async with self._acknowledged(interaction) as response:
            thread = await _channel_thread(
                interaction, response, localized("conversation-no-channel-thread")
            )
            if thread is None:
                return
            known = await self._ledger.conversations.of_channel(thread.id)
            refusal = _refusal(interaction, () if known is None else (known,))
            if refusal is not None:
                await response.show(refusal)
                return
            new_name = " ".join(well_formed(name).split())
            if not is_visible(new_name):
                await response.show(localized("conversation-name-invisible"))
                return
            # The model's title must not replace the member's.
            await self._ledger.channel_titles.settle(thread.id)
            try:
                await self._rest.call(lambda: thread.edit(name=new_name))
            except discord.HTTPException as error:
                _log.info("Channel thread %d keeps its name: %s", thread.id, error)
                await response.show(localized("conversation-not-renamed"))
                return
            await response.show(localized("conversation-renamed", name=sentences.plain(new_name)))

    async def delete(self, interaction: discord.Interaction[Any], mine: bool = False) -> None:
        """Delete this place's conversation here and at the server."""
        async with self._acknowledged(interaction) as response:
            found = await self._managed(interaction, response, mine=mine)
            if not found:
                return
            ids = [each.channel_id for each in found]
            try:
                await self._ledger.conversations.delete(ids)
            except TurnsOpenError:
                await response.show(_titled(found, localized("conversation-busy")))
                return
            self._tidy(ids)
            await response.show(_titled(found, localized("conversation-deleted")))

    async def handover(self, interaction: discord.Interaction[Any]) -> None:
        """Let people answer in this channel thread from now on, and call them."""
        async with self._acknowledged(interaction) as response:
            thread = await _channel_thread(
                interaction, response, localized("handover-no-channel-thread")
            )
            if thread is None:
                return
            handed = await self._handovers.begin(thread, interaction.user.id)
            lines = [localized("handover-begun" if handed.is_new else "handover-under-way")]
            if handed.role_id is None:
                lines.append(localized("handover-no-role"))
            elif not handed.may_mention:
                lines.append(localized("handover-not-mentionable", role=str(handed.role_id)))
            elif not handed.is_called:
                lines.append(localized("handover-called-before"))
            await response.show("\n".join(lines))

    async def resume(self, interaction: discord.Interaction[Any]) -> None:
        """Let the assistant answer in this channel thread again."""
        async with self._acknowledged(interaction) as response:
            channel_id, user = _channel_of(interaction), interaction.user
            known = await self._ledger.handovers.of_channel(channel_id)
            if known is None:
                await response.show(localized("handover-none"))
                return
            guild_id = interaction.guild_id or 0
            rules = await self._rules.of(guild_id, *channel_ids(interaction))
            roles = user.roles if isinstance(user, discord.Member) else []
            if (
                user.id not in known
                and not interaction.permissions.manage_messages
                and all(role.id != rules.people_role for role in roles)
            ):
                await response.show(localized("handover-not-yours"))
                return
            await self._ledger.handovers.end(channel_id, user.id)
            await response.show(localized("handover-ended"))

    async def _conversations(
        self, interaction: discord.Interaction[Any], *, mine: bool
    ) -> Sequence[LedgerConversation]:
        """Return the channel's conversation if there is one, else the member's own here."""
        channel_id = _channel_of(interaction)
        if not (mine or is_by_user_install(interaction)):
            known = await self._ledger.conversations.of_channel(channel_id)
            if known is not None:
                return (known,)
        return await self._ledger.conversations.of_member(interaction.user.id, channel_id)

    async def _managed(
        self,
        interaction: discord.Interaction[Any],
        response: AcknowledgedInteraction,
        *,
        mine: bool,
    ) -> Sequence[LedgerConversation]:
        """Return the conversations that the member may manage here; say so if there are none."""
        found = await self._conversations(interaction, mine=mine)
        refusal = _refusal(interaction, found, mine=mine)
        if refusal is None:
            return found
        await response.show(await self._with_hint(interaction, found, refusal))
        return ()

    async def _with_hint(
        self,
        interaction: discord.Interaction[Any],
        found: Sequence[LedgerConversation],
        text: str,
    ) -> str:
        """Return a text about a channel's conversation, with a hint at the member's own ones."""
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
        """Return a conversation for its files; None if there is nothing at the server.

        Raises ``APIError`` and ``TurnError``.
        """
        if known.thread_id is None:
            return None
        try:
            thread = await self._threads.api.retrieve_thread(known.thread_id)
            fetch = partial(self._threads.api.list_messages, known.thread_id)
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

    async def _assistant_name(self, interaction: discord.Interaction[Any]) -> str:
        assistant_id = self._choice.default_id
        if interaction.guild_id is not None and not is_by_user_install(interaction):
            channel_id, parent_id = channel_ids(interaction)
            places = places_of(self._client, interaction.guild_id, channel_id, parent_id)
            assistant_id = (await self._choice.of_places(places)).assistant_id
        try:
            assistant = await self._threads.api.retrieve_assistant(assistant_id)
        except (APIError, TurnError) as error:
            _log.info("Assistant %s can't be named: %s", assistant_id, error)
            return assistant_id
        return assistant.name or assistant_id

    def _acknowledged(self, interaction: discord.Interaction[Any]) -> AcknowledgedInteraction:
        # The press of a button gets a message of its own.
        is_press = interaction.type is discord.InteractionType.component
        return AcknowledgedInteraction(interaction, self._rest, ephemeral=True, thinking=is_press)


async def _channel_thread(
    interaction: discord.Interaction[Any], response: AcknowledgedInteraction, refusal: str
) -> discord.Thread | None:
    """Return the channel thread in which a command is used; else show why that does not work."""
    if is_by_user_install(interaction):
        refusal = localized("conversation-elsewhere")
    elif isinstance(interaction.channel, discord.Thread):
        return interaction.channel
    await response.show(refusal)
    return None


def _refusal(
    interaction: discord.Interaction[Any],
    found: Sequence[LedgerConversation],
    *,
    mine: bool = False,
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


def _none(interaction: discord.Interaction[Any], *, mine: bool) -> str:
    is_mine = mine or is_by_user_install(interaction)
    return localized("conversation-none-yours" if is_mine else "conversation-none")


def _titled(found: Sequence[LedgerConversation], text: str) -> str:
    """Return a text with a title that tells a member's own conversations from the channel's."""
    return text if found[0].personal is None else f"{localized('conversation-yours')}\n{text}"


def _file_name(known: LedgerConversation, number: int) -> str:
    name = "conversation" if number == 1 else f"conversation-{number}"
    return f"{name}-private" if known.personal is not None and known.personal.ephemeral else name


def _channel_of(interaction: discord.Interaction[Any]) -> int:
    return interaction.channel_id or 0


def _may_read(interaction: discord.Interaction[Any]) -> bool:
    return interaction.guild_id is None or interaction.permissions.read_message_history


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
