"""The machine's own clock."""

import time

from bot.runtime.clock import Clock, SystemClock


async def test_the_system_clock_returns_the_systems_time() -> None:
    clock: Clock = SystemClock()
    assert abs(clock.now() - time.time()) < 5
    before = clock.monotonic()
    await clock.sleep(0.01)
    assert clock.monotonic() - before >= 0.009
