"""The sandbox's clock: wall clock plus skipped time. Skipping fires the timers that fall due."""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime


class Timer:
    """A call that is due at a time of a ``SandboxClock``."""

    __slots__ = ("callback", "cancelled", "when")

    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.when = when
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        """Cancel the call; a second cancel does nothing."""
        self.cancelled = True


class SandboxClock:
    """Unix time in seconds that can be moved forward, never back."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._skipped = 0.0
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._armed: asyncio.TimerHandle | None = None

    def now(self) -> float:
        """Return the sandbox's time in Unix seconds."""
        return self._wall() + self._skipped

    def isoformat(self, at: float | None = None) -> str:
        """Return a time, by default now, as Discord writes it: UTC with microseconds."""
        return isoformat(self.now() if at is None else at)

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` once ``now()`` has reached ``when``; needs a running loop."""
        timer = Timer(when, callback)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        # Only the earliest timer is armed on the event loop.
        if self._timers[0][2] is timer:
            self._arm()
        return timer

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` once ``seconds`` of sandbox time have passed."""
        return self.call_at(self.now() + seconds, callback)

    def advance(self, seconds: float) -> None:
        """Skip ``seconds``; calls the timers that fall due, in order, before it returns."""
        if seconds < 0:
            raise ValueError(f"a clock is moved forward only, not by {seconds} s")
        self._skipped += seconds
        self._fire()

    def stop(self) -> None:
        """Cancel all timers."""
        self._timers.clear()
        if self._armed is not None:
            self._armed.cancel()
            self._armed = None

    def _fire(self) -> None:
        while self._timers and self._timers[0][0] <= self.now():
            timer = heapq.heappop(self._timers)[2]
            if not timer.cancelled:
                timer.callback()
        self._arm()

    def _arm(self) -> None:
        if self._armed is not None:
            self._armed.cancel()
            self._armed = None
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        if self._timers:
            delay = max(0.0, self._timers[0][0] - self.now())
            self._armed = asyncio.get_running_loop().call_later(delay, self._fire)


def isoformat(at: float) -> str:
    """Return Unix seconds as Discord writes a time."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")
