"""A thread that is deleted while its run is at work: the run stops, and nothing is logged."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from bot.assistants.errors import APIError
from bot.assistants.schema.requests import CreateRun
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


async def idle() -> None:
    """Wait until no task executes a run any more: a run's end is its last public event."""
    await eventually(
        lambda: not any(task.get_name().startswith("run_") for task in asyncio.all_tasks())
    )


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
    await idle()
    assert problems(caplog) == []
    with pytest.raises(APIError, match="No thread found"):
        await home.api.retrieve_thread(thread_id)


@pytest.mark.parametrize("turns", [0, 1, 2, 5])
@pytest.mark.parametrize("seen", range(8))
async def test_a_thread_deleted_at_any_moment_of_its_run_leaves_no_trace(
    home: House, caplog: pytest.LogCaptureFixture, seen: int, turns: int
) -> None:
    """The thread is deleted after so many events of the run, and turns of the event loop."""
    home.model.say("One two three", tokens=["One ", "two ", "three"])
    thread_id = await home.thread("hi")
    request = CreateRun(assistant_id=await home.assistant())
    async with aclosing(await home.api.stream_run(thread_id, request)) as events:
        for _ in range(seen):
            await anext(events)
        for _ in range(turns):
            await asyncio.sleep(0)
        await home.api.delete_thread(thread_id)
        with contextlib.suppress(APIError):  # the thread is gone, unless the run ended before
            async for _ in events:
                pass
    await idle()
    assert problems(caplog) == []
