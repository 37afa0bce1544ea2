import asyncio
import logging
import time

import pytest

from bot.chat.lag import Lag
from bot.clock import SystemClock


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
    lag = Lag(clock)
    assert lag.percentile(0.99) == 0.0
    lag.start()
    lag.start()
    for _ in range(2):
        await clock.slept.acquire()
        time.sleep(0.5)  # noqa: ASYNC251 - this is what is to be measured
    await clock.slept.acquire()
    assert lag.percentile(1.0) >= 0.3
    assert len([record for record in caplog.records if "event loop" in record.message]) == 1
    await lag.stop()
