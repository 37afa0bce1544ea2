"""Runs: their way from queued to completed, what they are given, and the lock on their thread."""

import asyncio
from typing import Any

import pytest

from bot.assistants.schema.objects import (
    Message,
    MessageCreationDetails,
    Run,
    RunStep,
    TruncationStrategy,
    Usage,
)
from bot.assistants.schema.requests import (
    CreateMessage,
    CreateRun,
    CreateThread,
    CreateThreadAndRun,
    ModifyAssistant,
    ModifyRun,
    Page,
    Truncation,
)
from bot.assistants.schema.tools import FunctionName, JsonObjectFormat, NamedToolChoice
from tests.contract.refusals import refused
from tests.contract.tooling import submission, tool
from tests.support.assistants import House, text_of


async def test_a_run_comes_back_queued_before_the_model_was_asked(home: House) -> None:
    gate = home.model.gate()
    home.model.say("hello", first=gate)
    assistant_id = await home.assistant(instructions="Be kind.", tools=(tool("f"),))
    thread_id = await home.thread("hi")
    run = await home.run(thread_id, assistant_id, metadata={"k": "v"})
    now = int(home.clock.now())
    assert run == Run(
        id=run.id,
        created_at=now,
        thread_id=thread_id,
        assistant_id=assistant_id,
        status="queued",
        expires_at=now + 600,
        model="scripted-model",
        instructions="Be kind.",
        tools=(tool("f"),),
        metadata={"k": "v"},
        temperature=1.0,
        top_p=1.0,
        truncation_strategy=TruncationStrategy("auto"),
        tool_choice="auto",
        parallel_tool_calls=True,
        response_format="auto",
    )
    assert run.id.startswith("run_")


async def test_a_run_goes_from_queued_through_in_progress_to_completed(home: House) -> None:
    gate = home.model.gate()
    home.model.say("hello there", gate=gate)
    thread_id = await home.thread("hi")
    run = await home.run(thread_id)
    await home.model.until_request()
    working = await home.until(run, "in_progress")
    assert working.started_at == run.created_at
    assert working.completed_at is None
    assert working.usage is None
    home.clock.advance(7)
    gate.open()
    done = await home.until(run, "completed")
    assert done.completed_at == run.created_at + 7
    assert done.usage == Usage(1, 2, 3)
    assert (done.last_error, done.required_action, done.incomplete_details) == (None, None, None)
    assert (done.failed_at, done.cancelled_at, done.expires_at) == (None, None, None)


async def test_a_completed_run_has_a_message_and_a_step(home: House) -> None:
    home.model.say("hello there")
    thread_id = await home.thread("hi")
    run = await home.until(await home.run(thread_id), "completed")
    message, question = (await home.api.list_messages(thread_id)).data
    assert text_of(question) == "hi"
    assert text_of(message) == "hello there"
    assert message == Message(
        id=message.id,
        created_at=run.created_at,
        thread_id=thread_id,
        status="completed",
        completed_at=run.completed_at,
        role="assistant",
        content=message.content,
        assistant_id=run.assistant_id,
        run_id=run.id,
        attachments=message.attachments,
        metadata={},
    )
    (step,) = (await home.api.list_steps(thread_id, run.id)).data
    assert step == RunStep(
        id=step.id,
        created_at=run.created_at,
        assistant_id=run.assistant_id,
        thread_id=thread_id,
        run_id=run.id,
        type="message_creation",
        status="completed",
        step_details=step.step_details,
        completed_at=run.completed_at,
        metadata=step.metadata,
        usage=run.usage,
    )
    assert isinstance(step.step_details, MessageCreationDetails)
    assert step.step_details.message_creation.message_id == message.id
    assert step.id.startswith("step_")
    assert await home.api.retrieve_step(thread_id, run.id, step.id) == step


