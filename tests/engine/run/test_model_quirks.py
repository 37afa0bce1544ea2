"""What odd models do, as runs and messages show it: no thoughts, no tools, causes of failures."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.assistants.schema.objects import TOOLS_LEFT_OUT
from bot.assistants.schema.requests import CreateRun, Page
from bot.assistants.schema.tools import (
    CodeInterpreterTool,
    FileSearchTool,
    FunctionDefinition,
    FunctionTool,
)
from tests.contract.tooling import outputs
from tests.support import model_turns as turns
from tests.support.assistants import House, collected, house, names, text_of


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, "engine") as whole:
        yield whole


async def test_thoughts_are_neither_stored_nor_sent_back(home: House) -> None:
    home.model.say("<think>\nBe rude? No.\n</think>\n\nHello")
    thread_id = await home.thread("hi")
    await home.until(await home.run(thread_id), "completed")
    (said, _) = (await home.api.list_messages(thread_id)).data
    assert text_of(said) == "Hello"
    await home.until(await home.run(thread_id), "completed")
    assert "rude" not in str(home.model.requests[-1].messages)


async def test_text_that_turns_out_to_be_reasoning_is_withdrawn(home: House) -> None:
    home.model.say("", tokens=["Be rude? ", "No.\n", "</think>", "\n\n", "Hello ", "you"])
    thread_id = await home.thread("hi")
    request = CreateRun(assistant_id=await home.assistant())
    events = await collected(await home.api.stream_run(thread_id, request))
    at = len(events) - 1 - names(events)[::-1].index("thread.message.in_progress")
    told = [event for event in events[at:] if event.event == "thread.message.delta"]
    assert "rude" not in str(told)
    (said, _) = (await home.api.list_messages(thread_id)).data
    assert text_of(said) == "Hello you"


async def test_a_follower_reads_the_withdrawal_of_text_that_was_reasoning(home: House) -> None:
    gate = home.model.gate()
    home.model.say("", tokens=["Be rude? ", "No.\n", "</think>", "Hello"], first=gate)
    run = await home.run(await home.thread("hi"))
    events = await home.api.follow_run(run.thread_id, run.id)
    read = [await anext(events)]
    await gate.until_waiting()
    gate.open()
    read += await collected(events)
    at = len(read) - 1 - names(read)[::-1].index("thread.message.in_progress")
    deltas = [name == "thread.message.delta" for name in names(read)]
    assert any(deltas[:at])
    assert any(deltas[at:])


async def test_reasoning_goes_back_with_its_call_also_when_outputs_come_later(home: House) -> None:
    thought = turns.Delta({"reasoning_content": "Rome."})
    call = turns.call_tools(("weather", {"city": "Rome"}))
    home.model.then(turns.Turn([thought, *call.steps]))
    function = FunctionTool(FunctionDefinition(name="weather"))
    assistant = await home.assistant(tools=(function,))
    thread_id = await home.thread("hi")
    run = await home.until(await home.run(thread_id, assistant), "requires_action")
    await home.api.submit_tool_outputs(thread_id, run.id, outputs(run))
    await home.until(run, "completed")
    sent = home.model.requests[-1].messages
    assert [each.get("reasoning_content") for each in sent if each["role"] == "assistant"] == [
        "Rome."
    ]


async def test_a_model_without_tools_answers_without_the_hosted_ones_and_says_so_once(
    home: House, caplog: pytest.LogCaptureFixture
) -> None:
    home.model.fail(400, message="m does not support tools")
    assistant = await home.assistant(tools=(CodeInterpreterTool(), FileSearchTool()))
    thread_id = await home.thread("hi")
    for _ in range(2):
        await home.until(await home.run(thread_id, assistant), "completed")
    first, second = (
        message
        for message in (await home.api.list_messages(thread_id, Page(order="asc"))).data
        if message.role == "assistant"
    )
    assert (first.metadata or {}).keys() == {TOOLS_LEFT_OUT}
    assert second.metadata == {}
    assert text_of(first) == "hi"
    assert "tools" not in home.model.requests[-1].body
    logged = [r for r in caplog.records if "calls no tools" in r.getMessage()]
    assert len(logged) == 1


async def test_a_run_with_functions_fails_where_the_model_calls_no_tools(home: House) -> None:
    home.model.fail(400, message="m does not support tools")
    function = FunctionTool(FunctionDefinition(name="weather"))
    assistant = await home.assistant(tools=(function, CodeInterpreterTool()))
    thread_id = await home.thread("hi")
    run = await home.until(await home.run(thread_id, assistant), "failed")
    assert run.last_error is not None
    assert run.last_error.cause == "tools"


@pytest.mark.parametrize(
    ("status", "message", "cause", "code", "level"),
    [
        (401, "Incorrect API key", "key", "server_error", "ERROR"),
        (402, "Insufficient Balance", "credit", "rate_limit_exceeded", "ERROR"),
        (404, "model not found", "model", "server_error", "ERROR"),
        (400, "Content Exists Risk", "content", "invalid_prompt", "WARNING"),
        (400, "prompt is too long", "too_long", "invalid_prompt", "WARNING"),
    ],
)
async def test_a_failed_run_has_its_cause_and_the_log_says_who_can_mend_it(
    home: House,
    status: int,
    message: str,
    cause: str,
    code: str,
    level: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    home.model.fail(status, message=message, times=9)
    thread_id = await home.thread("hi")
    run = await home.until(await home.run(thread_id), "failed")
    assert run.last_error is not None
    assert run.last_error.cause == cause
    assert run.last_error.code == code
    logged = [record for record in caplog.records if run.id in record.getMessage()]
    assert [record.levelname for record in logged] == [level]


async def test_a_call_without_arguments_goes_back_as_an_empty_object(home: House) -> None:
    home.model.call_tools(("weather", ""))
    function = FunctionTool(FunctionDefinition(name="weather"))
    assistant = await home.assistant(tools=(function,))
    thread_id = await home.thread("hi")
    run = await home.until(await home.run(thread_id, assistant), "requires_action")
    await home.api.submit_tool_outputs(thread_id, run.id, outputs(run))
    await home.until(run, "completed")
    (sent,) = [each for each in home.model.requests[-1].messages if "tool_calls" in each]
    assert sent["tool_calls"][0]["function"]["arguments"] == "{}"
