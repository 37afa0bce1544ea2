import logging

import pytest

from bot.chat.transport.loop_monitor import EVERY_SECONDS, LoopMonitor
from tests.support.fake_clock import FakeClock


async def test_a_loop_that_is_late_again_and_again_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    await measured(0.5, 0.5, 0.0, 0.5)
    (record,) = caplog.records
    assert "The event loop was 500 ms late" in record.getMessage()


async def measured(*late: float) -> LoopMonitor:
    """Return a monitor whose sleeps each took so many seconds too long: something blocked the loop.

    The monitor is started twice.
    """
    clock = FakeClock()
    monitor = LoopMonitor(clock)
    assert monitor.percentile(0.99) == 0.0
    monitor.start()
    monitor.start()
    for seconds in late:
        await clock.until_sleeping()
        clock.advance(EVERY_SECONDS + seconds)
    await clock.until_sleeping()
    assert len(clock.slept) == len(late) + 1
    await monitor.stop()
    return monitor


async def test_a_long_delay_counts_for_its_whole_length() -> None:
    quiet = [0.0] * 300
    loop_monitor = await measured(*quiet, 6.0, *quiet[:200])
    assert loop_monitor.percentile(0.99) > 5.0
    # An event that came at any moment of the last minute: one in ten came into the standstill.
    assert loop_monitor.percentile(0.88) == pytest.approx(0.0, abs=1e-6)
    assert loop_monitor.percentile(0.95) == pytest.approx(3.0, abs=0.5)


async def test_delays_older_than_a_minute_do_not_count() -> None:
    loop_monitor = await measured(6.0, *[0.0] * int(60 / EVERY_SECONDS))
    assert loop_monitor.percentile(1.0) == pytest.approx(0.0, abs=1e-6)
    loop_monitor = await measured(*[0.0] * 500, 600.0)
    assert loop_monitor.percentile(0.01) > 500
