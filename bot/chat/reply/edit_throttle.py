"""How fast replies grow: spaced a channel, fairly within one budget, and stopped by three 429s.

Only progress waits here, and replies that have none yet: those say how long they wait within a
budget of their own, so that it is never at the cost of an answer. What ends a reply never waits.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from bot.chat.transport.rate_limiter import RANK, RateLimiter, RequestPriority
from bot.runtime.clock import Clock
from bot.runtime.tasks import cancelling

CHANNEL_SECONDS: Final = 1.1
"""Between two progress edits in a channel, in seconds; Discord takes about five in five."""

PER_SECOND: Final = 24.0
"""Progress edits of all replies together; a bot has 50 requests a second for everything.

With ten questions a second, each a "thinking…" and an end, that is all it has: a progress edit that
had to wait for its request would keep its own reply's end waiting.
"""

NOTICES_PER_SECOND: Final = 4
"""How many of these may tell of a wait; hundreds may wait, each with news at every answer."""

STRIKES: Final = 3

_MOST_ROOM: Final = 15.0
"""How many times slower progress gets at most to make room."""


class EditThrottle:
    """Says when a reply may show its progress."""

    def __init__(
        self,
        clock: Clock,
        *,
        channel_seconds: float = CHANNEL_SECONDS,
        per_second: float = PER_SECOND,
        notices_per_second: int = NOTICES_PER_SECOND,
    ) -> None:
        self._clock = clock
        self._channel_seconds = channel_seconds
        self._slot_seconds = 1 / per_second
        self._next_slot = 0.0
        self._strikes: dict[int, int] = {}
        self._last: dict[int, float] = {}
        self._order = asyncio.Lock()
        self._notices = RateLimiter(clock, per_second=notices_per_second)
        self._waits: dict[int, Callable[[], bool]] = {}
        self._hurried: dict[int, asyncio.Event] = {}
        self._urgent = 0

    def begin(self, channel_id: int, *, waits: Callable[[], bool] | None = None) -> None:
        """A reply begins in a channel, with no strike against it; ``waits``: it has no run yet."""
        self._strikes[channel_id] = 0
        self._waits[channel_id] = waits or _never
        self._hurried[channel_id] = asyncio.Event()

    def hurry(self, channel_id: int) -> None:
        """The channel's reply waits no longer: what it shows from now on is an answer."""
        if channel_id in self._hurried:
            self._hurried[channel_id].set()

    def end(self, channel_id: int) -> None:
        """The channel's reply has ended."""
        self._strikes.pop(channel_id, None)
        self._last.pop(channel_id, None)
        self._waits.pop(channel_id, None)
        self._hurried.pop(channel_id, None)

    def strike(self, channel_id: int) -> None:
        """Discord said 429 to a call in this channel."""
        if channel_id in self._strikes:
            self._strikes[channel_id] += 1

    @contextmanager
    def urgent(self) -> Iterator[None]:
        """While something that may not wait is on its way to Discord, progress makes room for it.

        Both share what Discord takes of a bot.
        """
        self._urgent += 1
        before = RANK.set(RequestPriority.URGENT)
        try:
            yield
        finally:
            RANK.reset(before)
            self._urgent -= 1

    def struck_out(self, channel_id: int) -> bool:
        """Whether the channel's reply shows no more progress."""
        return self._strikes.get(channel_id, 0) >= STRIKES

    async def turn(self, channel_id: int) -> None:
        """Wait until this channel's reply may be edited; whoever waits longest goes first."""
        last = self._last.get(channel_id)
        if last is not None:
            await self._sleep_until(last + self._channel_seconds)
        # The first time it says so matters more than the next.
        if self._waits.get(channel_id, _never)() and await self._noticed(
            self._hurried[channel_id], first=last is None
        ):
            RANK.set(RequestPriority.NOTICE)
            now = self._take_slot()
        else:
            RANK.set(RequestPriority.PROGRESS)
            async with self._order:
                await self._sleep_until(self._next_slot)
                now = self._take_slot()
        if channel_id in self._strikes:  # else it has ended meanwhile
            self._last[channel_id] = now

    def _take_slot(self) -> float:
        now = self._clock.monotonic()
        slot = self._slot_seconds * min(1 + self._urgent / 2, _MOST_ROOM)
        self._next_slot = max(now, self._next_slot) + slot
        return now

    async def _noticed(self, hurried: asyncio.Event, *, first: bool) -> bool:
        """Wait for a notice's turn; False where the reply has an answer to show instead."""
        notice = asyncio.create_task(
            self._notices.spend(RequestPriority.URGENT if first else RequestPriority.USUAL)
        )
        hurry = asyncio.create_task(hurried.wait())
        async with cancelling(notice, hurry):
            await asyncio.wait({notice, hurry}, return_when=asyncio.FIRST_COMPLETED)
            return notice.done()

    async def _sleep_until(self, moment: float) -> None:
        wait = moment - self._clock.monotonic()
        if wait > 0:
            await self._clock.sleep(wait)


def _never() -> bool:
    return False
