"""The clocks that tests own: one that stands still, and the machine's own, shifted or faster."""

import asyncio
import heapq
import itertools
from typing import Any

from bot.runtime.clock import SystemClock

START = 1_800_000_000.0
"""The Unix time at which a fake clock starts."""


class FakeClock:
    """A clock on which time passes only where a test says so.

    Usually a sleeper waits until `advance` or `run` has passed its time. With `skips` each sleep
    ends at once and moves the time on by its length; `pause` are the real seconds that such a
    sleep takes, for tests in which the network works meanwhile. Sleeps shorter than `real_below`
    seconds are really slept.

    `slept` holds the length of every sleep, in order.
    """

    def __init__(self, *, skips: bool = False, pause: float = 0.0, real_below: float = 0.0) -> None:
        self.slept: list[float] = []
        self._skips = skips
        self._pause = pause
        self._real_below = real_below
        self._elapsed = 0.0
        self._later = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = itertools.count()
        self._changed = asyncio.Condition()

    def now(self) -> float:
        return START + self._elapsed + self._later

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if self._skips:
            self._elapsed += seconds
            await asyncio.sleep(self._pause)
        elif seconds < self._real_below:
            await asyncio.sleep(seconds)
        else:
            await self._wait(seconds)

    def advance(self, seconds: float) -> None:
        """Let so much time pass and wake everybody who slept until then."""
        self._elapsed += seconds
        while self._sleepers and self._sleepers[0][0] <= self._elapsed:
            self._wake_first()

    def jump(self, seconds: float) -> None:
        """Set the date so much later, or earlier; no time passes."""
        self._later += seconds

    async def until_sleeping(self) -> None:
        """Return once somebody sleeps."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._sleepers)

    async def run(self, *tasks: "asyncio.Task[Any]") -> None:
        """Run the tasks to their end: whenever nothing moves, jump to who sleeps shortest."""
        while True:
            for _ in range(10):
                await asyncio.sleep(0)
            if all(task.done() for task in tasks):
                return
            if self._sleepers:
                self._elapsed = max(self._elapsed, self._sleepers[0][0])
                self._wake_first()

    async def _wait(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sleeper = (self._elapsed + seconds, next(self._count), woken)
        heapq.heappush(self._sleepers, sleeper)
        async with self._changed:
            self._changed.notify_all()
        try:
            await woken
        finally:
            if sleeper in self._sleepers:  # the sleeper was cancelled
                self._sleepers.remove(sleeper)
                heapq.heapify(self._sleepers)

    def _wake_first(self) -> None:
        _, _, woken = heapq.heappop(self._sleepers)
        if not woken.done():
            woken.set_result(None)


async def pass_loop_time(seconds: float) -> None:
    """Move the running loop's own clock on, so that each timer due by then fires.

    Whatever can go on without time does so first: the other tasks run until they wait for a timer
    or for a test. So the limits of `asyncio.timeout` and of aiohttp are measured exactly, however
    slow the machine is.
    """
    loop = asyncio.get_running_loop()
    for _ in range(50):
        await asyncio.sleep(0)
    before = loop.time
    loop.time = lambda: before() + seconds  # type: ignore[method-assign]  # this test's loop alone


class ShiftedClock(SystemClock):
    """The machine's clock, with a date `later` and, at a `speed`, with shorter monotonic seconds.

    A test may change all three at any time; `monotonic_speed` alone leaves the sleeps as they are,
    so that much time seems to pass during each; `sleep_speed` alone makes the sleeps shorter.
    """

    def __init__(self, *, speed: float = 1.0) -> None:
        self.later = 0.0
        self.monotonic_speed = speed
        self.sleep_speed = speed

    def now(self) -> float:
        return super().now() + self.later

    def monotonic(self) -> float:
        return super().monotonic() * self.monotonic_speed

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / self.sleep_speed)
