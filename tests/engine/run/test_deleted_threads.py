"""A thread that is deleted while its run is at work: the run stops, and nothing is logged."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.assistants.errors import APIError
from bot.assistants.schema.tools import CodeInterpreterTool, FunctionDefinition, FunctionTool
from tests.support.assistants import House, house
from tests.support.eventually import eventually

FUNCTION = FunctionTool(FunctionDefinition("look_up"))


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, "engine") as home:
        yield home


def problems(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the engine complained of; the model's own server is a test's."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.WARNING and record.name.startswith("bot.")
    ]


async def idle(home: House) -> None:
    """Wait until no run is executed any more."""
    await eventually(lambda: not home.engine._supervisor._executors)  # noqa: SLF001 - a run's end is the last public event


@pytest.mark.parametrize("begun", ["", "The begin"], ids=["before a word", "after some words"])
@pytest.mark.parametrize("goes_on", ["text", "function", "code"])
async def test_a_run_whose_thread_is_gone_writes_nothing_and_logs_nothing(
    home: House, caplog: pytest.LogCaptureFixture, begun: str, goes_on: str
) -> None:
    gate = home.model.gate()
    if goes_on == "text":
        home.model.say("The beginning and the end.", tokens=[begun, "and the end."], gate=gate)
    elif goes_on == "function":
        home.model.call_tools(("look_up", {"x": 1}), text=begun, gate=gate)
    else:
        home.model.call_tools(("python", {"code": "1"}), text=begun, gate=gate)
    thread_id = await home.thread("hi")
    assistant_id = await home.assistant(tools=(FUNCTION, CodeInterpreterTool()))
    await home.run(thread_id, assistant_id)
    await home.model.until_request()
    # The moment between the thread's end on disk and the word to the run's task.
    await home.engine.store.write(
        lambda tables: tables.threads.delete(id=thread_id, project="default")
    )
    gate.open()
    await idle(home)
    assert problems(caplog) == []
    with pytest.raises(APIError, match="No thread found"):
        await home.api.retrieve_thread(thread_id)


async def test_threads_deleted_at_any_moment_of_their_runs_leave_no_trace(
    home: House, caplog: pytest.LogCaptureFixture
) -> None:
    assistant_id = await home.assistant()

    async def one(number: int) -> None:
        thread_id = await home.thread("hi")
        running = asyncio.create_task(home.run(thread_id, assistant_id))
        for _ in range(number):
            await asyncio.sleep(0.0005)
        await home.api.delete_thread(thread_id)
        await asyncio.wait({running})
        error = running.exception()
        assert error is None or isinstance(error, APIError)

    for start in range(0, 60, 10):
        await asyncio.gather(*map(one, range(start, start + 10)))
    await idle(home)
    assert problems(caplog) == []
