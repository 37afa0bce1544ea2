"""Schedules in the ledger: each due time asks once, whoever was first."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.store.ledger import Ledger, Link, NewSchedule, Schedule, TooManySchedulesError
from tests.store.turns import CHANNEL
from tests.support.fake_clock import START, FakeClock

HOME = Link(channel_id=CHANNEL, guild_id=9, parent_id=CHANNEL, listening=False)
DUE = START + 60.0
DAY = 86_400.0


async def add(
    ledger: Ledger, *, guild_id: int | None = 9, creator_id: int = 1, once: bool = False
) -> Schedule:
    new = NewSchedule(
        guild_id=guild_id,
        channel_id=CHANNEL,
        creator_id=creator_id,
        creator_name="Ada",
        content="What's new?",
        rule='{"repeat":"daily"}',
        zone="UTC",
        due_at=DUE,
        once=once,
    )
    return await ledger.schedules.add(new, most=2)


async def test_a_due_time_that_is_asked_twice_at_once_asks_once(ledger: Ledger) -> None:
    schedule = await add(ledger)
    asked = await asyncio.gather(
        *(ledger.schedules.ask(schedule, HOME, DUE + DAY, "UTC", most=100) for _ in range(5))
    )
    assert sorted(asked) == [False] * 4 + [True]
    (question,) = await ledger.questions.waiting(CHANNEL)
    assert (question.content, question.author_id) == ("What's new?", 1)
    assert question.cause == schedule.cause
    current = await ledger.schedules.get(schedule.id)
    assert current is not None
    assert current.due_at == DUE + DAY


async def test_a_due_time_that_comes_again_asks_nothing_but_goes_on(ledger: Ledger) -> None:
    schedule = await add(ledger)
    assert await ledger.schedules.ask(schedule, HOME, DUE + DAY, "UTC", most=100)
    again = replace(schedule, due_at=DUE + DAY)
    assert await ledger.schedules.move(again, DUE, "UTC")
    assert not await ledger.schedules.ask(schedule, HOME, DUE + DAY, "UTC", most=100)
    assert len(await ledger.questions.waiting(CHANNEL)) == 1
    current = await ledger.schedules.get(schedule.id)
    assert current is not None
    assert current.due_at == DUE + DAY


async def test_a_paused_or_deleted_schedule_asks_nothing(ledger: Ledger, clock: FakeClock) -> None:
    paused, deleted = await add(ledger), await add(ledger)
    await ledger.schedules.pause(paused.id)
    assert await ledger.schedules.delete(deleted.id)
    assert not await ledger.schedules.delete(deleted.id)
    clock.advance(DAY)
    assert await ledger.schedules.due(clock.now()) == ()
    for each in (paused, deleted):
        assert not await ledger.schedules.ask(each, HOME, DUE + DAY, "UTC", most=100)
    assert await ledger.questions.waiting(CHANNEL) == ()
    await ledger.schedules.resume(paused.id, DUE + 2 * DAY, "UTC")
    assert [each.id for each in await ledger.schedules.active()] == [paused.id]


async def test_a_full_channel_skips_the_due_time_and_says_so(ledger: Ledger) -> None:
    schedule = await add(ledger)
    assert not await ledger.schedules.ask(schedule, HOME, DUE + DAY, "UTC", most=0)
    assert await ledger.questions.waiting(CHANNEL) == ()
    current = await ledger.schedules.get(schedule.id)
    assert current is not None
    assert (current.due_at, current.problem) == (DUE + DAY, "queue-full")
    assert await ledger.schedules.ask(current, HOME, DUE + 2 * DAY, "UTC", most=100)
    current = await ledger.schedules.get(schedule.id)
    assert current is not None
    assert current.problem is None


async def test_a_server_and_each_member_have_their_own_bounds(ledger: Ledger) -> None:
    for guild_id, creator_id in [(9, 1), (9, 2), (None, 1), (None, 1), (None, 2)]:
        await add(ledger, guild_id=guild_id, creator_id=creator_id)
    for guild_id, creator_id in [(9, 3), (None, 1)]:
        with pytest.raises(TooManySchedulesError):
            await add(ledger, guild_id=guild_id, creator_id=creator_id)
    assert [each.creator_id for each in await ledger.schedules.of_guild(9)] == [1, 2]
    assert len(await ledger.schedules.in_direct_messages(1)) == 2


async def test_questions_of_one_moment_have_different_ids_in_order_of_time(
    ledger: Ledger, clock: FakeClock
) -> None:
    first, second = await add(ledger), await add(ledger)
    for each in (first, second):
        assert await ledger.schedules.ask(each, HOME, None, "UTC", most=100)
    third = await add(ledger, guild_id=8)
    clock.advance(1.0)
    assert await ledger.schedules.ask(third, HOME, None, "UTC", most=100)
    ids = [each.id for each in await ledger.questions.waiting(CHANNEL)]
    assert len(set(ids)) == 3
    assert ids[2] - ids[1] > 2**30
    moment = (ids[2] >> 22) / 1_000 + 1_420_070_400
    assert abs(moment - clock.now()) < 0.01


async def test_a_due_time_that_asked_asks_nothing_after_a_restart(
    tmp_path: Path, clock: FakeClock
) -> None:
    path = tmp_path / "killed.db"
    before = await Ledger.open(path, clock.now)
    schedule = await add(before)
    assert await before.schedules.ask(schedule, HOME, DUE + DAY, "UTC", most=100)
    await before.close()
    after = await Ledger.open(path, clock.now)
    assert not await after.schedules.ask(schedule, HOME, DUE + DAY, "UTC", most=100)
    assert await after.turns.channels_with_work() == (CHANNEL,)
    await after.close()


async def test_a_reminder_stays_due_while_the_channel_is_full(ledger: Ledger) -> None:
    reminder = await add(ledger, once=True)
    assert not await ledger.schedules.ask(reminder, HOME, None, "UTC", most=0)
    assert await ledger.schedules.get(reminder.id) == reminder
    assert await ledger.schedules.ask(reminder, HOME, None, "UTC", most=1)
    assert await ledger.schedules.get(reminder.id) is None
