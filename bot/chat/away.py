"""What was written while the bot was away: read from each channel's mark on, taken in its order.

No turn begins in a channel before what was missed there is taken, so nothing is answered out of
its order. Reading is bounded in pages, in age and in channels at a time, and a bound that cuts
something off is told.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final, TypeVar

import discord
import msgspec
from msgspec import Struct

from bot.chat import sentences, standing
from bot.chat.delivery import Delivery
from bot.chat.marks import Marks
from bot.clock import Clock
from bot.store.ledger import Ledger, LedgerError, Link, Mark, QueueFullError

MOST_PAGES: Final = 5
"""How many pages of 100 messages are read in a channel, the newest ones."""

MOST_AGE: Final = 3 * 86_400.0
"""How old a message may be that is still answered, in seconds."""

MOST_CHANNELS: Final = 2_000
"""How many channels are read after one absence: linked ones first, then where it was said last."""

AT_ONCE: Final = 4
"""How many channels are read at a time."""

Place = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread
"""Where messages are in a guild."""

T = TypeVar("T")

_PAGE: Final = 100
_UNKNOWN_CHANNEL: Final = 10003
_AGAIN_SECONDS: Final = 2.0

_log = logging.getLogger(__name__)


class Gap(Struct, frozen=True, kw_only=True):
    """A channel in which something was written, or may have been, since its mark."""

    channel: discord.abc.Messageable
    mark: Mark
    newest: int


class Away:
    """Reads what was missed and gives it to ``take``, which raises ``LedgerError``.

    ``release`` is told when channels are no longer held.
    """

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        marks: Marks,
        delivery: Delivery,
        clock: Clock,
        *,
        take: Callable[[discord.Message], Awaitable[None]],
        release: Callable[[], None],
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._marks = marks
        self._delivery = delivery
        self._clock = clock
        self._take = take
        self._release = release
        self._tasks: set[asyncio.Task[None]] = set()
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._ready = False

    def holds(self, channel_id: int) -> bool:
        """Whether something older may come before what a channel's next turn would begin with."""
        return not self._ready or self._marks.is_behind(channel_id)

    def session_began(self) -> None:
        """What was written since the session before it has to be read."""
        self._ready = False
        for task in self._tasks:
            task.cancel()
        self._marks.new_session()

    def ready(self) -> None:
        """The guilds are known: read what was missed in them and in direct messages."""
        self._spawn(self._catch_up())

    def guild_came(self, guild: discord.Guild) -> None:
        """Read what was missed in a guild that was not known at READY."""
        if self._ready:
            self._spawn(self._catch_up_in(guild))

    async def stop(self) -> None:
        """Read no more; what was not read yet is read after the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _catch_up(self) -> None:
        gaps = await self._surely(self._direct)
        for guild in tuple(self._client.guilds):
            gaps += await self._surely(lambda guild=guild: self._in_guild(guild))  # type: ignore[misc]  # mypy can't type a lambda's default
        self._ready = True
        self._release()
        await self._read_all(gaps)

    async def _catch_up_in(self, guild: discord.Guild) -> None:
        await self._read_all(await self._surely(lambda: self._in_guild(guild)))

    async def _surely(self, look: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await look()
            except LedgerError as error:
                _log.warning("What was missed can't be looked up yet: %s", error)
                await self._clock.sleep(_AGAIN_SECONDS)

    async def _direct(self) -> list[Gap]:
        """Return where people may have written to us alone; Discord does not say where they did."""
        marks = await self._ledger.seen.of_guild(None)
        gaps = [self._unseen(mark) for mark in marks if mark.linked]
        self._marks.planned(None, [gap.mark.channel_id for gap in gaps])
        return gaps

    async def _in_guild(self, guild: discord.Guild) -> list[Gap]:
        """Return a guild's channels in which something was written since their marks."""
        marks = {mark.channel_id: mark for mark in await self._ledger.seen.of_guild(guild.id)}
        new_here = not marks
        gaps: list[Gap] = []
        begun: list[Mark] = []
        for channel in _readable(guild):
            newest = max(channel.last_message_id or 0, channel.id)
            begin = Mark(channel_id=channel.id, guild_id=guild.id, message_id=channel.id)
            mark = marks.pop(channel.id, None)
            if new_here or (mark is None and channel.last_message_id is None):
                # Nobody has asked us anything before we came.
                begun.append(Mark(channel_id=channel.id, guild_id=guild.id, message_id=newest))
            elif mark is None or mark.message_id < newest:
                gaps.append(Gap(channel=channel, mark=mark or begin, newest=newest))
        # Channel threads that were archived since.
        oldest = self._snowflake_before(MOST_AGE)
        gaps += [
            self._unseen(mark)
            for mark in marks.values()
            if mark.linked
            and mark.message_id > oldest
            and guild.get_channel(mark.channel_id) is None
        ]
        if begun:
            await self._ledger.seen.note(begun)
        self._marks.planned(guild.id, [gap.mark.channel_id for gap in gaps])
        return gaps

    def _unseen(self, mark: Mark) -> Gap:
        channel = self._client.get_partial_messageable(mark.channel_id, guild_id=mark.guild_id)
        return Gap(channel=channel, mark=mark, newest=mark.message_id)

    async def _read_all(self, gaps: Iterable[Gap]) -> None:
        ordered = sorted(gaps, key=lambda gap: (not gap.mark.linked, -gap.newest))
        if not ordered:
            return
        _log.info("Reading %d channels for what was written meanwhile", len(ordered))
        async with asyncio.TaskGroup() as group:
            for gap in ordered[:MOST_CHANNELS]:
                group.create_task(self._read(gap))
            for gap in ordered[MOST_CHANNELS:]:
                group.create_task(self._leave_out(gap))

    async def _leave_out(self, gap: Gap) -> None:
        _log.warning("Channel %d is not read: too many were written in", gap.mark.channel_id)
        await self._tell_cut(gap, gap.newest)
        self._read_up_to(gap, gap.newest)

    async def _read(self, gap: Gap) -> None:
        channel_id = gap.mark.channel_id
        async with self._at_once:
            try:
                messages, cut = await self._since(gap)
            except discord.HTTPException as error:
                _log.info("Channel %d can't be read: %s", channel_id, error)
                self._marks.gone(channel_id)
                if error.code == _UNKNOWN_CHANNEL:
                    await self._ledger.seen.forget(channel_id)
                self._release()
                return
            found = await self._surely(lambda: self._standing(gap, messages))
            for message in messages:
                if not found.settles(message.id):
                    cut = not await self._taken(message) or cut
            newest = messages[-1].id if messages else gap.mark.message_id
            if cut:
                _log.warning("More was written in %d than is read after an absence", channel_id)
                await self._tell_cut(gap, newest)
        self._read_up_to(gap, newest)

    def _read_up_to(self, gap: Gap, message_id: int) -> None:
        mark = gap.mark
        self._marks.caught_up(
            Mark(channel_id=mark.channel_id, guild_id=mark.guild_id, message_id=message_id)
        )
        self._release()

    async def _since(self, gap: Gap) -> tuple[list[discord.Message], bool]:
        """Return what was written since the mark, in order, and whether a bound cut some off."""
        found: list[discord.Message] = []
        oldest = self._snowflake_before(MOST_AGE)
        before: discord.Message | None = None
        for _ in range(MOST_PAGES):
            page = await self._delivery.insist(
                lambda before=before: _page(gap.channel, before)  # type: ignore[misc]  # mypy can't type a lambda's default
            )
            for message in page:
                if message.id <= gap.mark.message_id:
                    return found[::-1], False
                if message.id < oldest:
                    return found[::-1], True
                found.append(message)
            if len(page) < _PAGE:
                return found[::-1], False
            before = page[-1]
        return found[::-1], True

    async def _standing(self, gap: Gap, messages: list[discord.Message]) -> standing.Found:
        """Return what stands below what was asked, and let the ledger know of it.

        Only where the ledger was put back from a backup is there something it does not know, but
        for what was refused.
        """
        me = self._me()
        found = await self._found_in(gap.channel, gap.mark, messages)
        elsewhere: set[int] = set()
        threads = [message for message in messages if _may_be_answered_in_thread(message, me)]
        if threads:
            ids = [message.id for message in threads]
            known = await self._ledger.standing.known_questions(ids)
            for message in threads:
                if message.id not in known and await self._answered_in_thread(message):
                    elsewhere.add(message.id)
        return msgspec.structs.replace(found, refused=found.refused | elsewhere)

    async def _answered_in_thread(self, message: discord.Message) -> bool:
        """Whether our answer to a question stands in the channel thread opened from it."""
        guild_id = message.guild.id if message.guild is not None else None
        mark = Mark(channel_id=message.id, guild_id=guild_id, message_id=message.id)
        thread = self._client.get_partial_messageable(message.id, guild_id=guild_id)
        try:
            messages = await self._delivery.insist(lambda: _first_page(thread))
        except discord.HTTPException as error:
            _log.info("Channel thread %d can't be read: %s", message.id, error)
            return False
        return bool((await self._found_in(thread, mark, messages)).answers)

    async def _found_in(
        self, channel: discord.abc.Messageable, mark: Mark, messages: list[discord.Message]
    ) -> standing.Found:
        channel_id = mark.channel_id
        parent_id = channel.parent_id if isinstance(channel, discord.Thread) else None
        opened = mark.guild_id is not None and isinstance(
            channel, discord.Thread | discord.PartialMessageable
        )
        found = await standing.find(self._ledger, channel_id, messages, self._me(), opened=opened)
        for answer in found.answers:
            _log.info("What was asked up to %d has its answer in %d", answer.up_to, channel_id)
            link = None
            if parent_id is not None:
                link = Link(
                    channel_id=channel_id,
                    guild_id=mark.guild_id,
                    parent_id=parent_id,
                    listening=True,
                )
            await self._ledger.standing.answered(
                channel_id, answer.up_to, answer.message_id, opened=link
            )
        for message_id in found.left:
            _log.info("Reply %d in %d is of no turn that goes on", message_id, channel_id)
            message = self._client.get_partial_messageable(channel_id).get_partial_message(
                message_id
            )
            with contextlib.suppress(discord.HTTPException):
                await self._delivery.insist(message.delete)
        return found

    def _me(self) -> int:
        assert self._client.user is not None, "no channel is read before the login"
        return self._client.user.id

    async def _taken(self, message: discord.Message) -> bool:
        """Take a question as soon as that is possible; False where too many wait already."""
        while True:
            try:
                await self._take(message)
            except LedgerError as error:
                _log.warning("Question %d can't be written down yet: %s", message.id, error)
                await self._clock.sleep(_AGAIN_SECONDS)
            except QueueFullError as error:
                _log.warning("Question %d is left out: %s", message.id, error)
                return False
            else:
                return True

    async def _tell_cut(self, gap: Gap, newest: int) -> None:
        """Say so where people talk with us; elsewhere nobody need know that we ever listen."""
        if not gap.mark.linked:
            return
        try:
            await self._delivery.insist(
                lambda: gap.channel.send(sentences.MISSED, nonce=f"missed.{newest}"[:25])
            )
        except discord.HTTPException as error:
            _log.info("That something was missed can't be said: %s", error)

    def _snowflake_before(self, seconds: float) -> int:
        moment = self._clock.now() - seconds
        return max(0, int(moment * 1_000) - discord.utils.DISCORD_EPOCH) << 22

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("What was missed could not be read", exc_info=error)


async def _page(
    channel: discord.abc.Messageable, before: discord.Message | None
) -> list[discord.Message]:
    return [message async for message in channel.history(limit=_PAGE, before=before)]


async def _first_page(channel: discord.abc.Messageable) -> list[discord.Message]:
    return [message async for message in channel.history(limit=_PAGE, oldest_first=True)]


def _may_be_answered_in_thread(message: discord.Message, me: int) -> bool:
    """Whether a channel thread was opened from what may be a question."""
    asks = me in message.raw_mentions or bool(message.raw_role_mentions)
    return asks and (message.thread is not None or message.flags.has_thread)


def _readable(guild: discord.Guild) -> list[Place]:
    channels: list[Place] = [
        *guild.text_channels,
        *guild.voice_channels,
        *guild.stage_channels,
        *guild.threads,
    ]
    return [each for each in channels if _may_read(each.permissions_for(guild.me))]


def _may_read(permissions: discord.Permissions) -> bool:
    return permissions.view_channel and permissions.read_message_history
