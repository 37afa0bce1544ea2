"""Function tools: the run waits, takes all outputs at once, and goes on with them."""

import json

import pytest

from bot.assistants.schema.objects import (
    FunctionArguments,
    RequiredToolCall,
    Run,
    ToolCallsDetails,
    Usage,
)
from bot.assistants.schema.requests import CreateMessage, Page, SubmitToolOutputs
from tests.contract.refusals import refused
from tests.contract.tooling import called, outputs, submission, tool
from tests.support.assistants import House, text_of
from tests.support.model_turns import TokenUsage

CALLS = (("f", {"x": 1}), ("g", {"x": 2}))


async def waiting(home: House) -> Run:
    """A run that waits for the outputs of call_a and call_b."""
    home.model.call_tools(*CALLS, ids=["call_a", "call_b"], usage=TokenUsage(10, 5))
    assistant_id = await home.assistant(tools=(tool("f"), tool("g")))
    return await home.until(
        await home.run(await home.thread("go"), assistant_id), "requires_action"
    )


async def test_a_run_tells_all_calls_it_waits_for(home: House) -> None:
    run = await waiting(home)
    assert run.required_action is not None
    assert run.required_action.type == "submit_tool_outputs"
    calls = run.required_action.submit_tool_outputs.tool_calls
    assert calls == (
        RequiredToolCall(id="call_a", function=FunctionArguments("f", '{"x": 1}')),
        RequiredToolCall(id="call_b", function=FunctionArguments("g", '{"x": 2}')),
    )
    (step,) = (await home.api.list_steps(run.thread_id, run.id)).data
    assert (step.type, step.status) == ("tool_calls", "in_progress")
    assert isinstance(step.step_details, ToolCallsDetails)
    functions = [call.function for call in step.step_details.functions()]
    assert [(each.name, each.output) for each in functions] == [("f", None), ("g", None)]
    assert [json.loads(each.arguments) for each in functions] == [{"x": 1}, {"x": 2}]


async def test_with_all_outputs_the_run_goes_on_and_the_model_sees_them(home: House) -> None:
    run = await waiting(home)
    home.model.say("It is seven.", usage=TokenUsage(20, 3))
    request = submission(("call_b", "four"), ("call_a", "three"))
    resumed = await home.api.submit_tool_outputs(run.thread_id, run.id, request)
    assert resumed.status == "queued"
    assert resumed.required_action is None
    done = await home.until(run, "completed")
    assert done.usage == Usage(30, 8, 38)
    asked = await home.model.until_request(2)
    question, calls, *answers = asked.messages
    assert question["content"] == "go"
    assert calls["role"] == "assistant"
    assert [call["id"] for call in calls["tool_calls"]] == ["call_a", "call_b"]
    assert [call["function"]["name"] for call in calls["tool_calls"]] == ["f", "g"]
    assert {each["tool_call_id"]: each["content"] for each in answers} == {
        "call_a": "three",
        "call_b": "four",
    }
    assert {each["role"] for each in answers} == {"tool"}
    first, second = (await home.api.list_steps(run.thread_id, run.id, Page(order="asc"))).data
    assert (first.type, first.status, second.type) == (
        "tool_calls",
        "completed",
        "message_creation",
    )
    assert (first.usage, second.usage) == (Usage(10, 5, 15), Usage(20, 3, 23))
    assert isinstance(first.step_details, ToolCallsDetails)
    given = {call.id: call.function.output for call in first.step_details.functions()}
    assert given == {"call_a": "three", "call_b": "four"}
    newest = (await home.api.list_messages(run.thread_id)).data[0]
    assert text_of(newest) == "It is seven."


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["call_a"], "['call_a']"),
        (["call_a", "call_c"], "['call_a', 'call_c']"),
        (["call_a", "call_b", "call_c"], "['call_a', 'call_b', 'call_c']"),
        (["call_a", "call_a"], "['call_a', 'call_a']"),
        (["call_a", "call_b", "call_b"], "['call_a', 'call_b', 'call_b']"),
    ],
    ids=["missing", "unknown", "one too many", "twice for another", "twice"],
)
async def test_anything_but_one_output_for_each_call_is_refused(
    home: House, given: list[str], said: str
) -> None:
    run = await waiting(home)
    request = submission(*((call, "x") for call in given))
    for attempt in (
        home.api.submit_tool_outputs(run.thread_id, run.id, request),
        home.api.stream_tool_outputs(run.thread_id, run.id, request),
    ):
        error = await refused(attempt)
        assert error.message == (
            f"Expected tool outputs for call_ids ['call_a', 'call_b'], got {said}"
        )
    assert await home.api.retrieve_run(run.thread_id, run.id) == run
    await home.api.submit_tool_outputs(run.thread_id, run.id, outputs(run))
    await home.until(run, "completed")


