"""Streams cut, split and garbled anywhere: the right events or a ModelError, never a hang."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.models.http.endpoint import EndpointTimeouts
from bot.models.http.stream_reader import StreamFault
from bot.models.responses.events import ResponseReader
from bot.models.responses.model import Responses
from bot.models.types import Finished, ModelError, ModelEvent, Started
from bot.runtime.retry import RetryPolicy
from tests.models.asking import asking, collect, said
from tests.models.chat_completions.test_stream import calls_in
from tests.models.responses.test_specification import EVERYTHING
from tests.support.eventually import PATIENCE
from tests.support.fake_clock import FakeClock
from tests.support.model_turns import Cut, Raw
from tests.support.responses_answers import Scripted
from tests.support.responses_endpoint import ScriptedResponses
from tests.support.responses_turns import Call, Code, End, Reply, Say, Step, Think

SOCKETS = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def recorded() -> list[dict[str, Any]]:
    """Every event of a response that has everything in it."""
    scripted = Scripted("resp_1", {"include": ["code_interpreter_call.outputs"]}, EVERYTHING)
    asyncio.run(scripted.play())
    return scripted.events


EVENTS = recorded()
WHOLE = "Let me see.\n\nIt rains."

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
KINDS = st.sampled_from(sorted({event["type"] for event in EVENTS} | {"response.failed", "error"}))
FIELDS = sorted({field for event in EVENTS for field in event} - {"type"})
ODD = st.builds(
    lambda kind, fields: {"type": kind, **fields},
    KINDS,
    st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6),
)
# Events that are almost right: one field of a real one is something else.
BENT = st.builds(
    lambda event, field, value: {**event, field: value},
    st.sampled_from(EVENTS),
    st.sampled_from(FIELDS),
    JSON,
)
SPOILED = st.builds(
    lambda event, item: {**event, "item": item, "response": item},
    st.sampled_from(EVENTS),
    st.builds(
        lambda base, field, value: {**base, field: value},
        st.sampled_from(EVENTS[-1]["response"]["output"]),
        st.sampled_from(["type", "content", "name", "call_id", "arguments", "outputs", "action"]),
        JSON,
    ),
)


@given(st.lists(ODD | BENT | SPOILED | st.sampled_from(EVENTS), max_size=30))
@settings(max_examples=150, deadline=None)
def test_events_of_any_content_are_read_or_are_faults(events: list[dict[str, Any]]) -> None:
    reader = ResponseReader(prompt_estimate=1, background=True)
    taken: list[ModelEvent] = []
    try:
        for event in events:
            taken += reader.take(json.dumps(event).encode())
        if reader.done:
            taken += reader.finish()
    except StreamFault:
        pass
    calls_in(taken)  # each delta belongs to a call that began, and calls count from 0
    assert sum(isinstance(event, Started) for event in taken) <= 1


@given(st.binary(max_size=60))
@settings(max_examples=100, deadline=None)
def test_an_event_of_any_bytes_is_read_or_is_a_fault(data: bytes) -> None:
    try:
        ResponseReader(prompt_estimate=1).take(data)
    except StreamFault:
        return


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_lost_and_repeated_events_do_not_change_the_answer(data: st.DataObject) -> None:
    if data.draw(st.booleans()):  # the end of the stream is lost
        kept = EVENTS[1 : data.draw(st.integers(1, len(EVENTS) - 1))]
    else:  # all pieces are, and whatever else but what is done
        done = [event for event in EVENTS[1:-1] if "delta" not in event["type"]]
        last = "response.output_item.done"
        kept = [event for event in done if event["type"] == last or data.draw(st.booleans())]
    reader = ResponseReader(prompt_estimate=1)
    taken: list[ModelEvent] = []
    for event in [EVENTS[0], *kept, *kept, EVENTS[-1]]:
        taken += reader.take(json.dumps(event).encode())
    taken += reader.finish()
    assert said(taken) == WHOLE
    (call,) = calls_in(taken)
    assert json.loads(call.arguments) == {"city": "Oslo"}
    assert isinstance(taken[-1], Finished)


def over_sockets(
    reply: Reply, again: Reply, *, background: bool, check: Callable[[list[ModelEvent]], None]
) -> None:
    """Ask for the reply, or `again` at another try; what comes is checked, but a ModelError."""

    async def ask() -> None:
        async with ScriptedResponses() as there:
            there.then(reply)
            there.otherwise = lambda _: again
            model = Responses(
                there.url,
                background=background,
                clock=FakeClock(skips=True),
                retries=RetryPolicy(attempts=3),
                timeouts=EndpointTimeouts(first_byte=PATIENCE, between_chunks=PATIENCE),
            )
            try:
                await _bounded(model, check)
            finally:
                await model.close()

    asyncio.run(ask())


async def _bounded(model: Responses, check: Callable[[list[ModelEvent]], None]) -> None:
    answer: Awaitable[list[ModelEvent]] = collect(model, asking(model="gpt-5"))
    try:
        async with asyncio.timeout(PATIENCE):
            events = await answer
    except ModelError:
        return
    check(events)


FAULTS: st.SearchStrategy[Raw | Cut] = st.just(Cut()) | st.builds(
    Raw,
    st.binary(max_size=40)
    | st.sampled_from(
        [
            b"data: {}\n\n",
            b"data: [DONE]\n\n",
            b"event: error\ndata: x\n\n",
            b": comment\n\n",
            b"\n\n",
            b'data: {"type": "response.completed"}\n\n',
            b"data: null\n\n",
        ]
    ),
)


@given(st.lists(FAULTS, max_size=3), st.data())
@SOCKETS
def test_faults_anywhere_in_a_stream_end_in_an_error_or_in_the_whole_answer(
    faults: list[Raw | Cut], data: st.DataObject
) -> None:
    steps: list[Step] = [
        Think("Hm."),
        Say(["one ", "two "]),
        Code("1", ["1"]),
        Say(["three"]),
        Call("f", "{}"),
        End(),
    ]
    whole = Reply(tuple(steps))
    for fault in faults:
        steps.insert(data.draw(st.integers(0, len(steps) - 1)), fault)

    def check(events: list[ModelEvent]) -> None:
        assert said(events) == "one two \n\nthree"
        assert [call.name for call in calls_in(events)] == ["f"]
        assert isinstance(events[-1], Finished)

    for background in (False, True):
        over_sockets(Reply(steps), whole, background=background, check=check)


@given(st.lists(st.integers(0, 40), max_size=6))
@SOCKETS
def test_a_background_response_comes_whole_however_often_it_is_cut(cuts: list[int]) -> None:
    arrived = []

    def check(events: list[ModelEvent]) -> None:
        arrived.append(True)
        assert said(events) == WHOLE
        assert len(calls_in(events)) == 1

    # A cut at a place that was passed already is none: only growing ones bring something new.
    reply = Reply(EVERYTHING.steps, cut_at=sorted(set(cuts)))
    over_sockets(reply, reply, background=True, check=check)
    assert arrived
