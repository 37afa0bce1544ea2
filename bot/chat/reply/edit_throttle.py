"""How fast replies grow: spaced a channel, fairly within one budget, and stopped by three 429s.

Only progress waits here, and replies that have none yet: those say how long they wait within a
budget of their own, so that it is never at the cost of an answer. What ends a reply never waits.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from bot.chat.transport.rate_limiter import RateLimiter, RequestPriority
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

MOST_429: Final = 3
"""After so many 429 responses a reply shows no more progress."""

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
        self._refusals: dict[int, int] = {}
        self._last: dict[int, float] = {}
        self._order = asyncio.Lock()
        self._notices = RateLimiter(clock, per_second=notices_per_second)
        self._waits: dict[int, Callable[[], bool]] = {}
        self._hurried: dict[int, asyncio.Event] = {}
        self._urgent = 0

    def begin(self, channel_id: int, *, waits: Callable[[], bool] | None = None) -> None:
        """A reply begins in a channel, with no strike against it; ``waits``: it has no run yet."""
        self._refusals[channel_id] = 0
        self._waits[channel_id] = waits or _never
        self._hurried[channel_id] = asyncio.Event()

    def hurry(self, channel_id: int) -> None:
        """The channel's reply waits no longer: what it shows from now on is an answer."""
        if channel_id in self._hurried:
            self._hurried[channel_id].set()

    def end(self, channel_id: int) -> None:
        """The channel's reply has ended."""
        self._refusals.pop(channel_id, None)
        self._last.pop(channel_id, None)
        self._waits.pop(channel_id, None)
        self._hurried.pop(channel_id, None)

    def count_429(self, channel_id: int) -> None:
        """Count a 429 response to an edit in this channel; three end the reply's progress."""
        if channel_id in self._refusals:
            self._refusals[channel_id] += 1

    @contextmanager
    def urgent(self) -> Iterator[None]:
        """Slow all progress edits down while the block sends an urgent request.

        Both count towards the requests per second that Discord accepts from a bot.
        """
        self._urgent += 1
        try:
            yield
        finally:
            self._urgent -= 1

    def is_stopped(self, channel_id: int) -> bool:
        """Whether the channel's reply shows no more progress."""
        return self._refusals.get(channel_id, 0) >= MOST_429

    async def turn(self, channel_id: int) -> RequestPriority:
        """Wait until this channel's reply may be edited; the longest wait goes first.

        Returns the priority that the edit's request is to have.
        """
        last = self._last.get(channel_id)
        if last is not None:
            await self._sleep_until(last + self._channel_seconds)
        # The first time it says so matters more than the next.
        if self._waits.get(channel_id, _never)() and await self._noticed(
            self._hurried[channel_id], first=last is None
        ):
            priority = RequestPriority.NOTICE
            now = self._take_slot()
        else:
            priority = RequestPriority.PROGRESS
            async with self._order:
                await self._sleep_until(self._next_slot)
                now = self._take_slot()
        if channel_id in self._refusals:  # else it has ended meanwhile
            self._last[channel_id] = now
        return priority

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
