"""What we send and what the scripted endpoint answers, by the description and the official SDK."""

import json
from typing import Any

import aiohttp
import jsonschema  # type: ignore[import-untyped, unused-ignore]  # it ships no types
import openai
import pytest
from msgspec import structs
from openai.types.responses import (
    ResponseCompletedEvent,
    ResponseFunctionToolCall,
    ResponseReasoningItem,
    ResponseTextDeltaEvent,
)
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming
from pydantic import TypeAdapter

from bot.models.responses.model import Responses
from bot.models.responses.request import ResponsesDialect, response_body
from bot.models.types import AssistantMessage, Continuation, ToolResult
from tests.models.asking import asking, collect, collect_until_error
from tests.models.chat_completions.test_stream import calls_in
from tests.models.responses.test_requests import FULL
from tests.models.specification import Specification, needed
from tests.support.eventually import PATIENCE
from tests.support.responses_endpoint import ScriptedResponses, events_of, replies
from tests.support.responses_turns import Call, Code, End, Error, Reply, Say, Search, Think

EVERYTHING = Reply(
    [
        Think("Let me think."),
        Say(["Let ", "me see."], phase="commentary"),
        Code("print(1)", ["1\n"], image="https://files.example/plot.png"),
        Search("Oslo", ["https://yr.example/oslo"]),
        Say(["It ", "rains."], citation="https://yr.example/oslo"),
        Say(["No ", "more."], refusal=True),
        Think(),
        Call("weather", '{"city": "Oslo"}'),
        End(),
    ]
)
REPLIES = [
    EVERYTHING,
    replies.failed("So far"),
    replies.incomplete("So far"),
    replies.error_event("So far", "boom"),
]


@pytest.fixture(scope="module")
def specification() -> Specification:
    return Specification()


@needed
@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize("model", ["gpt-4o", "o3", "unknown"])
def test_a_request_with_all_fields_is_valid(
    specification: Specification, model: str, background: bool
) -> None:
    body = response_body(FULL, model, ResponsesDialect.of(model), background=background)
    specification.validate("CreateResponse", body)


@needed
def test_the_specification_refuses_an_invalid_request(specification: Specification) -> None:
    body = response_body(FULL, "m", ResponsesDialect())
    wrong: dict[str, Any]
    for wrong in ({"input": [{}]}, {"tools": [{"type": "function"}]}, {"max_output_tokens": 1}):
        with pytest.raises(jsonschema.ValidationError):
            specification.validate("CreateResponse", {**body, **wrong})


@needed
async def test_a_request_that_gives_reasoning_back_is_valid(
    specification: Specification, there: ScriptedResponses, responses: Responses
) -> None:
    there.then(EVERYTHING)
    events = await collect(responses, FULL)
    (sealed,) = (event.data for event in events if isinstance(event, Continuation))
    calls = tuple(calls_in(events))
    doing = AssistantMessage("", calls, continuation=sealed)
    outputs = [ToolResult(call.id, "1") for call in calls]
    await collect(responses, structs.replace(FULL, items=(*FULL.items, doing, *outputs)))
    body = there.requests[-1].body
    kinds = [entry["type"] for entry in body["input"]]
    assert {"reasoning", "code_interpreter_call", "web_search_call"} < set(kinds)
    specification.validate("CreateResponse", body)
    _official_types_take(body)


@needed
@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize("reply", REPLIES, ids=["everything", "failed", "incomplete", "error"])
async def test_every_event_that_the_scripted_endpoint_sends_is_valid(
    specification: Specification, there: ScriptedResponses, reply: Reply, background: bool
) -> None:
    there.then(reply)
    body = response_body(FULL, "m", ResponsesDialect(), background=background)
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{there.url}/responses", json=body) as response,
    ):
        events = events_of(await response.read())
    assert events == there.last.events
    assert len(events) > 5
    for event in events:
        specification.validate_event(event)
    specification.validate("Response", there.last.object())


@needed
def test_the_specification_refuses_an_invalid_event(specification: Specification) -> None:
    with pytest.raises(jsonschema.ValidationError):
        specification.validate_event({"type": "response.output_text.delta", "delta": "x"})


def _official_types_take(body: dict[str, Any]) -> None:
    TypeAdapter(ResponseCreateParamsStreaming).validate_python(body)


@pytest.mark.parametrize("background", [True, False])
def test_the_official_types_take_our_requests(background: bool) -> None:
    _official_types_take(response_body(FULL, "m", ResponsesDialect(), background=background))


async def test_the_official_client_reads_the_scripted_endpoints_streams(
    there: ScriptedResponses,
) -> None:
    there.then(EVERYTHING)
    body = response_body(FULL, "m", ResponsesDialect(), background=True)
    async with openai.AsyncOpenAI(
        base_url=there.url, api_key="sk-1", max_retries=0, timeout=PATIENCE
    ) as client:
        stream = await client.responses.create(**body)
        events = [event async for event in stream]
        assert [event.type for event in events] == [event["type"] for event in there.last.events]
        for event in events:
            # Round: nothing that was sent is unknown to the official type.
            told = there.last.events[event.sequence_number]
            assert type(event).model_validate(told, strict=True) == event
        pieces = [event.delta for event in events if isinstance(event, ResponseTextDeltaEvent)]
        assert "".join(pieces) == "Let me see.It rains."
        last = events[-1]
        assert isinstance(last, ResponseCompletedEvent)
        thought, *_, call = last.response.output
        assert isinstance(thought, ResponseReasoningItem)
        assert thought.encrypted_content == "sealed thoughts"
        assert isinstance(call, ResponseFunctionToolCall)
        assert json.loads(call.arguments) == {"city": "Oslo"}
        assert last.response.usage is not None
        assert last.response.usage.total_tokens == 15

        response_id = last.response.id
        after = await client.responses.retrieve(response_id, stream=True, starting_after=4)
        again = [event async for event in after]
        assert again == events[5:]
        whole = await client.responses.retrieve(response_id)
        assert whole.output_text == last.response.output_text
        await client.responses.delete(response_id)
        with pytest.raises(openai.NotFoundError):
            await client.responses.retrieve(response_id)


async def test_the_official_client_cancels_what_the_scripted_endpoint_works_on(
    there: ScriptedResponses,
) -> None:
    there.stall("one ")
    async with openai.AsyncOpenAI(
        base_url=there.url, api_key="sk-1", max_retries=0, timeout=PATIENCE
    ) as client:
        made = await client.responses.create(model="m", input="Hi", background=True)
        cancelled = await client.responses.cancel(made.id)
    assert cancelled.status == "cancelled"


async def test_the_official_client_and_ours_fail_alike(
    there: ScriptedResponses, responses: Responses
) -> None:
    broken = Reply([Say(["So far"]), Error("boom")])
    there.then(broken, broken)
    text, ours = await collect_until_error(responses, asking())
    assert text == "So far"
    async with openai.AsyncOpenAI(
        base_url=there.url, api_key="sk-1", max_retries=0, timeout=PATIENCE
    ) as client:
        stream = await client.responses.create(model="m", input="Hi", stream=True)
        kinds = [event.type async for event in stream]
    assert kinds[-1] == "error"
    assert "boom" in ours.message
