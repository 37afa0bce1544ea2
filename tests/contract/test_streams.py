"""Streams: every event in the API's order, to every reader, whoever comes and goes."""

import asyncio

from bot.assistants.events import RunStepDelta, ToolCallsDelta
from bot.assistants.schema.objects import Message, Run, RunStep, Thread
from bot.assistants.schema.requests import (
    CreateMessage,
    CreateRun,
    CreateThread,
    CreateThreadAndRun,
)
from bot.assistants.schema.tools import FunctionCallDelta, FunctionDelta
from tests.contract.tooling import outputs, tool
from tests.support.assistants import House, collected, names, streamed_text, text_of
from tests.support.eventually import PATIENCE

BEGIN = ["thread.run.created", "thread.run.queued", "thread.run.in_progress"]
MESSAGE = [
    "thread.run.step.created",
    "thread.run.step.in_progress",
    "thread.message.created",
    "thread.message.in_progress",
    "thread.message.delta",
    "thread.message.completed",
    "thread.run.step.completed",
]
CALLS = ["thread.run.step.created", "thread.run.step.in_progress", "thread.run.step.delta"]


async def test_a_streamed_run_tells_every_event_in_the_apis_order(home: House) -> None:
    home.model.say("one two three four")
    thread_id = await home.thread("hi")
    request = CreateRun(assistant_id=await home.assistant())
    events = await collected(await home.api.stream_run(thread_id, request))
    assert names(events) == [*BEGIN, *MESSAGE, "thread.run.completed"]
    assert streamed_text(events) == "one two three four"
    by_name = {event.event: event.data for event in events}
    created, completed = by_name["thread.run.created"], by_name["thread.run.completed"]
    assert isinstance(created, Run)
    assert isinstance(completed, Run)
    assert (created.status, created.usage) == ("queued", None)
    assert completed == await home.api.retrieve_run(thread_id, created.id)
    message = by_name["thread.message.completed"]
    assert isinstance(message, Message)
    assert message == await home.api.retrieve_message(thread_id, message.id)
    begun = by_name["thread.message.created"]
    assert isinstance(begun, Message)
    assert (begun.id, begun.status, begun.content) == (message.id, "in_progress", ())
    step = by_name["thread.run.step.completed"]
    assert isinstance(step, RunStep)
    assert step == await home.api.retrieve_step(thread_id, created.id, step.id)


async def test_each_token_is_told_as_it_comes(home: House) -> None:
    gate = home.model.gate()
    home.model.say("one two", gate=gate)
    thread_id = await home.thread("hi")
    request = CreateRun(assistant_id=await home.assistant())
    events = await home.api.stream_run(thread_id, request)
    told = []
    async with asyncio.timeout(PATIENCE):
        await gate.until_waiting()
        gate.let(1)
        async for event in events:
            told.append(event)
            if streamed_text(told) == "one ":
                gate.open()  # nothing comes before this
    assert streamed_text(told) == "one two"


async def test_a_streamed_thread_and_run_begins_with_its_thread(home: House) -> None:
    request = CreateThreadAndRun(
        assistant_id=await home.assistant(),
        thread=CreateThread(messages=(CreateMessage(role="user", content="hello you"),)),
    )
    events = await collected(await home.api.stream_thread_and_run(request))
    assert names(events) == ["thread.created", *BEGIN, *MESSAGE, "thread.run.completed"]
    thread = events[0].data
    assert isinstance(thread, Thread)
    assert thread == await home.api.retrieve_thread(thread.id)
    assert streamed_text(events) == "hello you"


async def test_a_stream_ends_where_the_run_waits_and_goes_on_with_its_outputs(
    home: House,
) -> None:
    home.model.call_tools(("f", {"x": 1}), ("g", {"x": 2}), ids=["call_a", "call_b"])
    home.model.say("all done")
    thread_id = await home.thread("go")
    request = CreateRun(assistant_id=await home.assistant(tools=(tool("f"), tool("g"))))
    first = await collected(await home.api.stream_run(thread_id, request))
    assert names(first) == [*BEGIN, *CALLS, "thread.run.requires_action"]
    waiting = first[-1].data
    assert isinstance(waiting, Run)
    second = await collected(
        await home.api.stream_tool_outputs(thread_id, waiting.id, outputs(waiting, "7"))
    )
    assert names(second) == [
        "thread.run.step.completed",
        "thread.run.queued",
        "thread.run.in_progress",
        *MESSAGE,
        "thread.run.completed",
    ]
    step = second[0].data
    assert isinstance(step, RunStep)
    assert step == await home.api.retrieve_step(thread_id, waiting.id, step.id)
    assert streamed_text(second) == "all done"


