"""A run's task is interrupted only where it allows that."""

import asyncio

import pytest

from bot.engine.run.interruption import InterruptedRunError, InterruptionGuard
from tests.support.eventually import PATIENCE


async def test_an_interruption_waits_until_a_write_is_over() -> None:
    guard, writing, go_on = InterruptionGuard(), asyncio.Event(), asyncio.Event()
    written: list[str] = []

    async def body() -> None:
        guard.begin()
        with guard.interruptible():
            guard.shield()
            writing.set()
            await go_on.wait()
            written.append("whole")
            guard.unshield()
            written.append("never")

    task = asyncio.create_task(body())
    await asyncio.wait_for(writing.wait(), PATIENCE)
    assert guard.interrupt("cancelled")
    go_on.set()
    with pytest.raises(InterruptedRunError):
        await task
    assert written == ["whole"]


async def test_an_interruption_ends_a_wait_and_leaves_the_task_usable() -> None:
    guard, waiting = InterruptionGuard(), asyncio.Event()

    async def body() -> str:
        guard.begin()
        try:
            with guard.interruptible():
                waiting.set()
                await asyncio.Event().wait()
        except InterruptedRunError:
            await asyncio.sleep(0)  # raises if the cancellation is still pending
            return str(guard.reason)
        return "not interrupted"

    task = asyncio.create_task(body())
    await asyncio.wait_for(waiting.wait(), PATIENCE)
    assert guard.interrupt("expired")
    assert guard.interrupt("deleted")
    assert await task == "expired"


async def test_the_stop_of_the_engine_is_no_interruption() -> None:
    guard, waiting = InterruptionGuard(), asyncio.Event()

    async def body() -> None:
        guard.begin()
        with guard.interruptible():
            waiting.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(body())
    await asyncio.wait_for(waiting.wait(), PATIENCE)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert guard.reason is None


async def test_a_finished_run_ignores_interruptions() -> None:
    guard = InterruptionGuard()
    guard.begin()
    guard.finish()
    assert not guard.interrupt("cancelled")
    guard.check()
