import asyncio
from contextlib import ExitStack
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from bot.chat.turns.run_slots import RunSlots


async def entered(run_slots: RunSlots, turns: list[tuple[int, int]]) -> list[asyncio.Task[int]]:
    """Let turns ask for a place, in this order; each task ends with its turn's place."""

    async def enter(turn_id: int, group: int) -> int:
        await run_slots.enter(turn_id, group)
        return turn_id

    tasks = [asyncio.create_task(enter(turn_id, group)) for turn_id, group in turns]
    await asyncio.sleep(0)
    return tasks


async def served(run_slots: RunSlots, tasks: list[asyncio.Task[int]]) -> list[int]:
    """Let every turn leave as soon as it has a place; return the order in which they had one."""
    order: list[int] = []
    left = set(tasks)
    while left:
        done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        for task in sorted(done, key=lambda each: each.result()):
            order.append(task.result())
            run_slots.leave(task.result())
    return order


async def test_a_guild_that_asks_much_waits_for_itself() -> None:
    run_slots = RunSlots(1)
    tasks = await entered(run_slots, [(1, 7), (2, 7), (3, 7), (4, 7), (5, 8), (6, 9)])
    assert (run_slots.inside, run_slots.waiting) == (1, 5)
    assert await served(run_slots, tasks) == [1, 2, 5, 6, 3, 4]
    assert (run_slots.inside, run_slots.waiting) == (0, 0)


async def test_how_many_are_ahead_is_known_while_one_waits() -> None:
    run_slots = RunSlots(1)
    tasks = await entered(run_slots, [(1, 7), (2, 7), (3, 7), (4, 8)])
    assert [run_slots.ahead(turn, group) for turn, group in ((1, 7), (2, 7), (3, 7), (4, 8))] == [
        0,
        2,
        3,
        2,
    ]
    await served(run_slots, tasks)


async def test_one_that_no_longer_waits_takes_no_place() -> None:
    run_slots = RunSlots(1)
    first, second, third = await entered(run_slots, [(1, 7), (2, 7), (3, 7)])
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    run_slots.leave(await first)
    assert await third == 3
    assert run_slots.inside == 1


async def test_a_guild_in_which_nobody_waits_any_more_is_not_asked_for_who_is_next() -> None:
    run_slots = RunSlots(1)
    first, second, third = await entered(run_slots, [(1, 7), (2, 8), (3, 9)])
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    run_slots.leave(await first)
    assert await asyncio.wait_for(third, 10) == 3


async def test_a_place_is_not_given_to_one_that_is_going_away() -> None:
    run_slots = RunSlots(1)
    first, second, third = await entered(run_slots, [(1, 7), (2, 7), (3, 7)])
    second.cancel()
    # Before the second one could say so itself.
    run_slots.leave(await first)
    await asyncio.gather(second, return_exceptions=True)
    assert await asyncio.wait_for(third, 10) == 3
    run_slots.leave(3)
    assert (run_slots.inside, run_slots.waiting) == (0, 0)


async def test_one_that_is_cancelled_with_its_place_just_given_passes_it_on() -> None:
    run_slots = RunSlots(1)
    first, second, third = await entered(run_slots, [(1, 7), (2, 7), (3, 7)])
    run_slots.leave(await first)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    assert await third == 3


async def test_a_run_that_goes_on_after_a_restart_is_not_held_up() -> None:
    run_slots = RunSlots(1)
    for turn in (1, 2):
        run_slots.go_on(turn)
    (third,) = await entered(run_slots, [(3, 7)])
    run_slots.leave(1)
    await asyncio.sleep(0)
    assert not third.done()
    run_slots.leave(2)
    assert await third == 3


@given(st.integers(1, 4), st.lists(st.integers(1, 5), max_size=30))
async def test_everybody_gets_a_place_once_and_never_too_many(
    router: int, groups: list[int]
) -> None:
    run_slots = RunSlots(router)
    tasks = await entered(run_slots, list(enumerate(groups)))
    assert run_slots.inside == min(router, len(groups))
    assert sorted(await served(run_slots, tasks)) == list(range(len(groups)))
    assert (run_slots.inside, run_slots.waiting) == (0, 0)


async def test_many_who_write_alone_leave_guilds_every_other_place() -> None:
    run_slots = RunSlots(1)
    direct = range(10, 20)
    with ExitStack() as expected:
        for turn in direct:
            expected.enter_context(run_slots.expecting(turn, direct=True, entered=lambda: None))
        turns = [(1, 7), *((turn, turn) for turn in direct), (2, 8), (3, 9)]
        tasks = await entered(run_slots, turns)
        ahead = [run_slots.ahead(turn, group) for turn, group in turns]
        assert ahead[11:] == [4, 4]
        order = await served(run_slots, tasks)
    assert order[:6] == [1, 2, 10, 3, 11, 12]
    assert (run_slots.inside, run_slots.waiting) == (0, 0)


async def test_guilds_however_many_leave_those_who_write_alone_every_other_place() -> None:
    run_slots = RunSlots(1)
    with run_slots.expecting(99, direct=True, entered=lambda: None):
        tasks = await entered(
            run_slots, [(1, 7), *((turn, turn) for turn in range(2, 12)), (99, 5)]
        )
        assert run_slots.ahead(99, 5) == 2
        assert (await served(run_slots, tasks)).index(99) <= 2


async def test_whoever_waited_is_told_of_its_place_and_whoever_did_not_is_not() -> None:
    run_slots = RunSlots(1)
    told: list[int] = []
    with ExitStack() as expected:
        for turn in (1, 2):
            expected.enter_context(
                run_slots.expecting(turn, direct=False, entered=partial(told.append, turn))
            )
        tasks = await entered(run_slots, [(1, 7), (2, 7)])
        assert [run_slots.waits(turn, 7) for turn in (1, 2)] == [False, True]
        await served(run_slots, tasks)
    assert told == [2]
    assert not run_slots.waits(2, 7)


async def test_who_waits_behind_hundreds_is_not_told_of_each() -> None:
    run_slots = RunSlots(1)
    tasks = await entered(run_slots, [(turn, 7) for turn in range(1_001)])
    told = {turn: run_slots.ahead(turn, 7) for turn in range(1, 1_001)}
    assert [told[turn] for turn in range(1, 20)] == list(range(1, 20))
    assert all(abs(count - turn) <= 50 for turn, count in told.items())
    assert len(set(told.values())) < 50
    await served(run_slots, tasks)
