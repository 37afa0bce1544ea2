"""Limits that count a caller for several keys at once."""

import asyncio

import pytest

from bot.runtime.joint_slots import JointSlots, Keys

ADA_IN_A: Keys = [("member", "ada"), ("channel", "a")]
BEN_IN_A: Keys = [("member", "ben"), ("channel", "a")]
ADA_IN_B: Keys = [("member", "ada"), ("channel", "b")]
CY_IN_B: Keys = [("member", "cy"), ("channel", "b")]


async def let_all_run() -> None:
    """Let every task that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_caller_waits_until_each_of_its_keys_has_room() -> None:
    slots = JointSlots({"member": 1, "channel": 1})
    await slots.acquire(ADA_IN_A)
    waiting = asyncio.create_task(slots.acquire(ADA_IN_B))
    passing = asyncio.create_task(slots.acquire(CY_IN_B))
    await let_all_run()
    assert (waiting.done(), passing.done()) == (False, True)
    slots.release(ADA_IN_A)
    await let_all_run()
    assert not waiting.done()
    slots.release(CY_IN_B)
    await waiting


async def test_a_cancelled_caller_gives_back_room_that_it_was_just_given() -> None:
    slots = JointSlots({"channel": 1, "member": 0})
    keys = slots.limited(ADA_IN_A)
    assert keys == [("channel", "a")]
    await slots.acquire(keys)
    given_up = asyncio.create_task(slots.acquire(slots.limited(BEN_IN_A)))
    late = asyncio.create_task(slots.acquire(slots.limited(BEN_IN_A)))
    await let_all_run()
    slots.release(keys)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    await late


async def test_a_cancelled_caller_that_waits_leaves_its_place() -> None:
    slots = JointSlots({"channel": 1})
    slots.acquire_at_once([("channel", "a")])
    waiting = asyncio.create_task(slots.acquire([("channel", "a")]))
    await let_all_run()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    slots.release([("channel", "a")])
    await slots.acquire([("channel", "a")])


async def test_a_caller_that_was_just_cancelled_is_passed_over() -> None:
    slots = JointSlots({"channel": 1})
    keys: Keys = [("channel", "a")]
    await slots.acquire(keys)
    given_up = asyncio.create_task(slots.acquire(keys))
    next_ = asyncio.create_task(slots.acquire(keys))
    await let_all_run()
    given_up.cancel()
    slots.release(keys)
    await next_
    assert given_up.cancelled()
