"""The clock for waits and dates, passed to each part, so that tests can use their own."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for deadlines across restarts, monotonic time for all others; in seconds."""

    def now(self) -> float:
        """Return the seconds since 1970."""

    def monotonic(self) -> float:
        """Return the seconds of a clock that never runs backwards."""

    async def sleep(self, seconds: float) -> None:
        """Sleep for ``seconds`` seconds."""


class SystemClock:
    """The system's clock."""

    def now(self) -> float:
        """Return the seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Return the seconds of a clock that never runs backwards."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep for ``seconds`` seconds."""
        await asyncio.sleep(seconds)
