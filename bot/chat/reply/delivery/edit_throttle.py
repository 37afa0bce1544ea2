"""Spaces the progress edits of replies: per channel, and all of them within one budget.

A reply that waits for a run slot shows how long the queue is, within a budget of its own: these
notices never delay an answer. Edits that finish a reply do not pass through here.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from bot.chat.transport.rate_limiter import RateLimiter, RequestPriority
from bot.runtime.clock import Clock
from bot.runtime.tasks import cancelling

CHANNEL_SECONDS: Final = 1.1
"""Time between two progress edits in a channel, in seconds; Discord accepts about five in five."""

PER_SECOND: Final = 24.0
"""Progress edits per second of all replies together; Discord accepts 50 requests of a bot.

Ten questions per second need the rest: each has a placeholder and a final edit. A progress edit
that waited for its request would delay the final edit of its own reply.
"""

NOTICES_PER_SECOND: Final = 4
"""Edits per second that show a queue's length; with hundreds of waiting replies, each answer
changes the number in all of them."""

MOST_429: Final = 3
"""After so many 429 responses a reply shows no more progress."""

_MOST_SLOWDOWN: Final = 15.0
"""The factor by which urgent requests slow progress edits down at most."""


class EditThrottle:
    """Tells each channel's reply when it may show progress."""

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
        self._last_edit: dict[int, float] = {}
        self._order = asyncio.Lock()
        self._notices = RateLimiter(clock, per_second=notices_per_second)
        self._is_waiting: dict[int, Callable[[], bool]] = {}
        self._has_slot: dict[int, asyncio.Event] = {}
        self._urgent = 0

    def begin(self, channel_id: int, *, is_waiting: Callable[[], bool] | None = None) -> None:
        """Begin a reply in a channel; ``is_waiting`` tells whether it waits for a run slot."""
        self._refusals[channel_id] = 0
        self._is_waiting[channel_id] = is_waiting or _never
        self._has_slot[channel_id] = asyncio.Event()

    def stop_waiting(self, channel_id: int) -> None:
        """Note that the channel's reply has its run slot, so that its next edit is progress."""
        if channel_id in self._has_slot:
            self._has_slot[channel_id].set()

    def end(self, channel_id: int) -> None:
        """End the channel's reply, and forget everything about the channel."""
        self._refusals.pop(channel_id, None)
        self._last_edit.pop(channel_id, None)
        self._is_waiting.pop(channel_id, None)
        self._has_slot.pop(channel_id, None)

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
        """Return whether the channel's reply shows no more progress."""
        return self._refusals.get(channel_id, 0) >= MOST_429

    async def wait_for_edit(self, channel_id: int) -> RequestPriority:
        """Wait until this channel's reply may be edited; the longest wait goes first.

        Returns the priority that the edit's request is to have.
        """
        last = self._last_edit.get(channel_id)
        if last is not None:
            await self._sleep_until(last + self._channel_seconds)
        # A reply's first notice matters more than an update of the number.
        if self._is_waiting.get(channel_id, _never)() and await self._wait_for_notice(
            self._has_slot[channel_id], first=last is None
        ):
            priority = RequestPriority.NOTICE
            now = self._take_slot()
        else:
            priority = RequestPriority.PROGRESS
            async with self._order:
                await self._sleep_until(self._next_slot)
                now = self._take_slot()
        if channel_id in self._refusals:  # else the reply has ended meanwhile
            self._last_edit[channel_id] = now
        return priority

    def _take_slot(self) -> float:
        now = self._clock.monotonic()
        slot = self._slot_seconds * min(1 + self._urgent / 2, _MOST_SLOWDOWN)
        self._next_slot = max(now, self._next_slot) + slot
        return now

    async def _wait_for_notice(self, has_slot: asyncio.Event, *, first: bool) -> bool:
        """Wait until a notice may be sent; False if the reply got its run slot before that."""
        notice = asyncio.create_task(
            self._notices.acquire(RequestPriority.URGENT if first else RequestPriority.USUAL)
        )
        got_slot = asyncio.create_task(has_slot.wait())
        async with cancelling(notice, got_slot):
            await asyncio.wait({notice, got_slot}, return_when=asyncio.FIRST_COMPLETED)
            return notice.done()

    async def _sleep_until(self, moment: float) -> None:
        wait = moment - self._clock.monotonic()
        if wait > 0:
            await self._clock.sleep(wait)


def _never() -> bool:
    return False
