import asyncio

from hypothesis import given
from hypothesis import strategies as st

from bot.chat.admission import Admission


async def entered(admission: Admission, turns: list[tuple[int, int]]) -> list[asyncio.Task[int]]:
    """Let turns ask for a place, in this order; each task ends with its turn's place."""

    async def enter(turn_id: int, group: int) -> int:
        await admission.enter(turn_id, group)
        return turn_id

    tasks = [asyncio.create_task(enter(turn_id, group)) for turn_id, group in turns]
    await asyncio.sleep(0)
    return tasks


async def served(admission: Admission, tasks: list[asyncio.Task[int]]) -> list[int]:
    """Let every turn leave as soon as it has a place; return the order in which they had one."""
    order: list[int] = []
    left = set(tasks)
    while left:
        done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        for task in sorted(done, key=lambda each: each.result()):
            order.append(task.result())
            admission.leave(task.result())
    return order


async def test_a_guild_that_asks_much_waits_for_itself() -> None:
    admission = Admission(1)
    tasks = await entered(admission, [(1, 7), (2, 7), (3, 7), (4, 7), (5, 8), (6, 9)])
    assert (admission.inside, admission.waiting) == (1, 5)
    assert await served(admission, tasks) == [1, 2, 5, 6, 3, 4]
    assert (admission.inside, admission.waiting) == (0, 0)


async def test_how_many_are_ahead_is_known_while_one_waits() -> None:
    admission = Admission(1)
    tasks = await entered(admission, [(1, 7), (2, 7), (3, 7), (4, 8)])
    assert [admission.ahead(turn, group) for turn, group in ((1, 7), (2, 7), (3, 7), (4, 8))] == [
        0,
        2,
        3,
        2,
    ]
    await served(admission, tasks)


async def test_one_that_no_longer_waits_takes_no_place() -> None:
    admission = Admission(1)
    first, second, third = await entered(admission, [(1, 7), (2, 7), (3, 7)])
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    admission.leave(await first)
    assert await third == 3
    assert admission.inside == 1


async def test_one_that_is_cancelled_with_its_place_just_given_passes_it_on() -> None:
    admission = Admission(1)
    first, second, third = await entered(admission, [(1, 7), (2, 7), (3, 7)])
    admission.leave(await first)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    assert await third == 3


async def test_a_run_that_goes_on_after_a_restart_is_not_held_up() -> None:
    admission = Admission(1)
    for turn in (1, 2):
        admission.go_on(turn)
    (third,) = await entered(admission, [(3, 7)])
    admission.leave(1)
    await asyncio.sleep(0)
    assert not third.done()
    admission.leave(2)
    assert await third == 3


@given(st.integers(1, 4), st.lists(st.integers(1, 5), max_size=30))
async def test_everybody_gets_a_place_once_and_never_too_many(
    places: int, groups: list[int]
) -> None:
    admission = Admission(places)
    tasks = await entered(admission, list(enumerate(groups)))
    assert admission.inside == min(places, len(groups))
    assert sorted(await served(admission, tasks)) == list(range(len(groups)))
    assert (admission.inside, admission.waiting) == (0, 0)
