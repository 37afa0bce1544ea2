"""Finds the messages that a question points at, such as replies, forwards and bystanders' words.

The listener stores pointers to these messages. The messages are read when the question is posted to
its thread, so a message that was deleted meanwhile is not shown.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import discord

from bot.chat.intake.attachments import files_of
from bot.chat.intake.mentions import can_ask, mentions
from bot.chat.intake.question_text import (
    FORWARD_UNREADABLE,
    REPLY_DELETED,
    REPLY_UNREADABLE,
    awaits_previews,
    forwarded,
    has_previews,
    has_unreadable_forward,
    is_forward,
    is_post,
    is_reply_to_deleted,
    is_reply_to_unreadable,
    label,
    previews,
    quoted,
    reply_quote,
    whole_text,
)
from bot.chat.places.channel_settings import ChannelSettingsReader
from bot.chat.texts.plain_text import well_formed
from bot.chat.texts.unread_files import UnreadReason
from bot.chat.threads.messages.bystander_poster import Bystander, References
from bot.chat.threads.messages.message_builder import AttachedFile
from bot.chat.threads.messages.pointers import Pointers, pointers_of
from bot.chat.transport.login import own_user
from bot.chat.transport.message_history import newest_page
from bot.chat.transport.rest_retry import UNKNOWN_MESSAGE, RestRetry
from bot.config import DiscordSettings
from bot.runtime.clock import Clock
from bot.runtime.newest_entries import NewestEntries
from bot.runtime.tasks import cancelling
from bot.store.ledger import Ledger, Question, Turn

T = TypeVar("T")

FORWARD_SECONDS: Final = 300.0
"""The longest time between a forward and the question that it belongs to, in seconds."""

MOST_SAID: Final = 1_000
"""The most characters quoted of one bystander's message."""

PREVIEW_SECONDS: Final = 1.5
"""How long after a question Discord may add previews of its links, in seconds."""

_MOST_CHANNELS: Final = 10_000
_MOST_PREVIEWED: Final = 1_000

_LOOKUP_SECONDS: Final = 10.0
"""How long a message is looked up, in seconds; then the question is asked without it."""

_log: Final = logging.getLogger(__name__)


def pointers_for(
    message: discord.Message, me: int, *, forward: int | None, context: bool
) -> Pointers:
    """Return pointers to the messages that must be looked up for a question.

    ``forward`` is the id of the forward right before the question. With ``context`` the words of
    bystanders are shown.
    """
    lost: list[UnreadReason] = []
    if is_reply_to_deleted(message):
        lost.append("deleted_reply")
    if is_reply_to_unreadable(message, me):
        lost.append("hidden_reply")
    if has_unreadable_forward(message):
        lost.append("hidden_forward")
    channel = message.channel
    shows_context = (
        context and message.guild is not None and not isinstance(channel, discord.Thread)
    )
    quoted = message.reference.message_id if shows_context and message.reference else None
    return Pointers(
        reply=_reply_to_look_up(message, me),
        forward=forward,
        starter=isinstance(channel, discord.Thread) and channel.owner_id != me,
        context=shows_context,
        quoted=quoted,
        previews=awaits_previews(message),
        lost=tuple(lost),
    )


def quotes_in(message: discord.Message, me: int, points: Pointers) -> tuple[tuple[int, int], ...]:
    """Return the id and the author's id of each message that a question quotes.

    An unknown author has the id 0. The bot's own answers are left out.
    """
    found = {} if points.forward is None else {points.forward: message.author.id}
    reference = message.reference
    if reference is not None and reference.message_id is not None and not is_forward(message):
        replied = reference.resolved
        author_id = replied.author.id if isinstance(replied, discord.Message) else 0
        if author_id != me:
            found[reference.message_id] = author_id
    return tuple(found.items())


def _reply_to_look_up(message: discord.Message, me: int) -> tuple[int, int] | None:
    """Return channel id and message id of a replied-to message that is not quoted yet."""
    reference = message.reference
    if reference is None or reference.message_id is None or is_forward(message):
        return None
    found = reference.resolved
    if isinstance(found, discord.DeletedReferencedMessage):
        return None
    if found is not None and found.author.id != me:
        return None
    return reference.channel_id, reference.message_id


