"""What a Response says, as model events."""

import json
from contextlib import aclosing
from typing import Any

import pytest
from msgspec import structs

from bot.models.http.endpoint import EndpointTimeouts
from bot.models.http.stream_reader import StreamFault
from bot.models.responses.events import ResponseReader
from bot.models.responses.model import Responses
from bot.models.types import (
    AssistantMessage,
    Continuation,
    Finished,
    HostedCall,
    HostedTool,
    Model,
    ModelRefusalDelta,
    ModelTextDelta,
    ModelThoughts,
    ModelUsage,
    ToolCall,
    ToolCallStarted,
    ToolResult,
)
from tests.models.asking import asking, collect, said
from tests.models.chat_completions.test_stream import calls_in
from tests.support.model_turns import json_answer
from tests.support.responses_endpoint import ScriptedResponses, replies
from tests.support.responses_turns import Code, End, Reply, Say, Search, Think


async def test_text_comes_piece_by_piece_and_the_usage_with_its_end(
    there: ScriptedResponses, responses: Responses
) -> None:
    there.say("Hello you two", usage=(7, 3))
    assert await collect(responses) == [
        *(ModelTextDelta(piece) for piece in ("Hello ", "you ", "two")),
        Finished("stop", ModelUsage(7, 3, 10)),
    ]
    (asked,) = there.requests
    await asked.until_over()
    assert not asked.disconnected, "the connection was read to its end and can be used again"


async def test_a_piece_is_here_before_the_next_was_written(
    there: ScriptedResponses, responses: Responses
) -> None:
    gate = there.gate()
    there.say("one two", gate=gate)
    async with aclosing(responses.stream(asking())) as events:
        gate.let()
        assert await anext(events) == ModelTextDelta("one ")
        gate.let()
        assert await anext(events) == ModelTextDelta("two")


async def test_a_missing_usage_is_estimated(there: ScriptedResponses, responses: Responses) -> None:
    there.say("x" * 400, usage=None)
    finished = (await collect(responses))[-1]
    assert isinstance(finished, Finished)
    assert finished.usage is not None
    assert finished.usage.estimated
    assert finished.usage.completion_tokens == 100


async def test_usage_is_read_where_other_names_for_the_numbers_are_0(
    there: ScriptedResponses, responses: Responses
) -> None:
    output = [{"type": "message", "content": [{"type": "output_text", "text": "hello"}]}]
    others = {"prompt_tokens": 0, "completion_tokens": 0}
    usage = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10, **others}
    there.then(json_answer({"status": "completed", "output": output, "usage": usage}))
    assert (await collect(responses))[-1] == Finished("stop", ModelUsage(7, 3, 10))


async def test_a_refusal_is_no_text(there: ScriptedResponses, responses: Responses) -> None:
    there.refuse("Not that.")
    events = await collect(responses)
    assert [event.text for event in events if isinstance(event, ModelRefusalDelta)] == [
        "Not ",
        "that.",
    ]
    assert said(events) == ""
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == "stop"


async def test_calls_come_with_the_ids_that_their_outputs_are_sent_under(
    there: ScriptedResponses, responses: Responses
) -> None:
    there.call_tools(("weather", {"city": "Oslo"}), ("now", ""), text="So.", ids=["c1", "c2"])
    events = await collect(responses)
    assert said(events) == "So."
    assert calls_in(events) == [
        ToolCall("c1", "weather", '{"city": "Oslo"}'),
        ToolCall("c2", "now", ""),
    ]
    assert events[-1] == Finished("tool_calls", ModelUsage(10, 5, 15))
    assert not any(isinstance(event, Continuation) for event in events), "it all is in the calls"


@pytest.mark.parametrize(
    ("reason", "finish"), [("max_output_tokens", "length"), ("content_filter", "content_filter")]
)
async def test_an_incomplete_answer_has_its_reason(
    there: ScriptedResponses, responses: Responses, reason: str, finish: str
) -> None:
    there.then(replies.incomplete("So far", reason=reason))
    events = await collect(responses)
    assert said(events) == "So far"
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == finish


