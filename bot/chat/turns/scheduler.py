"""Runs one turn at a time in each channel; the next turn answers all waiting questions together.

The order of turns is in the ledger. The scheduler only decides which channels have a worker.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import Final

from bot.chat.reply.reply import Reply
from bot.chat.texts.fluent import localized, using
from bot.chat.turns.channel_queue import DIRECT, ChannelQueue
from bot.chat.turns.turn_context import TurnContext, TurnServices
from bot.chat.turns.turn_runner import TurnRunner
from bot.runtime.backoff import backoff
from bot.runtime.log_context import logged_as
from bot.store.ledger import Turn

MOST_WORKERS: Final = 1_000
"""The most channels with a worker at the same time; a waiting channel costs only its id."""

GUARANTEED_PER_GUILD: Final = 10
"""How many channels of a guild get a worker even beyond ``MOST_WORKERS``."""

_PAUSED_PER_SECOND: Final = 45
"""How many replies get a note per second at shutdown."""

_CANCEL_SECONDS: Final = 0.3

FIRST_PAUSE: Final = 1.0
"""The wait before a failed worker tries again, in seconds; each failure doubles the wait."""

_LONGEST_PAUSE: Final = 30.0

_log: Final = logging.getLogger(__name__)


class TurnScheduler:
    """Runs the turns of all channels, one at a time in each channel.

    ``held`` returns whether a channel may begin no turn for now, because older messages are read.
    The limits are described beside their constants, such as ``MOST_WORKERS``.
    """

    def __init__(
        self,
        services: TurnServices,
        *,
        held: Callable[[int], bool],
        most_workers: int,
        guaranteed_per_guild: int,
        first_pause: float,
    ) -> None:
        self._services = services
        self._ledger = services.ledger
        self._clock = services.clock
        self._throttle = services.throttle
        self._held = held
        self._most_workers = most_workers
        self._guaranteed_per_guild = guaranteed_per_guild
        self._first_pause = first_pause
        self._workers: dict[int, asyncio.Task[None]] = {}
        self._due: set[int] = set()
        self._held_back: set[int] = set()
        self._waiting = ChannelQueue(services.ledger, self._begin_at_once)
        self._guilds: dict[int, int] = {}
        self._at_work: Counter[int] = Counter()
        self._running: dict[int, tuple[TurnContext, TurnRunner]] = {}
        self._answering: set[int] = set()
        self._interrupted: set[int] = set()
        self._closing = False

    def schedule(self, channel_id: int) -> None:
        """Let a worker run the open turns and waiting questions of a channel."""
        self._due.add(channel_id)
        if channel_id in self._answering:
            self._services.waiting_reactions.add_soon(channel_id)
        if channel_id in self._workers or self._closing:
            return
        if self._held(channel_id):
            self._held_back.add(channel_id)
        elif len(self._workers) < self._most_workers:
            self._begin(channel_id)
        else:
            self._waiting.add(channel_id)

    def release(self) -> None:
        """Give workers to channels that are held no longer."""
        held, self._held_back = self._held_back, set()
        for channel_id in held:
            self.schedule(channel_id)

    def cancel(self, turn_id: int) -> None:
        """Stop the work on a turn whose cancellation, or next attempt, is stored in the ledger."""
        running = self._running.get(turn_id)
        if running is not None:
            running[0].cancel()

    def stop_in(self, lost_id: int) -> None:
        """Stop the turns of a channel, of a channel's channel threads, or of a guild by its id."""
        for context, _ in self._running.values():
            turn = context.turn
            if lost_id in (turn.place_id, turn.parent_id, turn.guild_id):
                context.lose_channel()

    async def stop(self) -> None:
        """Stop all workers, and note in each open reply that it will go on; turns stay open."""
        self._closing = True
        await self._waiting.stop()
        workers = set(self._workers.values())
        running = list(self._running.values())
        for worker in workers:
            worker.cancel()
        if workers:
            # A worker that hangs must not delay the notes.
            await asyncio.wait(workers, timeout=_CANCEL_SECONDS)
        # Spread over time, because each edit has little time and Discord limits their rate.
        await asyncio.gather(
            *(
                self._pause(context, runner, number // _PAUSED_PER_SECOND)
                for number, (context, runner) in enumerate(running)
            ),
            return_exceptions=True,
        )

    async def _pause(self, context: TurnContext, runner: TurnRunner, seconds: float) -> None:
        if seconds:
            await self._clock.sleep(seconds)
        with self._throttle.urgent(), using(context.language):
            await runner.pause(localized("restarting"))

    def _begin(self, channel_id: int, guild_id: int | None = None) -> None:
        if guild_id is not None:
            self._count(channel_id, guild_id)
        self._workers[channel_id] = asyncio.create_task(self._work(channel_id))

    def _begin_at_once(self, channel_id: int, guild_id: int) -> bool:
        """Give a channel a worker beyond the limit if few of its guild's channels have one."""
        if self._at_work[guild_id] < self._guaranteed_per_guild and self._may_begin(channel_id):
            self._begin(channel_id, guild_id)
            return True
        return False

    def _may_begin(self, channel_id: int) -> bool:
        if channel_id in self._workers or channel_id not in self._due or self._closing:
            return False
        if self._held(channel_id):
            self._held_back.add(channel_id)
            return False
        return True

    def _count(self, channel_id: int, guild_id: int) -> None:
        if channel_id not in self._guilds:
            self._guilds[channel_id] = guild_id
            self._at_work[guild_id] += 1

    def _discount(self, channel_id: int) -> None:
        guild_id = self._guilds.pop(channel_id, None)
        if guild_id is not None:
            self._at_work[guild_id] -= 1
            if not self._at_work[guild_id]:
                del self._at_work[guild_id]

    async def _work(self, channel_id: int) -> None:
        failures = 0
        try:
            while channel_id in self._due and not self._held(channel_id):
                self._due.discard(channel_id)
                if not await self._run_turns(channel_id):
                    self._due.add(channel_id)
                    await self._clock.sleep(
                        backoff(failures, _LONGEST_PAUSE, first=self._first_pause)
                    )
                    failures += 1
        finally:
            del self._workers[channel_id]
            self._discount(channel_id)
            if channel_id in self._due:
                self._held_back.add(channel_id)
            self._next_waiting()

    def _next_waiting(self) -> None:
        """Give free workers to the channels that wait for one."""
        while (
            len(self._workers) < self._most_workers and (found := self._waiting.next()) is not None
        ):
            if self._may_begin(found[0]):
                self._begin(*found)

    async def _run_turns(self, channel_id: int) -> bool:
        """Run the channel's turns one after the other; return False after a failure."""
        try:
            while not self._held(channel_id):
                turn = await self._ledger.turns.next_in(channel_id)
                if turn is None:
                    return True
                if not await self._run(turn):
                    return False
            # Held: older questions may still be read.
            self._due.add(channel_id)
        except Exception:  # noqa: BLE001 - a full disk or a defect: the channel must go on
            _log.exception("The turns of channel %d pause after a failure", channel_id)
            return False
        return True

    async def _run(self, turn: Turn) -> bool:
        """Run a turn to its end; return False where no step was possible."""
        # A turn that was interrupted, or retried after a failure in a call, may have created
        # messages and runs that the ledger does not know.
        unsure = turn.interruptions > 0 or turn.id in self._interrupted or turn.attempt > 1
        language = await self._services.locales.of_turn(turn)
        context = TurnContext(self._services, turn, language, unsure=unsure)
        reply = Reply(
            turn,
            await self._services.writers.of(turn),
            self._ledger,
            self._throttle,
            unsure=unsure,
            drawer=self._services.drawer,
            channel_lost=context.lose_channel,
            progress_grace=self._services.progress_grace,
        )
        runner = TurnRunner(context, reply)
        self._running[turn.id] = context, runner
        self._count(turn.channel_id, turn.guild_id or DIRECT)
        self._throttle.begin(turn.channel_id, is_waiting=context.slot.is_waiting)
        self._interrupted.add(turn.id)
        self._answering.add(turn.channel_id)
        if turn.has_chores:
            self._services.chores.begin((turn.channel_id,))
        if unsure:
            self._services.waiting_reactions.add_soon(turn.channel_id)
        try:
            with using(language), logged_as(str(turn.reply_to)):
                ended = await runner.to_end()
            if ended:
                self._interrupted.discard(turn.id)
            return ended
        finally:
            self._answering.discard(turn.channel_id)
            self._throttle.end(turn.channel_id)
            if not self._closing:
                del self._running[turn.id]
                await reply.stop()
