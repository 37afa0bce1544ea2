"""Measures how late the event loop runs its tasks, and logs delays that members would notice."""

import asyncio
import logging
from collections import deque
from typing import Final

from bot.runtime.clock import Clock

EVERY_SECONDS: Final = 0.1
"""The time between two measurements, in seconds."""

NOTICEABLE_SECONDS: Final = 0.25
"""The delay above which a warning is logged, in seconds."""

_KEPT: Final = 600
"""How many measurements are kept: those of one minute."""

_WORTH_LOGGING: Final = 50
"""The fewest measurements for the log line at the end; a refused start has fewer."""

_QUIET_SECONDS: Final = 60.0
"""The time between two warnings, in seconds."""

_log: Final = logging.getLogger(__name__)


class LoopMonitor:
    """Keeps the delays of the last minute, weighted by time: tasks become due at any moment."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._late: deque[float] = deque(maxlen=_KEPT)
        self._logged_at = float("-inf")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start measuring; does nothing if already started."""
        if self._task is None:
            self._task = asyncio.create_task(self._measure())

    async def stop(self) -> None:
        """Stop measuring, and log the delay of the last minute."""
        task, self._task = self._task, None
        if task is not None:
            if len(self._late) >= _WORTH_LOGGING:
                _log.info(
                    "How late the event loop was, p99 of the last minute: %.0f ms",
                    self.percentile(0.99) * 1_000,
                )
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def percentile(self, share: float) -> float:
        """Return the delay in seconds that was not exceeded in this share of the last minute."""
        ordered = sorted(self._late)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0

    async def _measure(self) -> None:
        while True:
            before = self._clock.monotonic()
            await self._clock.sleep(EVERY_SECONDS)
            late = max(0.0, self._clock.monotonic() - before - EVERY_SECONDS)
            self._note(late)
            if late > NOTICEABLE_SECONDS and before - self._logged_at > _QUIET_SECONDS:
                self._logged_at = before
                _log.warning(
                    "The event loop was %.0f ms late (p99 of the last minute: %.0f ms): this "
                    "machine is too busy, or something blocks the bot",
                    late * 1_000,
                    self.percentile(0.99) * 1_000,
                )

    def _note(self, late: float) -> None:
        self._late.append(late)
        # Add the measurements that the delay prevented: a task could become due at any of them.
        for missed in range(1, min(int(late / EVERY_SECONDS), _KEPT) + 1):
            self._late.append(late - missed * EVERY_SECONDS)
