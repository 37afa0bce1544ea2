"""Runs that are followed after they were made: nothing is missed, nothing comes twice."""

import asyncio

import pytest

from bot.assistants.errors import APIError
from bot.assistants.events import StreamEvent
from bot.assistants.schema.objects import Message, Run, RunStep, ToolCallsDetails
from bot.assistants.schema.requests import CreateRun
from tests.contract.tooling import called, outputs, tool
from tests.support.assistants import House, collected, names, streamed_text, text_of
from tests.support.eventually import PATIENCE


def texts(events: list[StreamEvent]) -> list[str]:
    """The texts of the complete messages."""
    return [
        text_of(event.data)
        for event in events
        if event.event == "thread.message.completed"
        if isinstance(event.data, Message)
    ]


async def test_a_run_that_has_ended_is_told_from_what_is_stored(home: House) -> None:
    home.model.say("all of it")
    thread_id = await home.thread("hi")
    run = await home.until(await home.run(thread_id))
    events = await collected(await home.api.follow_run(thread_id, run.id))
    assert names(events) == [
        "thread.message.completed",
        "thread.run.step.completed",
        "thread.run.completed",
    ]
    assert texts(events) == ["all of it"]
    assert events[-1].data == run


async def test_a_run_followed_in_the_middle_of_its_message_is_told_with_the_whole_message(
    home: House,
) -> None:
    gate = home.model.gate()
    home.model.say("one two three", gate=gate)
    thread_id = await home.thread("hi")
    streamed = await home.api.stream_run(thread_id, CreateRun(assistant_id=await home.assistant()))
    first: list[StreamEvent] = []
    async with asyncio.timeout(PATIENCE):
        await gate.until_waiting()
        gate.let()
        while streamed_text(first) != "one ":
            first.append(await anext(streamed))
        run = first[0].data
        assert isinstance(run, Run)
        followed = await home.api.follow_run(thread_id, run.id)
        events = [await anext(followed)]
        gate.open()
        events += [event async for event in followed]
        await streamed.aclose()
    assert names(events) == [
        "thread.run.in_progress",
        "thread.run.step.created",
        "thread.run.step.in_progress",
        "thread.message.completed",
        "thread.run.step.completed",
        "thread.run.completed",
    ]
    assert texts(events) == ["one two three"]


async def test_a_run_that_waits_for_outputs_is_told_with_its_calls_and_goes_on(
    home: House,
) -> None:
    home.model.call_tools(("f", {"x": 1}), text="Let me look. ", ids=["call_a"])
    home.model.say("done")
    thread_id = await home.thread("go")
    run = await home.run(thread_id, await home.assistant(tools=(tool("f"),)))
    await home.until(run, "requires_action")
    events = await collected(await home.api.follow_run(thread_id, run.id))
    waiting = events[-1].data
    assert isinstance(waiting, Run)
    assert (waiting.status, called(waiting)) == ("requires_action", ["call_a"])
    step = events[-2].data
    assert isinstance(step, RunStep)
    assert isinstance(step.step_details, ToolCallsDetails)
    assert [call.id for call in step.step_details.functions()] == ["call_a"]
    await home.api.submit_tool_outputs(thread_id, run.id, outputs(waiting))
    events = await collected(await home.api.follow_run(thread_id, run.id))
    assert events[-1].event == "thread.run.completed"
    assert texts(events) == ["Let me look. ", "done"]
    ids = [(event.event, getattr(event.data, "id", "")) for event in events]
    assert len(ids) == len(set(ids))


async def test_everybody_who_follows_a_run_is_told_its_cancellation(home: House) -> None:
    home.model.stall("Some words")
    thread_id = await home.thread("hi")
    run = await home.run(thread_id)
    await home.until(run, "in_progress")
    streams = [await home.api.follow_run(thread_id, run.id) for _ in range(2)]
    following = [asyncio.create_task(collected(stream)) for stream in streams]
    await home.api.cancel_run(thread_id, run.id)
    for events in await asyncio.gather(*following):
        assert events[-1].event == "thread.run.cancelled"


async def test_a_run_that_does_not_exist_is_refused_before_its_stream(home: House) -> None:
    thread_id = await home.thread("hi")
    with pytest.raises(APIError) as refused:
        await home.api.follow_run(thread_id, "run_unknown")
    assert refused.value.status == 404


async def test_the_stream_of_a_followed_run_breaks_when_its_thread_is_deleted(home: House) -> None:
    home.model.stall("Some words")
    thread_id = await home.thread("hi")
    run = await home.run(thread_id)
    await home.until(run, "in_progress")
    events = await home.api.follow_run(thread_id, run.id)
    await anext(events)
    await home.api.delete_thread(thread_id)
    with pytest.raises(APIError) as broken:
        await collected(events)
    assert broken.value.status == 404