class RecentForwards:
    """The newest message of each channel, where that message is a forward."""

    def __init__(self) -> None:
        self._newest = NewestEntries[int, tuple[int, int]](_MOST_CHANNELS)

    def before(self, message: discord.Message) -> int | None:
        """Return the id of the forward by the same author right before a message, if any.

        Must be called with every message that a person writes, in order.
        """
        channel_id, author_id = message.channel.id, message.author.id
        found, by = self._newest.pop(channel_id, (0, 0))
        if is_forward(message):
            self._newest[channel_id] = message.id, author_id
        if by != author_id or seconds_between(found, message.id) > FORWARD_SECONDS:
            return None
        return found


class ReferenceReader:
    """Looks up the messages that questions point at."""

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        rest: RestRetry,
        clock: Clock,
        channel_settings: ChannelSettingsReader,
        settings: DiscordSettings,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._rest = rest
        self._clock = clock
        self._channel_settings = channel_settings
        self._settings = settings
        # By question id; an event is set once Discord has added previews of the question's links.
        self._previewed = NewestEntries[int, asyncio.Event](_MOST_PREVIEWED)

    def previewed(self, question_id: int) -> None:
        """Note that Discord has added previews of a question's links."""
        self._previews_of(question_id).set()

    def _previews_of(self, question_id: int) -> asyncio.Event:
        event = self._previewed.get(question_id) or asyncio.Event()
        self._previewed[question_id] = event
        return event

    async def read(self, question: Question, turn: Turn, *, is_first: bool) -> References:
        """Return the messages that a question points at; ``lost`` has a reason for each failure."""
        pointers, me = pointers_of(question), own_user(self._client).id
        bystanders: list[Bystander] = []
        blocks: list[str] = []
        files: list[AttachedFile] = []
        lost: list[UnreadReason] = []
        if pointers.context:
            bystanders += await self._said_before(question)
        if pointers.starter and is_first:
            starter, title = await self._beginning(question)
            blocks += title
            if starter is not None:
                bystanders.append(starter[0])
                files += starter[1]
        if pointers.previews and not has_previews(question.content):
            blocks += await self._previews(question)
        if pointers.forward is not None:
            forward = await self._look_up_message(
                question.channel_id, pointers.forward, question.guild_id
            )
            if isinstance(forward, discord.Message):
                blocks += forwarded(forward)
                files += files_of(forward, me)
            else:
                lost.append("hidden_forward")
                blocks.append(FORWARD_UNREADABLE)
        if pointers.reply is not None and not (
            question.content and await self._is_newest_answer(pointers.reply[1], turn)
        ):
            replied = await self._look_up_message(*pointers.reply, question.guild_id)
            if isinstance(replied, discord.Message):
                blocks.append(reply_quote(replied, me))
                if replied.author.id != me:
                    files += files_of(replied, me)
            else:
                lost.append(replied)
                blocks.append(REPLY_DELETED if replied == "deleted_reply" else REPLY_UNREADABLE)
        return References(
            bystanders=tuple(bystanders),
            blocks=tuple(map(well_formed, blocks)),
            files=tuple(files),
            lost=tuple(lost),
        )

    async def forward_before(self, message: discord.Message) -> int | None:
        """Return the id of the forward by the same author right before a message, if any."""
        channel = self._client.get_partial_messageable(message.channel.id)
        page = await self._look_up(lambda: newest_page(channel, message.id))
        before = page.messages[0] if page is not None and page.messages else None
        if before is None or before.author.id != message.author.id or not is_forward(before):
            return None
        return before.id if seconds_between(before.id, message.id) < FORWARD_SECONDS else None

    async def _previews(self, question: Question) -> list[str]:
        """Return the previews of a question's links; wait for them soon after the question."""
        age = self._clock.now() - discord.utils.snowflake_time(question.id).timestamp()
        if age < PREVIEW_SECONDS:
            shown = asyncio.ensure_future(self._previews_of(question.id).wait())
            late = asyncio.ensure_future(self._clock.sleep(PREVIEW_SECONDS - max(age, 0.0)))
            async with cancelling(shown, late):
                await asyncio.wait({shown, late}, return_when=asyncio.FIRST_COMPLETED)
        self._previewed.pop(question.id, None)
        message = await self._look_up_message(question.channel_id, question.id, question.guild_id)
        return list(previews(message)) if isinstance(message, discord.Message) else []

    async def _is_newest_answer(self, message_id: int, turn: Turn) -> bool:
        """Return whether a message is a part of the reply right before a turn in its channel."""
        before = await self._ledger.history.before(turn, limit=1)
        return any(message_id in each.parts for each in before)

    async def _look_up_message(
        self, channel_id: int, message_id: int, guild_id: int | None
    ) -> discord.Message | UnreadReason:
        """Return a message, or the reason why it can't be read."""
        channel = self._client.get_partial_messageable(channel_id, guild_id=guild_id)
        try:
            return await self._rest.call(
                lambda: channel.fetch_message(message_id), within=_LOOKUP_SECONDS
            )
        except Exception as error:  # noqa: BLE001 - a message that can't be parsed, or an outage
            _log.info("Message %d can't be looked up: %s", message_id, error)
            gone = isinstance(error, discord.HTTPException) and error.code == UNKNOWN_MESSAGE
            return "deleted_reply" if gone else "hidden_reply"

    async def _beginning(
        self, question: Question
    ) -> tuple[tuple[Bystander, tuple[AttachedFile, ...]] | None, list[str]]:
        """Return a channel thread's first message with its files, and texts such as the title."""
        guild = None if question.guild_id is None else self._client.get_guild(question.guild_id)
        thread = None if guild is None else guild.get_thread(question.channel_id)
        if thread is None:
            return None, []
        in_forum = is_post(thread)
        what = "forum post" if in_forum else "channel thread"
        title = quoted(f"title of this {what}", thread.name)
        tags = ", ".join(label(tag.name) for tag in thread.applied_tags) if in_forum else ""
        blocks = [f"{title}\n> tags: {tags}" if tags else title]
        if thread.id == question.id:
            return None, blocks
        message = await self._look_up_message(
            thread.id if in_forum else thread.parent_id, thread.id, question.guild_id
        )
        if not isinstance(message, discord.Message):
            return None, blocks  # not every channel thread was opened from a message
        me, said = own_user(self._client).id, whole_text(message)
        if not said:
            return None, blocks
        by = "you" if message.author.id == me else label(message.author.display_name)
        text = quoted(f"first message of this {what}, by {by}", said)
        return (
            Bystander(message.id, message.author.id, well_formed(text)),
            files_of(message, me),
        ), blocks

    async def _said_before(self, question: Question) -> list[Bystander]:
        """Return what people wrote in the channel before a question, oldest first."""
        pointers = pointers_of(question)
        if question.guild_id is None:
            return []
        here = await self._channel_settings.of(question.guild_id, question.channel_id)
        most, oldest = here.context, self._settings.context_minutes * 60
        channel = self._client.get_partial_messageable(
            question.channel_id, guild_id=question.guild_id
        )
        page = await self._look_up(lambda: newest_page(channel, question.id))
        me = own_user(self._client).id
        said = [
            message
            for message in ([] if page is None else page.messages)
            if can_ask(message)
            and not mentions(message, me)
            and message.id not in (pointers.forward, pointers.quoted)
            and seconds_between(message.id, question.id) < oldest
        ][:most]
        asked = await self._ledger.questions.shown_in(
            question.home_id or question.channel_id, [message.id for message in said]
        )
        bystanders: list[Bystander] = []
        for message in reversed(said):
            text = whole_text(message)
            if message.id not in asked and text:
                name = label(message.author.display_name)
                heading = f"said before by the bystander {name}, not to you"
                text = quoted(heading, text, MOST_SAID)
                bystanders.append(Bystander(message.id, message.author.id, well_formed(text)))
        return bystanders

    async def _look_up(self, call: Callable[[], Awaitable[T]]) -> T | None:
        """Make a call to Discord; return None where it fails for some seconds."""
        try:
            return await self._rest.call(call, within=_LOOKUP_SECONDS)
        except Exception as error:  # noqa: BLE001 - the question is asked without it
            _log.info("The messages before a question can't be read: %s", error)
            return None


def seconds_between(earlier: int, later: int) -> float:
    """Return the seconds between the times of two snowflakes."""
    times = discord.utils.snowflake_time(earlier), discord.utils.snowflake_time(later)
    return (times[1] - times[0]).total_seconds()