async def test_the_thread_is_locked_while_a_run_is_active(home: House) -> None:
    gate = home.model.gate()
    home.model.say("hello", gate=gate)
    assistant_id = await home.assistant()
    thread_id = await home.thread("hi")
    run = await home.run(thread_id, assistant_id)
    await home.model.until_request()
    message = CreateMessage(role="user", content="and")
    error = await refused(home.api.create_message(thread_id, message))
    assert error.message == f"Can't add messages to {thread_id} while a run {run.id} is active."
    active = f"Thread {thread_id} already has an active run {run.id}."
    request = CreateRun(assistant_id=assistant_id, additional_messages=(message,))
    assert (await refused(home.api.create_run(thread_id, request))).message == active
    assert (await refused(home.api.stream_run(thread_id, request))).message == active
    gate.open()
    await home.until(run, "completed")
    assert [text_of(m) for m in (await home.api.list_messages(thread_id)).data] == ["hello", "hi"]
    await home.api.create_message(thread_id, message)
    await home.until(await home.run(thread_id, assistant_id), "completed")


async def test_only_one_of_the_runs_created_at_once_on_a_thread_is_accepted(home: House) -> None:
    gate = home.model.gate()
    home.model.say("hello", gate=gate)
    assistant_id = await home.assistant()
    thread_id = await home.thread("hi")
    results = await asyncio.gather(
        *(home.run(thread_id, assistant_id) for _ in range(8)), return_exceptions=True
    )
    taken = [result for result in results if isinstance(result, Run)]
    assert len(taken) == 1
    gate.open()
    await home.until(taken[0], "completed")
    assert len((await home.api.list_runs(thread_id)).data) == 1


async def test_other_threads_are_not_locked(home: House) -> None:
    gate = home.model.gate()
    home.model.say("held", gate=gate)
    held = await home.run(await home.thread("hi"))
    await home.model.until_request()
    await home.until(await home.run(await home.thread("ho")), "completed")
    gate.open()
    await home.until(held, "completed")


async def test_a_thread_and_a_run_are_made_in_one_call(home: House) -> None:
    assistant_id = await home.assistant()
    run = await home.api.create_thread_and_run(
        CreateThreadAndRun(
            assistant_id=assistant_id,
            thread=CreateThread(
                messages=(CreateMessage(role="user", content="hello you"),), metadata={"t": "1"}
            ),
            metadata={"r": "2"},
        )
    )
    assert (run.status, run.metadata) == ("queued", {"r": "2"})
    await home.until(run, "completed")
    thread = await home.api.retrieve_thread(run.thread_id)
    assert thread.metadata == {"t": "1"}
    messages = (await home.api.list_messages(run.thread_id)).data
    assert [text_of(message) for message in messages] == ["hello you", "hello you"]


async def test_an_unknown_assistant_leaves_no_thread_behind(home: House) -> None:
    thread_id = await home.thread("hi")
    message = CreateMessage(role="user", content="more")
    request = CreateRun(assistant_id="asst_none", additional_messages=(message,))
    error = await refused(home.api.create_run(thread_id, request), 404)
    assert error.message == "No assistant found with id 'asst_none'."
    assert len((await home.api.list_messages(thread_id)).data) == 1
    assert (await home.api.list_runs(thread_id)).data == ()


async def test_a_run_may_differ_from_its_assistant_in_everything(home: House) -> None:
    assistant_id = await home.assistant(
        instructions="Be kind.", temperature=0.1, tools=(tool("f"),), metadata={"a": "1"}
    )
    options: dict[str, Any] = {
        "model": "other-model",
        "instructions": "Be brief.",
        "tools": (tool("g"),),
        "temperature": 0.75,
        "top_p": 0.5,
        "max_prompt_tokens": 1000,
        "max_completion_tokens": 300,
        "truncation_strategy": Truncation(type="last_messages", last_messages=3),
        "tool_choice": NamedToolChoice("function", FunctionName("g")),
        "parallel_tool_calls": False,
        "response_format": JsonObjectFormat(),
        "reasoning_effort": "low",
        "metadata": {"b": "2"},
    }
    # What the request adds to the instructions and to the thread is no field of the run.
    added = {"additional_instructions", "additional_messages"}
    assert options.keys() | added | {"assistant_id"} == set(CreateRun.__struct_fields__)
    run = await home.run(await home.thread("hi"), assistant_id, **options)
    assert {name: getattr(run, name) for name in options} == options | {
        "truncation_strategy": TruncationStrategy("last_messages", 3)
    }
    done = await home.until(run, "completed")
    assert done.tools == run.tools


