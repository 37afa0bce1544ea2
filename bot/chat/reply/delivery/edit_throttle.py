"""Spaces the progress edits of replies: the edits of each channel, and all edits together.

A reply that waits for a run slot shows the length of the queue. These notices have a limit of their
own, so that they never delay an answer. Final edits are not limited here.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from bot.chat.transport.rate_limiter import RateLimiter, RequestPriority
from bot.runtime.clock import Clock
from bot.runtime.tasks import cancelling

CHANNEL_SECONDS: Final = 1.1
"""Time between two progress edits in a channel, in seconds; Discord accepts about one a second."""

PER_SECOND: Final = 24.0
"""Progress edits per second of all replies together; Discord accepts 50 requests of a bot.

Ten questions per second need the rest: each has a placeholder and a final edit. A progress edit
that waited for its request would delay the final edit of its own reply.
"""

NOTICES_PER_SECOND: Final = 4
"""Edits per second that show a queue's length; with hundreds of waiting replies, each answer
changes the number in all of them."""

MOST_429: Final = 3
"""The number of 429 responses after which a reply shows no more progress."""

_MOST_SLOWDOWN: Final = 15.0
"""The factor by which urgent requests slow progress edits down at most."""


class _Progress:
    """The state of a channel's reply: whether it waits, its last edit, its 429 responses."""

    def __init__(self, is_waiting: Callable[[], bool]) -> None:
        self.is_waiting = is_waiting
        self.has_slot = asyncio.Event()
        self.refusals = 0
        self.last_edit: float | None = None


class EditThrottle:
    """Tells each channel's reply when it may make its next progress edit."""

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
        self._edit_seconds = 1 / per_second
        self._next_edit = 0.0
        self._order = asyncio.Lock()
        self._notices = RateLimiter(clock, per_second=notices_per_second)
        self._replies: dict[int, _Progress] = {}
        self._urgent = 0

    def begin(self, channel_id: int, *, is_waiting: Callable[[], bool] = bool) -> None:
        """Begin a reply in a channel; ``is_waiting`` tells whether it waits for a run slot."""
        self._replies[channel_id] = _Progress(is_waiting)

    def stop_waiting(self, channel_id: int) -> None:
        """Note that the channel's reply has its run slot: its next edit shows no queue."""
        if channel_id in self._replies:
            self._replies[channel_id].has_slot.set()

    def end(self, channel_id: int) -> None:
        """End the channel's reply, and forget everything about the channel."""
        self._replies.pop(channel_id, None)

    def count_429(self, channel_id: int) -> None:
        """Count a 429 response to an edit in this channel; three end the reply's progress."""
        if channel_id in self._replies:
            self._replies[channel_id].refusals += 1

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
        return channel_id in self._replies and self._replies[channel_id].refusals >= MOST_429

    async def wait_for_edit(self, channel_id: int) -> RequestPriority:
        """Wait until this channel's reply may be edited; replies get edits in the order they asked.

        Returns the priority of the edit's request.
        """
        reply = self._replies.get(channel_id) or _Progress(bool)
        first = reply.last_edit is None
        if reply.last_edit is not None:
            await self._sleep_until(reply.last_edit + self._channel_seconds)
        # The first notice of a queue's length matters more than an update of the length.
        if reply.is_waiting() and await self._wait_for_notice(reply.has_slot, first=first):
            priority = RequestPriority.NOTICE
            reply.last_edit = self._take_edit()
        else:
            priority = RequestPriority.PROGRESS
            async with self._order:
                await self._sleep_until(self._next_edit)
                reply.last_edit = self._take_edit()
        return priority

    def _take_edit(self) -> float:
        """Count an edit of all replies together; return the present time."""
        now = self._clock.monotonic()
        seconds = self._edit_seconds * min(1 + self._urgent / 2, _MOST_SLOWDOWN)
        self._next_edit = max(now, self._next_edit) + seconds
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