async def test_the_deltas_of_calls_joined_are_the_calls(home: House) -> None:
    home.model.call_tools(("f", {"x": 1}), ("g", {"x": [1, 2, 3]}), ids=["a", "b"], pieces=4)
    thread_id = await home.thread("go")
    request = CreateRun(assistant_id=await home.assistant(tools=(tool("f"), tool("g"))))
    events = await collected(await home.api.stream_run(thread_id, request))
    ids: dict[int, str] = {}
    called: dict[int, str] = {}
    arguments: dict[int, str] = {}
    for event in events:
        if not isinstance(event.data, RunStepDelta):
            continue
        details = event.data.delta.step_details
        assert isinstance(details, ToolCallsDelta)
        for call in details.tool_calls:
            assert isinstance(call, FunctionCallDelta)
            if isinstance(call.id, str):
                ids[call.index] = call.id
            if isinstance(call.function, FunctionDelta):
                if isinstance(call.function.name, str):
                    called[call.index] = call.function.name
                if isinstance(call.function.arguments, str):
                    arguments.setdefault(call.index, "")
                    arguments[call.index] += call.function.arguments
    assert ids == {0: "a", 1: "b"}
    assert called == {0: "f", 1: "g"}
    assert arguments == {0: '{"x": 1}', 1: '{"x": [1, 2, 3]}'}


async def test_words_before_a_call_are_a_message_of_their_own(home: House) -> None:
    home.model.call_tools(("f", {"x": 1}), text="Let me look. ")
    thread_id = await home.thread("go")
    request = CreateRun(assistant_id=await home.assistant(tools=(tool("f"),)))
    events = await collected(await home.api.stream_run(thread_id, request))
    assert names(events) == [*BEGIN, *MESSAGE, *CALLS, "thread.run.requires_action"]
    assert streamed_text(events) == "Let me look. "


async def test_a_reader_that_goes_away_does_not_stop_the_run(home: House) -> None:
    gate = home.model.gate()
    home.model.say("one two three", gate=gate)
    thread_id = await home.thread("hi")
    request = CreateRun(assistant_id=await home.assistant())
    events = await home.api.stream_run(thread_id, request)
    first = await anext(events)
    await events.aclose()
    assert isinstance(first.data, Run)
    gate.open()
    await home.until(first.data, "completed")
    assert not home.model.requests[0].disconnected
    assert text_of((await home.api.list_messages(thread_id)).data[0]) == "one two three"


async def test_a_stream_that_is_never_read_does_not_stop_the_run(home: House) -> None:
    thread_id = await home.thread("hi")
    request = CreateRun(assistant_id=await home.assistant())
    events = await home.api.stream_run(thread_id, request)
    await events.aclose()
    (run,) = (await home.api.list_runs(thread_id)).data
    await home.until(run, "completed")


async def test_a_reader_that_lags_gets_everything(home: House) -> None:
    text = "".join(f"word{n} " for n in range(5000))
    home.model.say(text)
    thread_id = await home.thread("hi")
    request = CreateRun(assistant_id=await home.assistant())
    events = await home.api.stream_run(thread_id, request)
    told = [await anext(events)]
    assert isinstance(told[0].data, Run)
    await home.until(told[0].data, "completed")  # the run does not wait for its reader
    told += await collected(events)
    assert streamed_text(told) == text
    assert names(told) == [*BEGIN, *MESSAGE, "thread.run.completed"]


async def test_streams_of_many_runs_do_not_mix(home: House) -> None:
    assistant_id = await home.assistant()

    async def ask(number: int) -> str:
        thread_id = await home.thread(f"this is number {number}")
        stream = await home.api.stream_run(thread_id, CreateRun(assistant_id=assistant_id))
        return streamed_text(await collected(stream))

    answers = await asyncio.gather(*(ask(number) for number in range(20)))
    assert answers == [f"this is number {number}" for number in range(20)]


async def test_a_refusal_by_the_model_is_a_refusal_part(home: House) -> None:
    home.model.refuse("I would rather not.")
    thread_id = await home.thread("hi")
    request = CreateRun(assistant_id=await home.assistant())
    events = await collected(await home.api.stream_run(thread_id, request))
    assert names(events) == [*BEGIN, *MESSAGE, "thread.run.completed"]
    message = (await home.api.list_messages(thread_id)).data[0]
    assert [getattr(part, "refusal", None) for part in message.content] == ["I would rather not."]
