"""Slots for runs: guilds take turns, and all direct messages together get every other slot."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from bot.chat.texts.fluent import localized
from bot.chat.turns.run_slots import RunSlot, RunSlots


class Waiting:
    """Turns that ask for a slot in order, and give it back when they are told to."""

    def __init__(self, slots: RunSlots, turns: list[tuple[int, int | None]]) -> None:
        self.order: list[int] = []
        self.slots: dict[int, RunSlot] = {}
        self.leave: dict[int, asyncio.Event] = {}
        self.tasks: dict[int, asyncio.Task[None]] = {}
        for turn_id, guild_id in turns:
            self.slots[turn_id] = slots.of(turn_id, guild_id)
            self.leave[turn_id] = asyncio.Event()
            self.tasks[turn_id] = asyncio.create_task(self._answer(turn_id))

    async def _answer(self, turn_id: int) -> None:
        async with self.slots[turn_id] as slot:
            await slot.wait()
            await slot.wait()  # a turn that lost its thread asks again
            self.order.append(turn_id)
            await self.leave[turn_id].wait()

    async def begun(self) -> None:
        """Let every turn that has a slot go on."""
        for _ in range(6):
            await asyncio.sleep(0)

    async def cancelled(self, turn_id: int) -> None:
        self.tasks[turn_id].cancel()
        await asyncio.gather(self.tasks[turn_id], return_exceptions=True)

    async def served(self) -> list[int]:
        """Let every turn leave as soon as it has a slot; return the order of all."""
        await self.begun()
        left = 0
        while left < len(self.order):
            for turn_id in self.order[left:]:
                left += 1
                self.leave[turn_id].set()
            await self.begun()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        return self.order


async def test_a_guild_with_many_turns_waits_for_itself() -> None:
    slots = RunSlots(1)
    waiting = Waiting(slots, [(1, 7), (2, 7), (3, 7), (4, 7), (5, 8), (6, 9)])
    await waiting.begun()
    assert slots.health() == localized("health", answering=1, waiting=5)
    assert await waiting.served() == [1, 2, 5, 6, 3, 4]
    assert slots.health() == localized("health", answering=0, waiting=0)


async def test_a_waiting_turn_knows_how_many_are_ahead() -> None:
    waiting = Waiting(RunSlots(1), [(1, 7), (2, 7), (3, 7), (4, 8)])
    await waiting.begun()
    assert [slot.ahead() for slot in waiting.slots.values()] == [0, 2, 3, 2]
    assert [slot.is_waiting() for slot in waiting.slots.values()] == [False, True, True, True]
    await waiting.served()
    assert not any(slot.is_waiting() for slot in waiting.slots.values())


async def test_a_turn_that_is_cancelled_while_it_waits_takes_no_slot() -> None:
    slots = RunSlots(1)
    waiting = Waiting(slots, [(1, 7), (2, 8), (3, 9)])
    await waiting.begun()
    await waiting.cancelled(2)
    assert slots.health() == localized("health", answering=1, waiting=1)
    assert await waiting.served() == [1, 3]


async def test_a_turn_that_is_cancelled_as_it_gets_its_slot_passes_the_slot_on() -> None:
    slots = RunSlots(1)
    waiting = Waiting(slots, [(1, 7), (2, 7), (3, 7)])
    await waiting.begun()
    waiting.leave[1].set()
    # The first turn gives its slot to the second, which is cancelled before it can notice.
    while not waiting.tasks[1].done():
        await asyncio.sleep(0)
    await waiting.cancelled(2)
    await waiting.begun()
    assert 3 in waiting.order
    assert await waiting.served() in ([1, 3], [1, 2, 3])
    assert slots.health() == localized("health", answering=0, waiting=0)


async def test_a_turn_with_a_run_takes_a_slot_beyond_the_limit_and_holds_up_the_others() -> None:
    slots = RunSlots(1)
    async with slots.of(1, 7) as first:
        first.take()
        async with slots.of(2, 7) as second:
            second.take()
            second.take()
            waiting = Waiting(slots, [(3, 7)])
            await waiting.begun()
            assert slots.health() == localized("health", answering=2, waiting=1)
        await waiting.begun()
        assert waiting.order == []
    await waiting.begun()
    assert waiting.order == [3]
    await waiting.served()


@given(st.integers(1, 4), st.lists(st.one_of(st.none(), st.integers(1, 4)), max_size=30))
async def test_every_turn_gets_a_slot_once_and_never_too_many(
    count: int, guilds: list[int | None]
) -> None:
    slots = RunSlots(count)
    waiting = Waiting(slots, list(enumerate(guilds)))
    await waiting.begun()
    assert len(waiting.order) == min(count, len(guilds))
    assert sorted(await waiting.served()) == list(range(len(guilds)))
    assert slots.health() == localized("health", answering=0, waiting=0)


async def test_many_direct_messages_leave_guilds_every_other_slot() -> None:
    turns = [(1, 7), *((number, None) for number in range(10, 20)), (2, 8), (3, 9)]
    waiting = Waiting(RunSlots(1), turns)
    await waiting.begun()
    assert [waiting.slots[number].ahead() for number in (2, 3)] == [4, 4]
    assert (await waiting.served())[:6] == [1, 10, 2, 11, 3, 12]


async def test_many_guilds_leave_direct_messages_every_other_slot() -> None:
    waiting = Waiting(RunSlots(1), [(1, 7), *((n, n) for n in range(2, 12)), (99, None)])
    await waiting.begun()
    assert waiting.slots[99].ahead() == 2
    assert (await waiting.served()).index(99) <= 2


async def test_a_turn_behind_hundreds_sees_a_rounded_number() -> None:
    waiting = Waiting(RunSlots(1), [(number, 7) for number in range(1_001)])
    await waiting.begun()
    ahead = {number: slot.ahead() for number, slot in waiting.slots.items() if number}
    assert [ahead[number] for number in range(1, 20)] == list(range(1, 20))
    assert all(abs(count - number) <= 50 for number, count in ahead.items())
    assert len(set(ahead.values())) < 50
    for task in waiting.tasks.values():
        task.cancel()
    await asyncio.gather(*waiting.tasks.values(), return_exceptions=True)
