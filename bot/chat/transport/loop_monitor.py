"""How late the event loop is: measured all the time, told in the log when people would notice."""

import asyncio
import logging
from collections import deque
from typing import Final

from bot.runtime.clock import Clock

EVERY_SECONDS: Final = 0.1
"""Between two measurements, in seconds."""

NOTICEABLE_SECONDS: Final = 0.25
"""A loop that is this late is told of in the log."""

_KEPT: Final = 600
_QUIET_SECONDS: Final = 60.0

_log: Final = logging.getLogger(__name__)


class LoopMonitor:
    """Measures the last minute, as somebody would find the loop who came at any moment of it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._late: deque[float] = deque(maxlen=_KEPT)
        self._told = float("-inf")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to measure; a second time does nothing."""
        if self._task is None:
            self._task = asyncio.create_task(self._measure())

    async def stop(self) -> None:
        """Measure no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def percentile(self, share: float) -> float:
        """Return how late the loop was at most in this share of the last minute, in seconds."""
        ordered = sorted(self._late)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0

    async def _measure(self) -> None:
        while True:
            before = self._clock.monotonic()
            await self._clock.sleep(EVERY_SECONDS)
            late = max(0.0, self._clock.monotonic() - before - EVERY_SECONDS)
            self._note(late)
            if late > NOTICEABLE_SECONDS and before - self._told > _QUIET_SECONDS:
                self._told = before
                _log.warning(
                    "The event loop was %.0f ms late (p99 of the last minute: %.0f ms): this "
                    "machine is too busy, or something blocks the bot",
                    late * 1_000,
                    self.percentile(0.99) * 1_000,
                )

    def _note(self, late: float) -> None:
        self._late.append(late)
        # What would have been measured meanwhile: a long standstill is no single case.
        for missed in range(1, min(int(late / EVERY_SECONDS), _KEPT) + 1):
            self._late.append(late - missed * EVERY_SECONDS)
