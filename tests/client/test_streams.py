"""Streams: told as they come, gone on with by polling where they are cut or not to be had."""

import asyncio
import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.assistants.errors import APIError, ErrorBody, UnreachableError
from bot.assistants.events import StreamEvent
from bot.assistants.schema.objects import (
    FunctionArguments,
    RequiredAction,
    RequiredToolCall,
    RequiredToolOutputs,
)
from bot.assistants.schema.requests import (
    CreateRun,
    CreateThreadAndRun,
    SubmitToolOutputs,
    ToolOutput,
)
from bot.client import Client, ClientTimeouts
from tests.client.objects import delta, message, page, step
from tests.client.scripted import Answer, Asked, ScriptedServer, answers, event, refuses, streams
from tests.support.assistants import collected, names, streamed_text
from tests.support.eventually import PATIENCE
from tests.support.fake_clock import FakeClock, pass_loop_time
from tests.support.objects import run

ASK = CreateRun(assistant_id="asst_1")
OUTPUTS = SubmitToolOutputs(tool_outputs=(ToolOutput(tool_call_id="call_1", output="4"),))
CREATED = StreamEvent("thread.run.created", run())
QUEUED = StreamEvent("thread.run.queued", run())
WORKING = StreamEvent("thread.run.in_progress", run("in_progress"))
STEP = StreamEvent("thread.run.step.created", step("in_progress"))
BEGUN = StreamEvent("thread.message.created", message("in_progress", ""))
ONE = StreamEvent("thread.message.delta", delta("one "))
WHOLE = StreamEvent("thread.message.completed", message())
STEPPED = StreamEvent("thread.run.step.completed", step())
DONE = StreamEvent("thread.run.completed", run("completed"))
RUN_PATH = "/threads/thread_1/runs/run_1"


def polled(status: str, **fields: Any) -> tuple[Answer, ...]:
    """Answers to one round of questions after a run in this state."""
    return answers(run(status)), answers(page(step())), answers(page(message()))


async def test_events_arrive_unchanged(server: ScriptedServer, client: Client) -> None:
    told = [CREATED, QUEUED, WORKING, STEP, BEGUN, ONE, WHOLE, STEPPED, DONE]
    server.then(streams(*told))
    assert await collected(await client.stream_run("thread_1", ASK)) == told
    (asked,) = server.asked
    assert asked.body == {"assistant_id": "asst_1", "stream": True}
    assert "text/event-stream" in asked.headers["Accept"]


async def test_a_stream_read_to_its_end_leaves_its_connection_to_the_next(
    server: ScriptedServer, client: Client
) -> None:
    server.then(*[streams(CREATED, DONE)] * 5)
    for _ in range(5):
        await collected(await client.stream_run("thread_1", ASK))
    assert len(server.connections) < 5


async def test_unknown_events_and_comments_are_ignored(
    server: ScriptedServer, client: Client
) -> None:
    server.then(streams(b": hello\n\n", CREATED, b"event: thread.party\ndata: {}\n\n", DONE))
    assert await collected(await client.stream_run("thread_1", ASK)) == [CREATED, DONE]


async def test_a_refusal_is_raised_before_there_is_a_stream(
    server: ScriptedServer, client: Client
) -> None:
    server.then(refuses(400, "Thread thread_1 already has an active run run_0."))
    with pytest.raises(APIError, match="already has an active run"):
        await client.stream_run("thread_1", ASK)
    assert len(server.asked) == 1


CUTS: dict[str, dict[str, Any]] = {
    "cut": {"cut": True},
    "ended without done": {"done": False},
}
BROKEN: dict[str, bytes] = {
    "rubbish": b"event: thread.message.delta\ndata: {not json\n\n",
    "another shape": b'event: thread.run.in_progress\ndata: {"id": 3}\n\n',
    "an error event": b'event: error\ndata: {"error": {"message": "stopping"}}\n\n',
    "a bare error event": b'event: error\ndata: {"message": "stopping"}\n\n',
}


@pytest.mark.parametrize("how", [*CUTS, *BROKEN])
async def test_after_a_cut_polling_yields_the_missing_events_and_none_twice(
    server: ScriptedServer, client: Client, clock: FakeClock, how: str
) -> None:
    told = [CREATED, QUEUED, WORKING, STEP, BEGUN, ONE]
    broken = [BROKEN[how]] if how in BROKEN else []
    server.then(streams(*told, *broken, **CUTS.get(how, {})))
    server.then(
        answers(run("in_progress"), headers={"openai-poll-after-ms": "250"}),
        answers(page(step("in_progress"))),
        *polled("completed"),
    )
    events = await collected(await client.stream_run("thread_1", ASK))
    assert events == [*told, WHOLE, STEPPED, DONE]
    assert clock.slept == [0.25]
    assert [asked.path for asked in server.asked[1:]] == [
        RUN_PATH,
        f"{RUN_PATH}/steps",
        RUN_PATH,
        f"{RUN_PATH}/steps",
        "/threads/thread_1/messages",
    ]


