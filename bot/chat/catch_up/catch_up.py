"""Reads the messages that were written while the bot was away, and stores their questions.

Each channel is read from its read marker on. No turn begins in a channel before its missed
questions are stored, so questions are answered in order. The pages, the age of messages and the
channels are limited; where a limit leaves questions out, the bot says so in the channel.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TypeVar

import discord
from msgspec import Struct, field
from msgspec.structs import replace

from bot.chat.catch_up.gaps import Archive, Gap, GapFinder, MissedMessages
from bot.chat.catch_up.read_markers import ReadMarkers
from bot.chat.catch_up.reconcile import FoundReplies, Reconciler
from bot.chat.intake.ledger_retry import until_ledger_answers
from bot.chat.intake.unreadable import UnreadableMessage, readable_parts
from bot.chat.texts.fluent import localized, using
from bot.chat.texts.locales import Locales
from bot.chat.transport.message_history import newest_page
from bot.chat.transport.rest_retry import UNKNOWN_CHANNEL, RestRetry
from bot.runtime.clock import Clock
from bot.runtime.tasks import BackgroundTasks
from bot.store.ledger import Ledger, QueueFullError

MOST_PAGES: Final = 5
"""The most pages of 100 messages that are read in a channel, the newest first."""

MOST_CHANNELS: Final = 2_000
"""The most channels that are read after an absence: conversations first, then the newest."""

AT_ONCE: Final = 4
"""The number of channels that are read at the same time."""

T = TypeVar("T")

_UNREAD: Final = "Missed messages could not be read"

_log: Final = logging.getLogger(__name__)


class _Since(Struct):
    """The messages after a read marker, in order; ``too_old`` ones are not answered any more.

    ``cut`` is True where there are more messages than were read.
    """

    messages: list[discord.Message] = field(default_factory=list)
    too_old: list[discord.Message] = field(default_factory=list)
    unreadable: list[UnreadableMessage] = field(default_factory=list)
    cut: bool = False


class CatchUp:
    """Reads missed messages and hands each to ``take``, which may raise ``LedgerError``.

    ``answer_unreadable`` refuses a question that can't be parsed; it may raise ``LedgerError``.
    ``new_session`` is called when a session begins. ``release`` is called when turns may begin in
    channels that were held.
    """

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        read_markers: ReadMarkers,
        rest: RestRetry,
        clock: Clock,
        locales: Locales,
        *,
        take: Callable[[discord.Message], Awaitable[None]],
        answer_unreadable: Callable[[UnreadableMessage], Awaitable[None]],
        new_session: Callable[[], None],
        release: Callable[[], None],
        most_pages: int = MOST_PAGES,
        most_channels: int = MOST_CHANNELS,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._read_markers = read_markers
        self._rest = rest
        self._clock = clock
        self._locales = locales
        self._take = take
        self._answer_unreadable = answer_unreadable
        self._new_session = new_session
        self._release = release
        self._most_pages = most_pages
        self._most_channels = most_channels
        self._gaps = GapFinder(client, ledger, read_markers, rest, clock)
        self._reconciler = Reconciler(client, ledger, rest)
        self._tasks = BackgroundTasks()
        self._at_once = asyncio.Semaphore(AT_ONCE)

    def session_began(self) -> None:
        """Note a new session: messages since the earlier session may have been missed."""
        self._tasks.cancel()
        self._read_markers.new_session()
        self._new_session()

    def ready(self) -> None:
        """Read the missed messages of all known guilds and of direct messages."""
        self._tasks.start(self._catch_up(), _UNREAD)

    def guild_available(self, guild: discord.Guild) -> None:
        """Read the missed messages of a guild that was not known at READY."""
        if self._read_markers.is_ready:
            self._tasks.start(self._catch_up_in(guild), _UNREAD)

    async def stop(self) -> None:
        """Stop reading; the next start reads the rest."""
        await self._tasks.stop()

    async def _catch_up(self) -> None:
        found = [await self._gaps_in("direct messages", self._gaps.direct)]
        found += [await self._gaps_in_guild(guild) for guild in tuple(self._client.guilds)]
        self._read_markers.is_ready = True
        self._release()
        await self._read_all(found)

    async def _catch_up_in(self, guild: discord.Guild) -> None:
        await self._read_all([await self._gaps_in_guild(guild)])

    async def _gaps_in_guild(self, guild: discord.Guild) -> MissedMessages:
        return await self._gaps_in(f"guild {guild.id}", partial(self._gaps.in_guild, guild))

    async def _gaps_in(
        self, where: str, look: Callable[[], Awaitable[MissedMessages]]
    ) -> MissedMessages:
        """Return the gaps in one guild or in DMs; none after an error.

        After an error the guild's read markers do not move, so the next session looks again.
        """
        try:
            return await self._until_ledger_answers(look)
        except Exception:  # noqa: BLE001 - one guild's error must not affect the others
            _log.exception("Missed messages in %s can't be looked up and are skipped", where)
            return MissedMessages()

    async def _until_ledger_answers(self, call: Callable[[], Awaitable[T]]) -> T:
        return await until_ledger_answers(call, self._clock, "Missed messages can't be looked up")

    async def _read_all(self, found: Sequence[MissedMessages]) -> None:
        gaps = [gap for missed in found for gap in missed.gaps]
        for archive in (archive for missed in found for archive in missed.archives):
            gaps += await self._read_archive(archive)
        ordered = sorted(gaps, key=lambda gap: (not gap.mark.linked, -gap.newest))
        if not ordered:
            return
        _log.info("Reading %d channels for missed messages", len(ordered))
        async with asyncio.TaskGroup() as group:
            for gap in ordered[: self._most_channels]:
                group.create_task(self._guarded(gap, self._read))
            for gap in ordered[self._most_channels :]:
                group.create_task(self._guarded(gap, self._skip))

    async def _guarded(self, gap: Gap, work: Callable[[Gap], Awaitable[None]]) -> None:
        """Run ``work`` for one channel; its error affects no other channel."""
        channel_id = gap.mark.channel_id
        try:
            await work(gap)
        except Exception:  # noqa: BLE001 - see above; the unmoved marker makes the next session read it
            _log.exception("Channel %d can't be read; it is skipped", channel_id)
            self._read_markers.forget(channel_id)
            self._release()

    async def _read_archive(self, archive: Archive) -> tuple[Gap, ...]:
        """Return the gaps in an archive, and let turns begin in its other channel threads."""
        try:
            gaps = await self._gaps.in_archive(archive)
        except Exception as error:  # noqa: BLE001 - one archive's error must not affect the others
            _log.warning(
                "The archived channel threads of %d can't be read: %r", archive.parent.id, error
            )
            gaps = ()
        with_gaps = {gap.mark.channel_id for gap in gaps}
        for mark in archive.read_markers:
            if mark.channel_id not in with_gaps:
                self._read_markers.caught_up(mark)
        self._release()
        return gaps

    async def _skip(self, gap: Gap) -> None:
        _log.warning(
            "Channel %d is not read: too many channels may have new messages", gap.mark.channel_id
        )
        # Without new messages for certain, most likely nothing was missed: a note would be wrong.
        if gap.is_sure:
            async with self._at_once:
                await self._tell_incomplete(gap, gap.newest)
        self._set_read_up_to(gap, gap.newest)

    async def _read(self, gap: Gap) -> None:
        channel_id = gap.mark.channel_id
        async with self._at_once:
            try:
                since = await self._since(gap)
            except discord.HTTPException as error:
                _log.info("Channel %d can't be read: %s", channel_id, error)
                self._read_markers.forget(channel_id)
                if error.code == UNKNOWN_CHANNEL:
                    await self._until_ledger_answers(
                        lambda: self._ledger.read_markers.forget(channel_id)
                    )
                self._release()
                return
            found = await self._existing_replies(gap, [*since.too_old, *since.messages])
            incomplete = since.cut
            for message in since.messages:
                if not found.answers_question(message.id):
                    incomplete = not await self._stored(message) or incomplete
            for unreadable in since.unreadable:
                if not found.answers_question(unreadable.id):
                    await self._until_ledger_answers(partial(self._answer_unreadable, unreadable))
            unanswered = [each for each in since.too_old if not found.answers_question(each.id)]
            incomplete = incomplete or await self._until_ledger_answers(
                lambda: self._any_asked(gap, unanswered)
            )
            read = [message.id for message in since.messages]
            read += [message.id for message in since.unreadable]
            newest = max(read, default=gap.mark.message_id)
            if incomplete:
                _log.warning("Not all missed messages of channel %d are answered", channel_id)
                await self._tell_incomplete(gap, newest)
        self._set_read_up_to(gap, newest)

    async def _existing_replies(
        self, gap: Gap, messages: Sequence[discord.Message]
    ) -> FoundReplies:
        """Return the bot's replies that the ledger does not know; none where that fails."""
        try:
            return await self._until_ledger_answers(
                lambda: self._reconciler.find_replies(gap.channel, gap.mark, messages)
            )
        except Exception:  # noqa: BLE001 - an unreadable reply must not hide a question
            _log.exception("The bot's replies in channel %d can't be read", gap.mark.channel_id)
            return FoundReplies()

    def _set_read_up_to(self, gap: Gap, message_id: int) -> None:
        self._read_markers.caught_up(replace(gap.mark, message_id=message_id))
        self._release()

    async def _since(self, gap: Gap) -> _Since:
        """Return the messages since the gap's read marker."""
        since = _Since(cut=True)
        oldest, begin = self._gaps.oldest_answered(), gap.mark.message_id
        before: int | None = None
        for _ in range(self._most_pages):
            page = await self._rest.call(partial(newest_page, gap.channel, before))
            parts = [readable_parts(data, gap.mark.guild_id) for data in page.unreadable]
            since.unreadable += [each for each in parts if each is not None and each.id > begin]
            for message in page.messages:
                if message.id > begin:
                    (since.messages if message.id >= oldest else since.too_old).append(message)
            before = page.next_before
            if before is None or before <= begin:
                since.cut = False
                break
        for found in (since.messages, since.too_old, since.unreadable):
            found.reverse()
        return since

    async def _any_asked(self, gap: Gap, messages: Sequence[discord.Message]) -> bool:
        """Return whether one of the messages may be a question that the ledger does not know."""
        asked = [each.id for each in messages if self._reconciler.may_ask(gap.channel, each)]
        return bool(asked) and not (await self._ledger.questions.known(asked)).issuperset(asked)

    async def _stored(self, message: discord.Message) -> bool:
        """Store a question once the ledger answers; return False if too many questions wait."""
        what = f"Question {message.id} can't be stored"
        try:
            await until_ledger_answers(lambda: self._take(message), self._clock, what)
        except QueueFullError as error:
            _log.warning("Question %d is left out: %s", message.id, error)
            return False
        except Exception:  # noqa: BLE001 - one message's error must not affect later ones
            _log.exception("Message %d can't be stored as a question", message.id)
            return False
        return True

    async def _tell_incomplete(self, gap: Gap, newest: int) -> None:
        """Say in the channel that questions were left out, if members ask the bot there."""
        channel_id = gap.mark.channel_id
        if not gap.mark.linked and not await self._until_ledger_answers(
            lambda: self._ledger.questions.were_asked_in(channel_id)
        ):
            return
        guild_id = gap.mark.guild_id
        with using(
            await self._locales.of_direct_channel(channel_id)
            if guild_id is None
            else await self._locales.of_guild(guild_id)
        ):
            text = localized("some-missed")
        try:
            await self._rest.call(lambda: gap.channel.send(text, nonce=f"missed.{newest}"[:25]))
        except discord.HTTPException as error:
            _log.info("Channel %d accepts no note about missed messages: %s", channel_id, error)
