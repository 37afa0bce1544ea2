import asyncio
import itertools
from contextlib import ExitStack

from bot.chat.reply.delivery.edit_throttle import MOST_429, EditThrottle
from tests.support.fake_clock import FakeClock


async def test_a_channel_waits_between_two_edits() -> None:
    clock = FakeClock()
    throttle = EditThrottle(clock, channel_seconds=1.0, per_second=100)
    throttle.begin(1)
    times: list[float] = []

    async def grow() -> None:
        for _ in range(3):
            await throttle.wait_for_edit(1)
            times.append(clock.monotonic())

    await clock.run(asyncio.create_task(grow()))
    assert times[1] - times[0] >= 1.0
    assert times[2] - times[1] >= 1.0


async def test_all_channels_share_one_budget_and_each_gets_its_turn() -> None:
    clock = FakeClock()
    throttle = EditThrottle(clock, channel_seconds=0.0, per_second=10)
    order: list[tuple[int, float]] = []

    async def grow(channel_id: int) -> None:
        for _ in range(3):
            await throttle.wait_for_edit(channel_id)
            order.append((channel_id, clock.monotonic()))

    await throttle.wait_for_edit(99)  # the slot of now is taken: all have to wait
    await clock.run(*(asyncio.create_task(grow(channel_id)) for channel_id in range(4)))
    assert [channel_id for channel_id, _ in order] == [0, 1, 2, 3] * 3
    times = [time for _, time in order]
    assert all(later - sooner >= 0.0999 for sooner, later in itertools.pairwise(times))


def test_three_429s_stop_the_progress_of_a_reply_but_not_of_the_next() -> None:
    throttle = EditThrottle(FakeClock())
    throttle.begin(1)
    for _ in range(MOST_429):
        assert not throttle.is_stopped(1)
        throttle.count_429(1)
    assert throttle.is_stopped(1)
    throttle.end(1)
    throttle.count_429(1)
    throttle.begin(1)
    assert not throttle.is_stopped(1)


async def test_urgent_requests_slow_progress_edits_down() -> None:
    async def took(urgent: int) -> float:
        clock = FakeClock()
        throttle = EditThrottle(clock, channel_seconds=0.0, per_second=10)
        began = clock.monotonic()

        async def grow() -> None:
            for _ in range(5):
                await throttle.wait_for_edit(1)

        with ExitStack() as waiting:
            for _ in range(urgent):
                waiting.enter_context(throttle.urgent())
            await clock.run(asyncio.create_task(grow()))
        return clock.monotonic() - began

    alone, beside_four, beside_many = [await took(urgent) for urgent in (0, 4, 1_000)]
    assert beside_four > 2 * alone
    assert beside_four < beside_many < 20 * alone


async def test_waiting_replies_do_not_delay_a_reply_with_progress() -> None:
    clock = FakeClock()
    throttle = EditThrottle(clock, channel_seconds=0.0, per_second=10, notices_per_second=1)
    for channel_id in range(100):
        throttle.begin(channel_id, is_waiting=lambda: True)
    throttle.begin(500)
    waiting = [asyncio.create_task(throttle.wait_for_edit(channel_id)) for channel_id in range(100)]
    await asyncio.sleep(0)
    began = clock.monotonic()
    for _ in range(5):
        await clock.run(asyncio.ensure_future(throttle.wait_for_edit(500)))
    assert clock.monotonic() - began < 1
    assert sum(task.done() for task in waiting) < 5
    await clock.run(*waiting)
    assert clock.monotonic() - began > 90


async def test_a_reply_that_got_its_slot_does_not_wait_behind_the_others() -> None:
    clock = FakeClock()
    throttle = EditThrottle(clock, channel_seconds=0.0, per_second=10, notices_per_second=1)
    waits = True
    for channel_id in range(50):
        throttle.begin(channel_id, is_waiting=lambda: True)
    throttle.begin(500, is_waiting=lambda: waits)
    tasks = [
        asyncio.create_task(throttle.wait_for_edit(channel_id)) for channel_id in (*range(50), 500)
    ]
    for _ in range(5):
        await asyncio.sleep(0)
    waits = False
    throttle.stop_waiting(500)
    began = clock.monotonic()
    await clock.run(tasks[-1])
    assert clock.monotonic() - began < 1
    await clock.run(*tasks)


async def test_nothing_is_kept_of_a_channel_whose_reply_has_ended() -> None:
    clock = FakeClock()
    throttle = EditThrottle(clock)
    empty = {name: len(value) for name, value in vars(throttle).items() if isinstance(value, dict)}
    for channel_id in range(100):
        throttle.begin(channel_id, is_waiting=lambda: True)
        await clock.run(asyncio.ensure_future(throttle.wait_for_edit(channel_id)))
        late = asyncio.create_task(throttle.wait_for_edit(channel_id))
        await asyncio.sleep(0)
        throttle.end(channel_id)
        await clock.run(late)
    assert {n: len(v) for n, v in vars(throttle).items() if isinstance(v, dict)} == empty