async def test_objects_that_were_complete_before_the_cut_are_not_yielded_again(
    server: ScriptedServer, client: Client
) -> None:
    told = [CREATED, QUEUED, WORKING, STEP, BEGUN, ONE, WHOLE, STEPPED]
    server.then(streams(*told, cut=True), *polled("completed"))
    assert await collected(await client.stream_run("thread_1", ASK)) == [*told, DONE]


async def test_a_cut_behind_the_last_event_is_no_cut(
    server: ScriptedServer, client: Client
) -> None:
    server.then(streams(CREATED, DONE, cut=True))
    assert await collected(await client.stream_run("thread_1", ASK)) == [CREATED, DONE]
    assert len(server.asked) == 1


async def test_a_silent_stream_is_left_for_polling(
    server: ScriptedServer, clock: FakeClock
) -> None:
    async def silent(asked: Asked) -> Any:
        response = await streams(CREATED, done=False)(asked)
        await asyncio.Event().wait()
        return response

    server.then(silent, *polled("completed"))
    async with Client(server.url, timeouts=ClientTimeouts(silence=30), clock=clock) as client:
        events = await client.stream_run("thread_1", ASK)
        assert await anext(events) == CREATED
        rest = asyncio.create_task(collected(events))
        await pass_loop_time(31)
        assert await rest == [WHOLE, STEPPED, DONE]


async def test_a_cut_before_the_run_is_known_is_unknown(
    server: ScriptedServer, client: Client
) -> None:
    server.then(streams(cut=True))
    with pytest.raises(UnreachableError, match="Whether the run was created is unknown"):
        await collected(await client.stream_run("thread_1", ASK))


async def test_an_error_before_the_run_is_known_is_an_event(
    server: ScriptedServer, client: Client
) -> None:
    server.then(streams(BROKEN["an error event"], done=False))
    (event,) = await collected(await client.stream_run("thread_1", ASK))
    assert event.event == "error"
    assert isinstance(event.data, ErrorBody)
    assert event.data.message == "stopping"


async def test_a_cut_stream_of_outputs_goes_on_too(server: ScriptedServer, client: Client) -> None:
    server.then(streams(cut=True), *polled("completed"))
    events = await collected(await client.stream_tool_outputs("thread_1", "run_1", OUTPUTS))
    assert events == [WHOLE, STEPPED, DONE]


async def test_when_polling_is_refused_the_refusal_is_raised(
    server: ScriptedServer, client: Client
) -> None:
    server.then(streams(CREATED, cut=True), refuses(404, "No run found with id 'run_1'."))
    events = await client.stream_run("thread_1", ASK)
    assert await anext(events) == CREATED
    with pytest.raises(APIError, match="No run found"):
        await anext(events)


NO_STREAM: dict[str, tuple[Answer, ...]] = {
    "answers JSON": (answers(run()),),
    "refuses it": (
        refuses(400, "Unknown parameter: 'stream'.", param="stream"),
        answers(run()),
    ),
    "refuses it otherwise": (
        refuses(422, "Extra field 'stream' is not permitted"),
        answers(run()),
    ),
}


@pytest.mark.parametrize("how", NO_STREAM)
async def test_without_a_stream_polling_yields_the_whole_run(
    server: ScriptedServer, client: Client, clock: FakeClock, how: str
) -> None:
    server.then(
        *NO_STREAM[how],
        answers(run("in_progress")),
        answers(page(step("in_progress"))),
        *polled("completed"),
    )
    events = await collected(await client.stream_run("thread_1", ASK))
    assert names(events) == [
        "thread.run.created",
        "thread.run.queued",
        "thread.run.in_progress",
        "thread.run.step.created",
        "thread.run.step.in_progress",
        "thread.message.completed",
        "thread.run.step.completed",
        "thread.run.completed",
    ]
    assert streamed_text(events) == ""
    assert clock.slept == [1.0, 1.0]


