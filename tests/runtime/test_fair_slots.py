"""Slots that groups take turns for."""

import asyncio
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bot.runtime.fair_slots import FairSlots


async def turns() -> None:
    """Let every task that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_one_group_leaves_a_slot_to_the_others_however_much_it_asks() -> None:
    slots = FairSlots(3, 2)
    greedy = [asyncio.create_task(slots.acquire("greedy")) for _ in range(100)]
    await turns()
    assert sum(task.done() for task in greedy) == 2
    await asyncio.wait_for(slots.acquire("modest"), 1)
    for task in greedy:
        task.cancel()
    await asyncio.gather(*greedy, return_exceptions=True)


async def test_groups_take_turns_and_within_a_group_the_first_is_first() -> None:
    slots = FairSlots(1, 1)
    await slots.acquire("x")
    order: list[str] = []

    async def use(group: str, name: str) -> None:
        await slots.acquire(group)
        order.append(name)
        slots.release(group)

    tasks = [
        asyncio.create_task(use(name[0], name)) for name in ("a1", "a2", "a3", "b1", "c1", "b2")
    ]
    await turns()
    slots.release("x")
    await asyncio.gather(*tasks)
    assert order == ["a1", "b1", "c1", "a2", "b2", "a3"]


async def test_who_goes_away_while_waiting_holds_nothing() -> None:
    slots = FairSlots(1, 1)
    await slots.acquire("a")
    gone = asyncio.create_task(slots.acquire("b"))
    given_and_gone = asyncio.create_task(slots.acquire("c"))
    await turns()
    gone.cancel()
    await turns()
    slots.release("a")  # c has it now, and goes before it hears of that
    given_and_gone.cancel()
    await asyncio.gather(gone, given_and_gone, return_exceptions=True)
    await asyncio.wait_for(slots.acquire("d"), 1)


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["acquire", "release", "cancel"]), st.sampled_from("abc")),
        max_size=60,
    ),
    count=st.integers(1, 4),
    most=st.integers(1, 4),
)
def test_slots_are_neither_lost_nor_doubled(
    steps: list[tuple[str, str]], count: int, most: int
) -> None:
    async def run() -> None:
        slots = FairSlots(count, most)
        waiting: dict[str, list[asyncio.Task[None]]] = {"a": [], "b": [], "c": []}
        held: Counter[str] = Counter()

        async def settle() -> None:
            await turns()
            for group, tasks in waiting.items():
                held[group] += sum(task.done() and not task.cancelled() for task in tasks)
                waiting[group] = [task for task in tasks if not task.done()]
            assert held.total() <= count
            assert all(number <= most for number in held.values())
            if held.total() < count:  # nobody waits beside a free slot but for its group's share
                assert all(held[group] == most for group, tasks in waiting.items() if tasks)

        for step, group in steps:
            if step == "acquire":
                waiting[group].append(asyncio.create_task(slots.acquire(group)))
            elif step == "release" and held[group]:
                held[group] -= 1
                slots.release(group)
            elif step == "cancel" and waiting[group]:
                waiting[group].pop().cancel()
            await settle()
        for tasks in waiting.values():
            for task in tasks:
                task.cancel()
        await turns()

    asyncio.run(run())