async def test_a_summary_of_the_reasoning_comes_on_request(
    there: ScriptedResponses, responses: Responses
) -> None:
    thinking = Think("Let me think.\n\nTwo and two.")
    there.then(Reply([thinking, Say(["Hm."]), End()]), Reply([thinking, Say(["Hm."]), End()]))
    events = await collect(responses, asking(model="gpt-5", thoughts=True))
    assert said(events) == "Hm."
    assert events[-2] == ModelThoughts("Let me think.\n\nTwo and two.")
    unwanted = await collect(responses, asking(model="gpt-5"))
    assert not any(isinstance(event, ModelThoughts) for event in unwanted)
    first, second = (asked.body for asked in there.requests)
    assert first["reasoning"] == {"summary": "auto"}
    assert "reasoning" not in second


THINKING: list[tuple[list[dict[str, object]], str]] = [
    ([{"type": "reasoning", "content": [{"type": "reasoning_text", "text": " Two. "}]}], "Two."),
    ([{"type": "reasoning", "summary": ["One.", {"text": "Two."}]}], "One.\n\nTwo."),
    ([{"type": "reasoning", "summary": "One."}, {"type": "reasoning", "summary": None}], "One."),
    ([{"type": "reasoning", "summary": [], "content": None, "encrypted_content": "x"}], ""),
    ([{"type": "message", "content": [{"text": "<think>Two.</think>Yes."}]}], "Two."),
]


@pytest.mark.parametrize(("output", "told"), THINKING)
def test_reasoning_is_read_in_each_form_that_endpoints_give_it(
    output: list[dict[str, object]], told: str
) -> None:
    reader = ResponseReader(prompt_estimate=1, thoughts=True)
    body = {"id": "r", "status": "completed", "output": output, "output_text": "Yes."}
    reader.take_whole(json.dumps(body).encode())
    thoughts = [event.text for event in reader.finish() if isinstance(event, ModelThoughts)]
    assert thoughts == ([told] if told else [])


@pytest.mark.parametrize("kind", ["reasoning_summary_text", "reasoning_text", "reasoning"])
def test_reasoning_that_is_only_streamed_is_joined(kind: str) -> None:
    reader = ResponseReader(prompt_estimate=1, thoughts=True)
    for piece in ("Two and ", "two."):
        reader.take(json.dumps({"type": f"response.{kind}.delta", "delta": piece}).encode())
    reader.take(b'{"type": "response.output_text.delta", "delta": "4"}')
    reader.take(b'{"type": "response.completed", "response": {"status": "completed"}}')
    assert ModelThoughts("Two and two.") in reader.finish()


async def test_a_model_that_reasons_gets_its_reasoning_back_before_each_call(
    there: ScriptedResponses, responses: Responses
) -> None:
    there.call_tools(
        ("weather", "{}"), ("now", "{}"), text="Hm.", think=Think("Let me think.", "c2VhbGVk")
    )
    request = asking(model="gpt-5")
    events = await collect(responses, request)
    (sealed,) = (event.data for event in events if isinstance(event, Continuation))
    assert isinstance(events[-2], Continuation)
    assert said(events) == "Hm.", "thoughts are not the answer"
    calls = calls_in(events)
    doing = AssistantMessage("Hm.", tuple(calls), continuation=sealed)
    outputs = [ToolResult(call.id, "22") for call in calls]
    there.say("It rains.")
    again = structs.replace(request, items=(*request.items, doing, *outputs))
    assert said(await collect(responses, again)) == "It rains."
    first, second = (asked.body for asked in there.requests)
    assert first["include"] == ["reasoning.encrypted_content"]
    assert [entry["type"] for entry in second["input"][1:]] == [
        "message",
        "reasoning",
        "function_call",
        "reasoning",
        "function_call",
        "function_call_output",
        "function_call_output",
    ]
    assert second["input"][2]["encrypted_content"] == "c2VhbGVk"