async def test_a_refusal_of_something_else_is_not_taken_for_one_of_streaming(
    server: ScriptedServer, client: Client
) -> None:
    server.then(refuses(400, "Invalid 'metadata': too many properties.", param="metadata"))
    with pytest.raises(APIError, match="too many properties"):
        await client.stream_run("thread_1", ASK)
    assert len(server.asked) == 1


async def test_polling_a_thread_and_run_begins_with_the_thread(
    server: ScriptedServer, client: Client
) -> None:
    server.then(answers(run()), answers({"id": "thread_1", "created_at": 1}), *polled("completed"))
    request = CreateThreadAndRun(assistant_id="asst_1")
    events = await collected(await client.stream_thread_and_run(request))
    assert names(events)[:3] == ["thread.created", "thread.run.created", "thread.run.queued"]
    assert names(events)[-1] == "thread.run.completed"


async def test_polling_ends_where_the_run_waits_for_outputs(
    server: ScriptedServer, client: Client
) -> None:
    call = RequiredToolCall(id="call_1", function=FunctionArguments("f", "{}"))
    action = RequiredAction(submit_tool_outputs=RequiredToolOutputs((call,)))
    waiting = run("requires_action", required_action=action)
    server.then(answers(run()), answers(waiting), answers(page()))
    events = await collected(await client.stream_run("thread_1", ASK))
    assert events[-1] == StreamEvent("thread.run.requires_action", waiting)


async def test_a_run_that_has_already_ended_is_polled_without_a_wait(
    server: ScriptedServer, client: Client, clock: FakeClock
) -> None:
    server.then(*polled("completed"))
    events = await collected(await client.stream_run("thread_1", ASK))
    assert names(events) == [
        "thread.run.created",
        "thread.message.completed",
        "thread.run.step.completed",
        "thread.run.completed",
    ]
    assert clock.slept == []


async def test_a_server_without_steps_still_lists_the_messages(
    server: ScriptedServer, client: Client
) -> None:
    others = StreamEvent("thread.message.completed", message(id_="msg_0"))
    from_elsewhere = replace(message(id_="msg_9"), run_id="run_9")
    server.then(
        answers(run("completed")),
        refuses(404, "Not Found"),
        answers(page(message(id_="msg_0"), from_elsewhere, has_more=True)),
        answers(page(message())),
    )
    events = await collected(await client.stream_run("thread_1", ASK))
    assert events[1:] == [others, WHOLE, DONE]
    assert "after=msg_9" in server.asked[-1].query


@pytest.mark.parametrize("status", ["failed", "cancelled", "expired", "incomplete"])
async def test_every_other_end_comes_with_the_incomplete_message(
    server: ScriptedServer, client: Client, status: Any
) -> None:
    ended = step("completed" if status == "incomplete" else status)
    server.then(
        streams(CREATED, WORKING, STEP, BEGUN, ONE, cut=True),
        answers(run(status)),
        answers(page(ended)),
        answers(page(message("incomplete", "one "))),
    )
    events = await collected(await client.stream_run("thread_1", ASK))
    assert [event.event for event in events[5:]] == [
        "thread.message.incomplete",
        f"thread.run.step.{ended.status}",
        f"thread.run.{status}",
    ]


async def test_closing_a_stream_hangs_up(server: ScriptedServer, client: Client) -> None:
    gone = asyncio.Event()

    async def endless(asked: Asked) -> Any:
        response = await streams(CREATED, done=False)(asked)
        try:
            while True:
                await response.write(b": still here\n\n")
                await asyncio.sleep(0)
        except ConnectionError:
            gone.set()
        return response

    for read_first in (True, False):
        gone.clear()
        server.then(endless)
        events = await client.stream_run("thread_1", ASK)
        if read_first:
            assert await anext(events) == CREATED
        await events.aclose()
        async with asyncio.timeout(PATIENCE):
            await gone.wait()
        with pytest.raises(StopAsyncIteration):
            await anext(events)


@given(cuts=st.lists(st.integers(0, 4000), max_size=12))
@settings(max_examples=30, deadline=None)
def test_how_the_bytes_are_split_changes_nothing(cuts: list[int]) -> None:
    told = [CREATED, QUEUED, WORKING, STEP, BEGUN, ONE, WHOLE, STEPPED, DONE]
    whole = b"".join(event(each) for each in told)
    edges = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    pieces = [whole[start:end] for start, end in itertools.pairwise(edges)]

    async def read() -> list[StreamEvent]:
        async with ScriptedServer() as server, Client(server.url) as client:
            server.then(streams(*pieces))
            return await collected(await client.stream_run("thread_1", ASK))

    assert asyncio.run(read()) == told
