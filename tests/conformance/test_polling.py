"""The SDK's own polling helpers."""

import json

import pytest
from openai import AsyncOpenAI, OpenAI

from tests.conformance.conftest import elsewhere
from tests.support.assistants import House

pytestmark = [  # what the SDK says of the Assistants API
    pytest.mark.filterwarnings("ignore:The Assistants API is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning"),
]

TOOL = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}},
}


async def test_create_and_poll_returns_the_finished_run(home: House, sdk: AsyncOpenAI) -> None:
    home.model.say("An answer.")
    run = await sdk.beta.threads.runs.create_and_poll(
        thread_id=await home.thread("hi"), assistant_id=await home.assistant()
    )
    assert run.status == "completed"
    messages = await sdk.beta.threads.messages.list(run.thread_id, run_id=run.id)
    (part,) = messages.data[0].content
    assert part.type == "text"
    assert part.text.value == "An answer."


async def test_a_thread_is_created_and_polled_in_one_call(home: House, sdk: AsyncOpenAI) -> None:
    run = await sdk.beta.threads.create_and_run_poll(
        assistant_id=await home.assistant(),
        thread={"messages": [{"role": "user", "content": "hello you"}]},
        poll_interval_ms=10,
    )
    assert run.status == "completed"


async def test_the_blocking_sdk_polls_as_well(home: House, blocking: OpenAI) -> None:
    run = await elsewhere(
        blocking.beta.threads.runs.create_and_poll,
        thread_id=await home.thread("hi"),
        assistant_id=await home.assistant(),
        poll_interval_ms=10,
    )
    assert run.status == "completed"


async def test_outputs_are_submitted_and_polled(home: House, sdk: AsyncOpenAI) -> None:
    home.model.call_tools(("weather", {"place": "Rome"}), ("weather", {"place": "Oslo"}))
    home.model.say("Warm and cold.")
    assistant = await sdk.beta.assistants.create(model="scripted-model", tools=[TOOL])  # type: ignore[list-item]  # a plain dict, as programs write it
    thread = await sdk.beta.threads.create(messages=[{"role": "user", "content": "Weather?"}])
    run = await sdk.beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=10
    )
    assert run.status == "requires_action"
    assert run.required_action is not None
    calls = run.required_action.submit_tool_outputs.tool_calls
    places = [json.loads(call.function.arguments)["place"] for call in calls]
    assert places == ["Rome", "Oslo"]
    run = await sdk.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id,
        thread_id=thread.id,
        tool_outputs=[{"tool_call_id": call.id, "output": "12 °C"} for call in calls],
        poll_interval_ms=10,
    )
    assert run.status == "completed"
    steps = await sdk.beta.threads.runs.steps.list(run.id, thread_id=thread.id, order="asc")
    assert [step.type for step in steps.data] == ["tool_calls", "message_creation"]
    details = steps.data[0].step_details
    assert details.type == "tool_calls"
    outputs = [call.function.output for call in details.tool_calls if call.type == "function"]
    assert outputs == ["12 °C", "12 °C"]


async def test_every_resource_of_the_sdk_reaches_its_operation(
    home: House, sdk: AsyncOpenAI
) -> None:
    beta = sdk.beta
    assistant = await beta.assistants.create(model="scripted-model", name="a")
    assert (await beta.assistants.retrieve(assistant.id)).name == "a"
    assert (await beta.assistants.update(assistant.id, name="b")).name == "b"
    assert [each.id async for each in beta.assistants.list()] == [assistant.id]
    thread = await beta.threads.create(metadata={"k": "v"})
    assert (await beta.threads.retrieve(thread.id)).metadata == {"k": "v"}
    assert (await beta.threads.update(thread.id, metadata={"k": "w"})).metadata == {"k": "w"}
    message = await beta.threads.messages.create(thread.id, role="user", content="hi")
    found = await beta.threads.messages.retrieve(message.id, thread_id=thread.id)
    assert found == message
    changed = await beta.threads.messages.update(
        message.id, thread_id=thread.id, metadata={"m": "1"}
    )
    assert changed.metadata == {"m": "1"}
    run = await beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=10
    )
    (step,) = (await beta.threads.runs.steps.list(run.id, thread_id=thread.id)).data
    same = await beta.threads.runs.steps.retrieve(step.id, thread_id=thread.id, run_id=run.id)
    assert same == step
    assert (await beta.threads.messages.delete(message.id, thread_id=thread.id)).deleted
    assert (await beta.threads.delete(thread.id)).deleted
    assert (await beta.assistants.delete(assistant.id)).deleted
