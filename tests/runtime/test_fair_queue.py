"""A queue in which groups take turns, and the slots that are granted in its order."""

import asyncio
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bot.runtime.fair_queue import FairQueue, FairSlots, Path
from tests.support.eventually import PATIENCE


async def turns() -> None:
    """Let every task that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_one_group_leaves_a_slot_to_the_others_however_many_it_asks_for() -> None:
    slots = FairSlots(3, 2)
    greedy = [asyncio.create_task(slots.acquire("greedy")) for _ in range(100)]
    await turns()
    assert sum(task.done() for task in greedy) == 2
    await asyncio.wait_for(slots.acquire("modest"), PATIENCE)
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


async def test_a_cancelled_caller_holds_no_slot() -> None:
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
    await asyncio.wait_for(slots.acquire("d"), PATIENCE)


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


PATHS = st.one_of(
    st.tuples(st.just("direct"), st.integers(0, 30)),
    st.tuples(st.just("guilds"), st.integers(0, 3), st.integers(0, 30)),
)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), PATHS),
            st.tuples(st.just("remove"), PATHS),
            st.tuples(st.just("pop"), st.none()),
        ),
        max_size=80,
    )
)
def test_groups_take_turns_at_every_depth_and_nothing_is_lost(
    steps: list[tuple[str, Path | None]],
) -> None:
    queue: FairQueue[Path] = FairQueue()
    waiting: list[Path] = []  # in the order in which they came
    passed: dict[Path, Counter[object]] = {}

    def pop() -> None:
        found = queue.pop()
        assert (found is None) == (not waiting)
        if found is None:
            return
        path, value = found
        assert path == value
        # Within its group it came first.
        assert path == next(each for each in waiting if each[:-1] == path[:-1])
        waiting.remove(path)
        groups = set()
        for other in waiting:
            depth = next(n for n, key in enumerate(path) if other[n] != key)
            if depth < len(other) - 1:
                groups.add(other[: depth + 1])
        for group in groups:
            # A group is passed at most once by each of its neighbours before its own turn.
            served = path[len(group) - 1]
            passed.setdefault(group, Counter())[served] += 1
            assert passed[group][served] <= 1
        for depth in range(len(path)):
            passed.pop(path[: depth + 1], None)

    for step, path in steps:
        if step == "pop":
            pop()
        elif path is not None and step == "add" and path not in waiting:
            queue.add(path, path)
            waiting.append(path)
        elif path is not None and step == "remove":
            assert queue.remove(path) == (path in waiting)
            if path in waiting:
                waiting.remove(path)
            for depth in range(len(path)):
                if not any(each[: depth + 1] == path[: depth + 1] for each in waiting):
                    passed.pop(path[: depth + 1], None)
        assert len(queue) == len(waiting)
        assert all(each in queue for each in waiting)
    while waiting:
        pop()
    assert queue.pop() is None


@given(st.lists(PATHS, unique=True, min_size=1, max_size=40), st.data())
def test_no_entry_is_served_later_than_was_said(paths: list[Path], data: st.DataObject) -> None:
    queue: FairQueue[Path] = FairQueue()
    for path in paths:
        queue.add(path, path)
    wanted = data.draw(st.sampled_from(paths))
    ahead = queue.ahead(wanted)
    assert 0 <= ahead < len(paths)
    order = [found[0] for _ in paths if (found := queue.pop()) is not None]
    assert order.index(wanted) <= ahead


def test_only_groups_that_may_be_served_are_served() -> None:
    queue: FairQueue[str] = FairQueue()
    queue.add(("a", 1), "first")
    queue.add(("b", 1), "second")
    assert queue.pop(lambda group: group == "b") == (("b", 1), "second")
    assert queue.pop(lambda group: group == "b") is None
    assert queue.pop() == (("a", 1), "first")
