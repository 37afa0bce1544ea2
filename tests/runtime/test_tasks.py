"""Background tasks end with their owner, and none begins afterwards."""

import asyncio
import logging

import pytest

from bot.runtime.tasks import BackgroundTasks


async def test_work_that_is_started_after_the_stop_never_begins() -> None:
    begun: list[str] = []

    async def work(name: str) -> None:
        begun.append(name)

    tasks = BackgroundTasks()
    await tasks.start(work("before"), "fails")
    await tasks.stop()
    late = tasks.start(work("after"), "fails")
    await asyncio.wait({late})
    assert late.cancelled()
    assert begun == ["before"]


async def test_cancelled_work_leaves_room_for_new_work(caplog: pytest.LogCaptureFixture) -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    async def fail() -> None:
        raise ValueError("the cause")

    tasks = BackgroundTasks()
    first = tasks.start(wait(), "is cancelled")
    tasks.cancel()
    with caplog.at_level(logging.ERROR):
        second = tasks.start(fail(), "The second work failed")
        await asyncio.wait({first, second})
    assert first.cancelled()
    assert "The second work failed" in caplog.text
    assert "the cause" in caplog.text
    assert "is cancelled" not in caplog.text