async def test_an_empty_submission_is_refused(home: House) -> None:
    run = await waiting(home)
    error = await refused(
        home.api.submit_tool_outputs(run.thread_id, run.id, SubmitToolOutputs(tool_outputs=()))
    )
    assert error.param == "tool_outputs"


async def test_outputs_are_taken_once(home: House) -> None:
    run = await waiting(home)
    gate = home.model.gate()
    home.model.say("going on", gate=gate)
    await home.api.submit_tool_outputs(run.thread_id, run.id, outputs(run))
    await home.model.until_request(2)
    error = await refused(home.api.submit_tool_outputs(run.thread_id, run.id, outputs(run)))
    assert error.message == 'Runs in status "in_progress" do not accept tool outputs.'
    gate.open()
    await home.until(run, "completed")


async def test_a_waiting_run_keeps_its_thread_locked(home: House) -> None:
    run = await waiting(home)
    message = CreateMessage(role="user", content="and")
    error = await refused(home.api.create_message(run.thread_id, message))
    assert error.message == (
        f"Can't add messages to {run.thread_id} while a run {run.id} is active."
    )


async def test_a_run_may_wait_several_times_and_say_something_before(home: House) -> None:
    home.model.call_tools(("f", {"x": 1}), text="Let me look. ", ids=["call_1"])
    home.model.call_tools(("f", {"x": 2}), ids=["call_2"])
    home.model.say("Found it.")
    thread_id = await home.thread("go")
    run = await home.run(thread_id, await home.assistant(tools=(tool("f"),)))
    for expected in ("call_1", "call_2"):
        run = await home.until(run, "requires_action")
        assert called(run) == [expected]
        run = await home.api.submit_tool_outputs(thread_id, run.id, outputs(run, expected[::-1]))
    await home.until(run, "completed")
    steps = (await home.api.list_steps(thread_id, run.id, Page(order="asc"))).data
    assert [step.type for step in steps] == [
        "message_creation",
        "tool_calls",
        "tool_calls",
        "message_creation",
    ]
    messages = (await home.api.list_messages(thread_id, Page(order="asc"))).data
    assert [text_of(message) for message in messages] == ["go", "Let me look. ", "Found it."]
    asked = await home.model.until_request(3)
    assert [message["role"] for message in asked.messages] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "tool",
    ]


async def test_cancelling_a_waiting_run_frees_the_thread(home: House) -> None:
    run = await waiting(home)
    await home.api.cancel_run(run.thread_id, run.id)
    cancelled = await home.until(run, "cancelled")
    assert cancelled.required_action is None
    (step,) = (await home.api.list_steps(run.thread_id, run.id)).data
    assert step.status == "cancelled"
    error = await refused(home.api.submit_tool_outputs(run.thread_id, run.id, outputs(run)))
    assert error.message == 'Runs in status "cancelled" do not accept tool outputs.'
    await home.api.create_message(run.thread_id, CreateMessage(role="user", content="again"))
    await home.until(await home.run(run.thread_id), "completed")
