"""What was written while the bot was away: read from each channel's mark on, taken in its order.

No turn begins in a channel before what was missed there is taken, so nothing is answered out of
its order. Reading is bounded in pages, in age and in channels at a time, and a bound that cuts
something off is told.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TypeVar

import discord

from bot.chat.catch_up.gaps import Archive, Gap, GapFinder, MissedMessages
from bot.chat.catch_up.read_markers import ReadMarkers
from bot.chat.catch_up.reconcile import FoundReplies, Reconciler
from bot.chat.intake.ledger_retry import until_ledger_answers
from bot.chat.texts import sentences
from bot.chat.transport.login import own_user
from bot.chat.transport.message_history import newest_page
from bot.chat.transport.rest_retry import UNKNOWN_CHANNEL, RestRetry
from bot.runtime.clock import Clock
from bot.runtime.tasks import BackgroundTasks
from bot.store.ledger import Ledger, QueueFullError, ReadMarker

MOST_PAGES: Final = 5
"""How many pages of 100 messages are read in a channel, the newest ones."""

MOST_CHANNELS: Final = 2_000
"""How many channels are read after one absence: linked ones first, then where it was said last."""

AT_ONCE: Final = 4
"""How many channels are read at a time."""

T = TypeVar("T")

_UNREAD: Final = "MissedMessages messages could not be read"

_log = logging.getLogger(__name__)


class CatchUp:
    """Reads what was missed and gives it to ``take``, which raises ``LedgerError``.

    ``release`` is told when channels are no longer held.
    """

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        read_markers: ReadMarkers,
        rest: RestRetry,
        clock: Clock,
        *,
        take: Callable[[discord.Message, discord.ClientUser], Awaitable[None]],
        release: Callable[[], None],
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._read_markers = read_markers
        self._rest = rest
        self._clock = clock
        self._take = take
        self._release = release
        self._gaps = GapFinder(client, ledger, read_markers, rest, clock)
        self._reconciler = Reconciler(client, ledger, rest)
        self._tasks = BackgroundTasks()
        self._at_once = asyncio.Semaphore(AT_ONCE)

    def session_began(self) -> None:
        """What was written since the session before it has to be read."""
        self._tasks.cancel()
        self._read_markers.new_session()

    def ready(self) -> None:
        """The guilds are known: read what was missed in them and in direct messages."""
        self._tasks.start(self._catch_up(), _UNREAD)

    def guild_available(self, guild: discord.Guild) -> None:
        """Read what was missed in a guild that was not known at READY."""
        if self._read_markers.is_ready:
            self._tasks.start(self._catch_up_in(guild), _UNREAD)

    async def stop(self) -> None:
        """Read no more; what was not read yet is read after the next start."""
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
        """Look up what was missed in one place; a place that can't be looked up is skipped.

        The marks of a skipped place do not move, so that the next session looks there again.
        """
        try:
            return await self._until_ledger_answers(look)
        except Exception:  # noqa: BLE001 - whatever is wrong in one place must not mute the others
            _log.exception("What was missed in %s can't be looked up and is skipped", where)
            return MissedMessages()

    async def _until_ledger_answers(self, call: Callable[[], Awaitable[T]]) -> T:
        return await until_ledger_answers(
            call, self._clock, "MissedMessages messages can't be looked up"
        )

    async def _read_all(self, found: Sequence[MissedMessages]) -> None:
        gaps = [gap for missed in found for gap in missed.gaps]
        for archive in (archive for missed in found for archive in missed.archives):
            gaps += await self._read_archive(archive)
        ordered = sorted(gaps, key=lambda gap: (not gap.mark.linked, -gap.newest))
        if not ordered:
            return
        _log.info("Reading %d channels for what was written meanwhile", len(ordered))
        async with asyncio.TaskGroup() as group:
            for gap in ordered[:MOST_CHANNELS]:
                group.create_task(self._guarded(gap, self._read))
            for gap in ordered[MOST_CHANNELS:]:
                group.create_task(self._guarded(gap, self._skip))

    async def _guarded(self, gap: Gap, work: Callable[[Gap], Awaitable[None]]) -> None:
        """Do what is to be done in one channel; a failure there stays in that channel."""
        channel_id = gap.mark.channel_id
        try:
            await work(gap)
        except Exception:  # noqa: BLE001 - see above; without its mark moving it is read again
            _log.exception("Channel %d can't be read and is skipped", channel_id)
            self._read_markers.forget(channel_id)
            self._release()

    async def _read_archive(self, archive: Archive) -> tuple[Gap, ...]:
        """Return an archive's channel threads to be read, and let the others go."""
        try:
            gaps = await self._gaps.in_archive(archive)
        except Exception as error:  # noqa: BLE001 - one archive must not keep back the others
            _log.warning("What was archived in %d can't be read: %r", archive.parent.id, error)
            gaps = ()
        awake = {gap.mark.channel_id for gap in gaps}
        for mark in archive.read_markers:
            if mark.channel_id not in awake:
                self._read_markers.caught_up(mark)
        self._release()
        return gaps

    async def _skip(self, gap: Gap) -> None:
        channel_id = gap.mark.channel_id
        if gap.is_sure:
            _log.warning("Channel %d is not read: too many were written in", channel_id)
            async with self._at_once:
                await self._tell_incomplete(gap, gap.newest)
        else:
            # Most likely there is nothing, and people would be told what is not so.
            _log.warning("Channel %d is not looked into: there are too many", channel_id)
        self._read_up_to(gap, gap.newest)

    async def _read(self, gap: Gap) -> None:
        channel_id = gap.mark.channel_id
        async with self._at_once:
            try:
                messages, late, cut = await self._since(gap)
            except discord.HTTPException as error:
                _log.info("Channel %d can't be read: %s", channel_id, error)
                self._read_markers.forget(channel_id)
                if error.code == UNKNOWN_CHANNEL:
                    await self._until_ledger_answers(
                        lambda: self._ledger.read_markers.forget(channel_id)
                    )
                self._release()
                return
            found = await self._found(gap, [*late, *messages])
            for message in messages:
                if not found.answers_question(message.id):
                    cut = not await self._stored(message) or cut
            late = [message for message in late if not found.answers_question(message.id)]
            cut = cut or await self._until_ledger_answers(lambda: self._any_asked(gap, late))
            newest = messages[-1].id if messages else gap.mark.message_id
            if cut:
                _log.warning("More was written in %d than is read after an absence", channel_id)
                await self._tell_incomplete(gap, newest)
        self._read_up_to(gap, newest)

    async def _found(self, gap: Gap, messages: Sequence[discord.Message]) -> FoundReplies:
        """Return what of ours stands there already; nothing, where that can't be told."""
        try:
            return await self._until_ledger_answers(
                lambda: self._reconciler.find_replies(gap.channel, gap.mark, messages)
            )
        except Exception:  # noqa: BLE001 - a reply of ours that can't be read hides no question
            _log.exception("Our replies in channel %d can't be read", gap.mark.channel_id)
            return FoundReplies()

    def _read_up_to(self, gap: Gap, message_id: int) -> None:
        mark = gap.mark
        self._read_markers.caught_up(
            ReadMarker(channel_id=mark.channel_id, guild_id=mark.guild_id, message_id=message_id)
        )
        self._release()

    async def _since(self, gap: Gap) -> tuple[list[discord.Message], list[discord.Message], bool]:
        """Return what was written since the mark, in order, and what of it is too old, apart.

        And whether there is more than is read.
        """
        found: list[discord.Message] = []
        late: list[discord.Message] = []
        oldest = self._gaps.oldest_answered()
        before: int | None = None
        for _ in range(MOST_PAGES):
            page = await self._rest.call(partial(newest_page, gap.channel, before))
            for message in page.messages:
                if message.id <= gap.mark.message_id:
                    return found[::-1], late[::-1], False
                (found if message.id >= oldest else late).append(message)
            before = page.next_before
            if before is None:
                return found[::-1], late[::-1], False
        return found[::-1], late[::-1], True

    async def _any_asked(self, gap: Gap, late: Sequence[discord.Message]) -> bool:
        """Whether somebody may have asked us something that is not answered for its age."""
        asked = [message.id for message in late if self._reconciler.may_ask(gap.channel, message)]
        return bool(asked) and not (await self._ledger.questions.known(asked)).issuperset(asked)

    async def _stored(self, message: discord.Message) -> bool:
        """Store a question once the ledger answers; return False where too many wait already."""
        what = f"Question {message.id} can't be stored"
        try:
            await until_ledger_answers(
                lambda: self._take(message, own_user(self._client)), self._clock, what
            )
        except QueueFullError as error:
            _log.warning("Question %d is left out: %s", message.id, error)
            return False
        except Exception:  # noqa: BLE001 - one message must not keep back those behind it
            _log.exception("Message %d can't be taken as a question", message.id)
            return False
        return True

    async def _tell_incomplete(self, gap: Gap, newest: int) -> None:
        """Say so where people ask us; elsewhere nobody need know that we ever listen."""
        channel_id = gap.mark.channel_id
        if not gap.mark.linked and not await self._until_ledger_answers(
            lambda: self._ledger.questions.were_asked_in(channel_id)
        ):
            return
        try:
            await self._rest.call(
                lambda: gap.channel.send(sentences.MISSED, nonce=f"missed.{newest}"[:25])
            )
        except discord.HTTPException as error:
            _log.info("That something was missed can't be said in %d: %s", channel_id, error)
