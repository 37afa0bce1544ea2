"""``/thread``: a channel's conversation, and its hand-over to people."""

import json
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import discord
import msgspec
from discord import app_commands

from bot.assistants.errors import APIError
from bot.assistants.schema.content import RefusalPart, TextPart
from bot.assistants.schema.objects import Message
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
from bot.store.ledger import ChannelConversation, Ledger, TurnsOpenError

MOST_EXPORTED: Final = 5_000
"""About the most messages of an export, the newest."""

MOST_BYTES: Final = 4 * 1024 * 1024
"""The most bytes of each of the two files; Discord takes 10 MiB together."""

NewName = app_commands.Range[str, 1, 100]

_log: Final = logging.getLogger(__name__)


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

    async def new(self, interaction: discord.Interaction[Any]) -> None:
        """Begin a new conversation in this channel."""
        async with self._acknowledged(interaction) as response:
            channel_id = _channel_of(interaction)
            # What the member asked by commands here is a conversation of its own.
            own = await self._ledger.asks.begin_anew(interaction.user.id, channel_id)
            known = await self._ledger.conversations.of_channel(channel_id)
            refusal = _refusal(interaction, known)
            if refusal is None:
                await self._ledger.conversations.begin_anew(channel_id)
            if own or refusal is None:
                await response.show(localized("conversation-new"))
            else:
                await response.show(refusal)

    async def info(self, interaction: discord.Interaction[Any]) -> None:
        """Show the facts of this channel's conversation."""
        async with self._acknowledged(interaction) as response:
            known = await self._ledger.conversations.of_channel(_channel_of(interaction))
            if known is None or known.begun_at is None:
                await response.show(localized("conversation-none"))
                return
            await response.show(
                overviews.conversation_facts(
                    turns=known.turns,
                    tokens=known.tokens,
                    begun_at=known.begun_at,
                    thread_id=known.thread_id,
                    assistant=await self._assistant_name(interaction),
                )
            )

    async def export(self, interaction: discord.Interaction[Any]) -> None:
        """Send this channel's conversation as Markdown and as the API's objects in JSON."""
        async with self._acknowledged(interaction) as response:
            known = await self._ledger.conversations.of_channel(_channel_of(interaction))
            if not _may_read(interaction):
                await response.show(localized("conversation-not-readable"))
                return
            if known is None or known.thread_id is None:
                await response.show(localized("conversation-none"))
                return
            try:
                thread = await self._threads.api.retrieve_thread(known.thread_id)
                fetch = partial(self._threads.api.list_messages, known.thread_id)
                found = await up_to(fetch, MOST_EXPORTED)
            except (APIError, TurnError) as error:
                _log.warning("Thread %s can't be exported: %s", known.thread_id, error)
                lost = isinstance(error, APIError) and gone(error)
                await response.show(
                    localized("conversation-none" if lost else "assistant-api-failed")
                )
                return
            is_whole = len(found) < MOST_EXPORTED
            messages = found[::-1]
            written, objects = _markdown(messages), _json(thread, messages)
            while max(map(len, (written.encode(), objects.encode()))) > MOST_BYTES:
                is_whole, messages = False, messages[len(messages) // 4 + 1 :]
                written, objects = _markdown(messages), _json(thread, messages)
            text = localized("conversation-exported", count=len(messages))
            if not is_whole:
                text = f"{text}\n{localized('conversation-cut')}"
            await response.show(
                text, files=(("conversation.md", written), ("conversation.json", objects))
            )

    async def rename(self, interaction: discord.Interaction[Any], name: NewName) -> None:
        """Rename this channel thread."""
        async with self._acknowledged(interaction) as response:
            if not isinstance(interaction.channel, discord.Thread):
                await response.show(localized("conversation-no-channel-thread"))
                return
            if await self._managed(interaction, response) is None:
                return
            new_name = " ".join(well_formed(name).split())
            if not is_visible(new_name):
                await response.show(localized("conversation-name-invisible"))
                return
            # The model's title must not replace the member's.
            await self._ledger.channel_titles.settle(interaction.channel.id)
            thread = interaction.channel
            try:
                await self._rest.call(lambda: thread.edit(name=new_name))
            except discord.HTTPException as error:
                _log.info("Channel thread %d keeps its name: %s", thread.id, error)
                await response.show(localized("conversation-not-renamed"))
                return
            await response.show(localized("conversation-renamed", name=sentences.plain(new_name)))

    async def delete(self, interaction: discord.Interaction[Any]) -> None:
        """Delete this channel's conversation here and at the server."""
        async with self._acknowledged(interaction) as response:
            if await self._managed(interaction, response) is None:
                return
            channel_id = _channel_of(interaction)
            try:
                await self._ledger.conversations.delete(channel_id)
            except TurnsOpenError:
                await response.show(localized("conversation-busy"))
                return
            self._tidy((channel_id,))
            await response.show(localized("conversation-deleted"))

    async def handover(self, interaction: discord.Interaction[Any]) -> None:
        """Let people answer in this channel thread from now on, and call them."""
        async with self._acknowledged(interaction) as response:
            thread = interaction.channel
            if not isinstance(thread, discord.Thread):
                await response.show(localized("handover-no-channel-thread"))
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

    async def _managed(
        self, interaction: discord.Interaction[Any], response: AcknowledgedInteraction
    ) -> ChannelConversation | None:
        """Return this channel's conversation if the member may manage it; else say why not."""
        known = await self._ledger.conversations.of_channel(_channel_of(interaction))
        refusal = _refusal(interaction, known)
        if refusal is None:
            return known
        await response.show(refusal)
        return None

    async def _assistant_name(self, interaction: discord.Interaction[Any]) -> str:
        assistant_id = self._choice.default_id
        if interaction.guild_id is not None:
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


def _refusal(
    interaction: discord.Interaction[Any], known: ChannelConversation | None
) -> str | None:
    """Return why a member may not manage a channel's conversation; None if the member may."""
    if known is None or known.begun_at is None:
        return localized("conversation-none")
    if (
        interaction.guild_id is None
        or interaction.permissions.manage_messages
        or known.starter_id == interaction.user.id
    ):
        return None
    return localized("conversation-not-yours")


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
