"""The feed of a run: each subscriber gets all events in order, joined if it is slow."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.assistants.errors import APIError, server_error
from bot.assistants.events import MessageDelta, RunStepDelta, StreamEvent, ToolCallsDelta
from bot.assistants.schema.content import TextDelta
from bot.assistants.schema.objects import Thread
from bot.assistants.schema.tools import FunctionCallDelta
from bot.engine.run.run_events import RunFeed
from tests.support.objects import run

THREAD = StreamEvent("thread.created", Thread(id="thread_1", created_at=1))
RUN = run("completed")
END = StreamEvent("thread.run.completed", RUN)


def piece(event: StreamEvent) -> tuple[str, str]:
    """The id and the text or arguments of a delta."""
    data = event.data
    if isinstance(data, MessageDelta):
        (part,) = data.delta.content
        assert isinstance(part, TextDelta)
        return data.id, str(part.text.value)
    assert isinstance(data, RunStepDelta)
    assert isinstance(data.delta.step_details, ToolCallsDelta)
    (call,) = data.delta.step_details.tool_calls
    assert isinstance(call, FunctionCallDelta)
    assert call.function
    return data.id, str(call.function.arguments)


@given(st.lists(st.tuples(st.sampled_from(["msg_1", "step_1", "step_2"]), st.text(min_size=1))))
def test_a_slow_subscriber_gets_every_text_whole_and_in_order(
    pieces: list[tuple[str, str]],
) -> None:
    async def work() -> list[StreamEvent]:
        feed = RunFeed()
        events = feed.subscribe((THREAD,))
        for id_, text in pieces:
            if id_ == "msg_1":
                feed.publish_text(id_, 0, text)
            else:
                feed.publish_arguments(id_, 0, text)
        feed.publish(END)
        return [event async for event in events]

    first, *deltas, last = asyncio.run(work())
    assert (first, last) == (THREAD, END)
    joined: list[tuple[str, str]] = []
    for id_, text in pieces:
        if joined and joined[-1][0] == id_:
            joined[-1] = (id_, joined[-1][1] + text)
        else:
            joined.append((id_, text))
    assert [piece(event) for event in deltas] == joined


async def test_a_subscriber_that_has_left_is_forgotten() -> None:
    feed = RunFeed()
    events = feed.subscribe((THREAD,))
    assert await anext(events) == THREAD
    before = feed.has_subscribers
    await events.aclose()
    assert (before, feed.has_subscribers) == (True, False)
    feed.publish(END)


async def test_an_error_ends_the_stream_of_each_subscriber_after_its_events() -> None:
    feed = RunFeed()
    streams = [feed.subscribe((THREAD,)) for _ in range(2)]
    feed.fail(server_error("The server is stopping."))
    for events in streams:
        assert await anext(events) == THREAD
        with pytest.raises(APIError, match="stopping"):
            await anext(events)