async def test_a_continuation_of_other_calls_is_not_used(
    there: ScriptedResponses, responses: Responses
) -> None:
    there.call_tools(("weather", "{}"), think=Think())
    events = await collect(responses)
    (sealed,) = (event.data for event in events if isinstance(event, Continuation))
    for continuation in (sealed, "no JSON", '{"a": 1}'):
        doing = AssistantMessage("", (ToolCall("other", "f", "{}"),), continuation=continuation)
        request = structs.replace(asking(), items=(doing, ToolResult("other", "1")))
        await collect(responses, request)
        kinds = [entry["type"] for entry in there.requests[-1].body["input"]]
        assert kinds == ["function_call", "function_call_output"]


async def test_the_reasoning_of_another_account_is_left_out_and_the_run_goes_on(
    there: ScriptedResponses, responses: Responses
) -> None:
    there.call_tools(("weather", "{}"), ids=["c1"], think=Think())
    events = await collect(responses)
    (sealed,) = (event.data for event in events if isinstance(event, Continuation))
    doing = AssistantMessage("", tuple(calls_in(events)), continuation=sealed)
    there.fail(
        400,
        message="The encrypted content for item rs_1 could not be verified.",
        error={"code": "invalid_encrypted_content"},
    )
    there.say("Fine.")
    request = structs.replace(asking(), items=(doing, ToolResult("c1", "1")))
    assert said(await collect(responses, request)) == "Fine."
    kinds = [entry["type"] for entry in there.requests[-1].body["input"]]
    assert kinds == ["function_call", "function_call_output"]


HOSTED = structs.replace(
    asking(), hosted=(HostedTool("code_interpreter"), HostedTool("web_search"))
)


async def test_what_hosted_tools_did_comes_as_calls_of_their_own(
    there: ScriptedResponses, responses: Responses
) -> None:
    there.then(
        Reply(
            [
                Code("print(6 * 7)", ["42\n"], image="https://files.example/plot.png"),
                Search("weather in Oslo", ["https://yr.example/oslo"]),
                Code("1 / 0", ["ZeroDivisionError"], failed=True),
                Say(["42, ", "and rain."], citation="https://yr.example/oslo"),
                End(),
            ]
        )
    )
    events = await collect(responses, HOSTED)
    calls = [event for event in events if isinstance(event, HostedCall)]
    plot = "image: https://files.example/plot.png"
    assert [structs.replace(call, id="") for call in calls] == [
        HostedCall("code_interpreter", "", "print(6 * 7)", ("42\n", plot)),
        HostedCall("web_search", "", "weather in Oslo", ("https://yr.example/oslo",)),
        HostedCall("code_interpreter", "", "1 / 0", ("ZeroDivisionError",), failed=True),
    ]
    assert len({call.id for call in calls}) == 3
    assert said(events) == "42, and rain."
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == "stop"


async def test_what_is_said_before_and_after_a_hosted_call_stays_apart(
    there: ScriptedResponses, responses: Responses
) -> None:
    there.then(Reply([Say(["I look."]), Search("x"), Say(["There ", "it is."]), End()]))
    assert said(await collect(responses, HOSTED)) == "I look.\n\nThere it is."


async def test_hosted_calls_go_back_with_the_function_calls_that_followed_them(
    there: ScriptedResponses, responses: Responses
) -> None:
    call = replies.Call("weather", "{}", id="c1")
    there.then(Reply([Think(), Code("1", ["1"]), Think(), call, End()]))
    events = await collect(responses, HOSTED)
    (sealed,) = (event.data for event in events if isinstance(event, Continuation))
    doing = AssistantMessage("", tuple(calls_in(events)), continuation=sealed)
    request = structs.replace(HOSTED, items=(*HOSTED.items, doing, ToolResult("c1", "1")))
    await collect(responses, request)
    kinds = [entry["type"] for entry in there.requests[-1].body["input"]]
    assert kinds[1:] == [
        "reasoning",
        "code_interpreter_call",
        "reasoning",
        "function_call",
        "function_call_output",
    ]


