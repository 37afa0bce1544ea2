"""Chunks of a chat completion, in every way that servers cut them."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.models.chat_completions.stream import CompletionReader
from bot.models.http.stream_reader import StreamFault
from bot.models.types import (
    Finished,
    ModelEvent,
    ModelTextDelta,
    ToolCall,
    ToolCallDelta,
    ToolCallStarted,
)


def take(*deltas: dict[str, Any], finish: str = "stop") -> list[ModelEvent]:
    answer = CompletionReader()
    events: list[ModelEvent] = []
    for delta in deltas:
        events += answer.take(json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode())
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}
    events += answer.take(json.dumps(end).encode())
    return [*events, *answer.finish()]


def calls_in(events: list[ModelEvent]) -> list[ToolCall]:
    """The tool calls, put together by what the events' indexes say."""
    calls: list[ToolCall] = []
    for event in events:
        if isinstance(event, ToolCallStarted):
            assert event.index == len(calls)
            calls.append(ToolCall(event.id, event.name, ""))
        elif isinstance(event, ToolCallDelta):
            call = calls[event.index]
            calls[event.index] = ToolCall(call.id, call.name, call.arguments + event.arguments)
    return calls


def piece(**told: Any) -> dict[str, Any]:
    function = {key: told.pop(key) for key in ("name", "arguments") if key in told}
    return {"tool_calls": [{**told, "function": function}]}


NAMED = st.tuples(st.text(min_size=1), st.text())


@given(st.lists(NAMED, min_size=1, max_size=4), st.data())
def test_arguments_cut_anywhere_and_interleaved_are_put_together(
    wanted: list[tuple[str, str]], data: st.DataObject
) -> None:
    pending = []
    for index, (name, arguments) in enumerate(wanted):
        cuts = sorted(data.draw(st.lists(st.integers(0, len(arguments)), max_size=4)))
        parts = [arguments[a:b] for a, b in pairwise([0, *cuts, len(arguments)])]
        first = piece(index=index, id=f"c{index}", name=name, arguments=parts[0])
        pending.append([first, *[piece(index=index, arguments=part) for part in parts[1:]]])
    deltas, begun = [], 0
    while any(pending):
        # Calls begin in order; after that their pieces come in any.
        choices = [index for index, queue in enumerate(pending) if queue and index <= begun]
        chosen = data.draw(st.sampled_from(choices))
        begun += chosen == begun
        deltas.append(pending[chosen].pop(0))
    assert calls_in(take(*deltas)) == [
        ToolCall(f"c{index}", name, arguments) for index, (name, arguments) in enumerate(wanted)
    ]


def test_whole_calls_without_index_are_calls_of_their_own() -> None:
    events = take(
        piece(id="a", name="f", arguments="{}"), piece(id="b", name="f", arguments='{"x":1}')
    )
    assert calls_in(events) == [ToolCall("a", "f", "{}"), ToolCall("b", "f", '{"x":1}')]


def test_calls_that_all_have_index_0_are_told_apart_by_their_ids() -> None:
    events = take(
        piece(index=0, id="a", name="f", arguments="{}"),
        piece(index=0, id="b", name="g", arguments="["),
        piece(index=0, arguments="]"),
    )
    assert calls_in(events) == [ToolCall("a", "f", "{}"), ToolCall("b", "g", "[]")]


def test_a_server_that_repeats_id_and_name_in_every_piece_means_one_call() -> None:
    events = take(
        piece(index=0, id="a", name="f", arguments='{"x"'),
        piece(index=0, id="a", name="f", arguments=":1}"),
    )
    assert calls_in(events) == [ToolCall("a", "f", '{"x":1}')]


def test_pieces_without_index_go_to_the_call_that_is_open() -> None:
    events = take(piece(id="a", name="f"), piece(arguments='{"x"'), piece(arguments=":1}"))
    assert calls_in(events) == [ToolCall("a", "f", '{"x":1}')]


def test_calls_without_or_with_the_same_id_get_ids_that_differ() -> None:
    events = take(
        piece(index=0, name="f"),
        piece(index=1, name="f"),
        piece(index=2, id="x", name="f"),
        piece(index=3, id="x", name="f"),
        piece(index=4, id="", name="f"),
    )
    calls = calls_in(events)
    assert len({call.id for call in calls}) == 5
    assert all(call.id for call in calls)
    assert calls[2].id == "x"


def test_arguments_sent_as_an_object_become_its_json() -> None:
    events = take(piece(index=0, id="a", name="f", arguments={"city": "Oslo"}))
    assert json.loads(calls_in(events)[0].arguments) == {"city": "Oslo"}


def test_a_name_that_comes_after_the_arguments_began_is_waited_for() -> None:
    events = take(
        piece(index=0, id="a", arguments='{"x"'), piece(index=0, name="f", arguments=":1}")
    )
    assert calls_in(events) == [ToolCall("a", "f", '{"x":1}')]


def test_a_call_that_never_gets_a_name_is_rubbish() -> None:
    with pytest.raises(StreamFault, match="without a function's name"):
        take(piece(index=0, id="a", arguments="{}"))


def test_a_name_is_not_waited_for_for_ever() -> None:
    nameless = [piece(index=0, id="a", arguments="x" * 1_000)] * 200
    with pytest.raises(StreamFault, match="without a function's name"):
        take(*nameless, piece(index=0, name="f", arguments="}"))


@pytest.mark.parametrize(
    ("deltas", "told", "reason"),
    [
        ([piece(index=0, id="a", name="f")], "stop", "tool_calls"),
        ([piece(index=0, id="a", name="f")], "function_call", "tool_calls"),
        ([piece(index=0, id="a", name="f")], "length", "length"),
        ([{"content": "x"}], "tool_calls", "stop"),
        ([{"content": "x"}], "max_tokens", "length"),
    ],
)
def test_the_finish_reason_fits_the_answer(
    deltas: list[dict[str, Any]], told: str, reason: str
) -> None:
    finished = take(*deltas, finish=told)[-1]
    assert isinstance(finished, Finished)
    assert finished.reason == reason


def test_content_in_parts_is_its_text() -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    events = take({"content": [thought, {"type": "text", "text": "Yes."}]})
    assert events[0] == ModelTextDelta("Yes.")


def test_other_choices_than_the_first_are_not_ours() -> None:
    answer = CompletionReader()
    assert answer.take(b'{"choices":[{"index":0,"delta":{"content":"ours"}}]}')
    assert not answer.take(b'{"choices":[{"index":1,"delta":{"content":"other"}}]}')


def test_the_only_choice_is_ours_whatever_its_index() -> None:
    answer = CompletionReader()
    for _ in range(2):
        assert answer.take(b'{"choices":[{"index":1,"delta":{"content":"ours"}}]}')


def test_usage_in_every_chunk_counts_once() -> None:
    answer = CompletionReader()
    for count in (1, 2, 3):
        chunk = {
            "choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 5, "completion_tokens": count, "total_tokens": 5 + count},
        }
        answer.take(json.dumps(chunk).encode())
    finished = answer.finish()[-1]
    assert isinstance(finished, Finished)
    assert finished.usage is not None
    assert finished.usage.total_tokens == 8


@given(st.binary() | st.recursive(st.none() | st.text(), lambda x: st.dictionaries(
    st.sampled_from(["choices", "delta", "usage", "error", "tool_calls", "function", "index"]), x)
    | st.lists(x)).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_any_bytes_raise_no_error_but_a_stream_fault(data: bytes) -> None:
    try:
        CompletionReader().take(data)
    except StreamFault as fault:
        told = str(fault)
    else:
        return
    assert told