async def test_a_run_keeps_what_its_assistant_was_when_it_began(home: House) -> None:
    gate = home.model.gate()
    home.model.say("hello", gate=gate)
    assistant_id = await home.assistant(instructions="first")
    run = await home.run(await home.thread("hi"), assistant_id)
    await home.api.modify_assistant(assistant_id, ModifyAssistant(instructions="second"))
    gate.open()
    assert (await home.until(run, "completed")).instructions == "first"
    asked = await home.model.until_request()
    assert asked.messages[0]["content"] == "first"


async def test_a_runs_metadata_is_changed_at_any_time(home: House) -> None:
    thread_id = await home.thread("hi")
    run = await home.until(await home.run(thread_id, metadata={"a": "1"}), "completed")
    changed = await home.api.modify_run(thread_id, run.id, ModifyRun(metadata={"b": "2"}))
    assert changed.metadata == {"b": "2"}
    assert await home.api.retrieve_run(thread_id, run.id) == changed
    same = await home.api.modify_run(thread_id, run.id, ModifyRun())
    assert same == changed


async def test_a_run_is_found_only_on_its_own_thread(home: House) -> None:
    elsewhere = await home.thread()
    thread_id = await home.thread("hi")
    run = await home.until(await home.run(thread_id), "completed")
    (step,) = (await home.api.list_steps(thread_id, run.id)).data
    for request in (
        home.api.retrieve_run(elsewhere, run.id),
        home.api.list_steps(elsewhere, run.id),
        home.api.retrieve_step(elsewhere, run.id, step.id),
    ):
        error = await refused(request, 404)
        assert error.message == f"No run found with id '{run.id}'."
    error = await refused(home.api.retrieve_step(thread_id, run.id, "step_none"), 404)
    assert error.message == "No run step found with id 'step_none'."


async def test_a_completed_run_takes_no_outputs(home: House) -> None:
    thread_id = await home.thread("hi")
    run = await home.until(await home.run(thread_id), "completed")
    request = submission(("call_1", "x"))
    refusal = 'Runs in status "completed" do not accept tool outputs.'
    for attempt in (
        home.api.submit_tool_outputs(thread_id, run.id, request),
        home.api.stream_tool_outputs(thread_id, run.id, request),
    ):
        assert (await refused(attempt)).message == refusal


async def test_an_answer_cut_by_its_token_limit_is_incomplete(home: House) -> None:
    home.model.say("cut off in the", finish="length")
    thread_id = await home.thread("hi")
    run = await home.until(await home.run(thread_id, max_completion_tokens=256), "incomplete")
    assert run.incomplete_details is not None
    assert run.incomplete_details.reason == "max_completion_tokens"
    assert run.usage is not None
    message = (await home.api.list_messages(thread_id)).data[0]
    assert (message.status, text_of(message)) == ("incomplete", "cut off in the")
    assert message.incomplete_details is not None
    assert message.incomplete_details.reason == "max_tokens"
    assert message.incomplete_at is not None
    await home.until(await home.run(thread_id), "completed")


@pytest.mark.parametrize("limit", ["max_prompt_tokens", "max_completion_tokens"])
async def test_a_token_limit_under_256_is_refused(home: House, limit: str) -> None:
    options: dict[str, object] = {limit: 255}
    assistant_id = await home.assistant()
    error = await refused(home.run(await home.thread("hi"), assistant_id, **options))
    assert error.param == limit


async def test_more_than_twenty_tools_are_refused_on_a_run(home: House) -> None:
    thread_id, assistant_id = await home.thread("hi"), await home.assistant()
    tools = tuple(tool(f"f{n}") for n in range(21))
    error = await refused(home.run(thread_id, assistant_id, tools=tools))
    assert error.param == "tools"
    assert (await home.api.list_runs(thread_id, Page())).data == ()