@pytest.mark.parametrize("status", ["completed", "incomplete"])
async def test_an_answer_in_one_piece_says_the_same(
    there: ScriptedResponses, responses: Responses, status: str
) -> None:
    scripted = replies.call_tools(("now", "{}"), text="All at once.", ids=["c1"])
    there.then(scripted)
    streamed = await collect(responses)
    whole = {**there.last.object(), "status": status}
    there.then(json_answer(whole))
    events = await collect(responses)
    assert said(events) == said(streamed) == "All at once."
    assert calls_in(events) == calls_in(streamed)
    assert events[-1] == Finished(
        "tool_calls" if status == "completed" else "length", ModelUsage(10, 5, 15)
    )


def take(*events: dict[str, Any]) -> list[Any]:
    reader = ResponseReader(prompt_estimate=1)
    taken = [event for told in events for event in reader.take(json.dumps(told).encode())]
    return [*taken, *(reader.finish() if reader.done else [])]


COMPLETED = {"type": "response.completed", "response": {"status": "completed"}}


def test_text_that_no_delta_had_comes_with_the_finished_item() -> None:
    message = {"type": "message", "content": [{"type": "output_text", "text": "Hello you"}]}
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":1}'}
    events = take(
        {"type": "response.output_text.delta", "delta": "Hel"},
        {"type": "response.output_text.done", "text": "Hello"},
        {"type": "response.output_item.done", "item": message},
        {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": "lost"},
        {"type": "response.output_item.done", "output_index": 1, "item": call},
        {"type": "response.completed", "response": {"output": [message, call]}},
    )
    assert said(events) == "Hello you"
    assert calls_in(events) == [ToolCall("c", "f", '{"a":1}')]


def test_an_event_that_came_before_is_not_taken_again() -> None:
    piece = {"type": "response.output_text.delta", "delta": "Hi", "sequence_number": 4}
    assert said(take(piece, piece, {**piece, "sequence_number": 3}, COMPLETED)) == "Hi"


def test_events_that_are_not_known_are_let_pass() -> None:
    events = take(
        {"type": "response.audio.delta", "delta": {"any": "thing"}},
        {"type": "response.new_in_2027", "item": 5, "response": []},
        COMPLETED,
    )
    assert [type(event) for event in events] == [Finished]


def test_calls_without_ids_or_with_the_same_get_their_own() -> None:
    call: dict[str, Any] = {"type": "function_call", "name": "f", "arguments": "{}"}
    ids_told: list[dict[str, Any]] = [{}, {"call_id": "c"}, {"call_id": "c"}, {"call_id": 5}]
    events = take(
        *(
            {"type": "response.output_item.done", "output_index": at, "item": {**call, **told}}
            for at, told in enumerate(ids_told)
        ),
        COMPLETED,
    )
    ids = [event.id for event in events if isinstance(event, ToolCallStarted)]
    assert len(set(ids)) == 4
    assert ids[1] == "c"


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.output_item.added", "item": "text"},
        {"type": "response.output_text.delta", "delta": {"odd": 1}},
        {"type": "response.completed", "response": None},
        {"type": 5},
        [],
        7,
    ],
)
def test_events_that_can_not_be_read_are_skipped(event: Any) -> None:
    hello = {"type": "response.output_text.delta", "delta": "hello"}
    assert said(take(event, hello, event, COMPLETED)) == "hello"


@pytest.mark.parametrize(
    "events",
    [
        [{"type": "response.failed", "response": {"error": None}}],
        [{"type": "error", "message": "no"}],
        [{"type": "response.output_item.done", "item": {"type": "function_call"}}, COMPLETED],
    ],
)
def test_a_failed_response_and_a_call_without_a_name_are_faults(events: list[Any]) -> None:
    with pytest.raises(StreamFault):
        take(*events)


async def test_the_check_names_the_listed_models(
    there: ScriptedResponses, responses: Responses
) -> None:
    status = await responses.check()
    assert status.ok
    assert status.models == ("scripted-model",)


def test_the_endpoint_is_named_by_its_url_and_model() -> None:
    model: Model = Responses(
        "http://u:secret@127.0.0.1/v1/", model="m", timeouts=EndpointTimeouts()
    )
    assert model.name == "responses at http://127.0.0.1/v1, model m"
