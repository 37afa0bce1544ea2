import asyncio
import logging
import time

import pytest

from bot.chat.transport.loop_monitor import EVERY_SECONDS, LoopMonitor
from bot.runtime.clock import SystemClock


class Counted(SystemClock):
    """The machine's clock; ``slept`` tells of each sleep that has begun."""

    def __init__(self) -> None:
        self.slept = asyncio.Semaphore(0)

    async def sleep(self, seconds: float) -> None:
        self.slept.release()
        await super().sleep(seconds)


async def test_a_loop_that_something_blocks_is_measured_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    clock = Counted()
    loop_monitor = LoopMonitor(clock)
    assert loop_monitor.percentile(0.99) == 0.0
    loop_monitor.start()
    loop_monitor.start()
    for _ in range(2):
        await clock.slept.acquire()
        time.sleep(0.5)  # noqa: ASYNC251 - this is what is to be measured
    await clock.slept.acquire()
    assert loop_monitor.percentile(1.0) >= 0.3
    assert len([record for record in caplog.records if "event loop" in record.message]) == 1
    await loop_monitor.stop()


class Late(SystemClock):
    """A clock on which each sleep takes as much longer as it is told; then none ends any more."""

    def __init__(self, *late: float) -> None:
        self._late = list(late)
        self._time = 0.0
        self.over = asyncio.Event()

    def monotonic(self) -> float:
        return self._time

    async def sleep(self, seconds: float) -> None:
        if not self._late:
            self.over.set()
            await asyncio.Event().wait()
        self._time += seconds + self._late.pop(0)


async def measured(*late: float) -> LoopMonitor:
    clock = Late(*late)
    loop_monitor = LoopMonitor(clock)
    loop_monitor.start()
    await clock.over.wait()
    await loop_monitor.stop()
    return loop_monitor


async def test_one_long_standstill_counts_for_as_long_as_it_was() -> None:
    quiet = [0.0] * 300
    loop_monitor = await measured(*quiet, 6.0, *quiet[:200])
    assert loop_monitor.percentile(0.99) > 5.0
    # An event that came at any moment of the last minute: one in ten came into the standstill.
    assert loop_monitor.percentile(0.88) == pytest.approx(0.0, abs=1e-6)
    assert loop_monitor.percentile(0.95) == pytest.approx(3.0, abs=0.5)


async def test_what_is_longer_ago_than_a_minute_counts_no_more() -> None:
    loop_monitor = await measured(6.0, *[0.0] * int(60 / EVERY_SECONDS))
    assert loop_monitor.percentile(1.0) == pytest.approx(0.0, abs=1e-6)
    loop_monitor = await measured(*[0.0] * 500, 600.0)
    assert loop_monitor.percentile(0.01) > 500
