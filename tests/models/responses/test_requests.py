"""What a Responses API is sent, and how a refused parameter is learned from."""

from typing import Any

import pytest
from msgspec import structs

from bot.models.responses.model import Responses
from bot.models.responses.request import ABANDONED, ResponsesDialect, response_body
from bot.models.types import (
    AssistantMessage,
    FunctionSpec,
    HostedTool,
    ModelRequest,
    NamedFunction,
    NamedHosted,
    SystemMessage,
    Text,
    ToolCall,
    ToolChoice,
    ToolResult,
    UserMessage,
)
from tests.models.asking import asking, collect, collect_until_error, said
from tests.models.chat_completions.test_requests import FULL as CHAT
from tests.models.chat_completions.test_requests import WEATHER
from tests.support.responses_endpoint import ScriptedResponses

SCHEMA = {"name": "answer", "schema": {"type": "object"}, "strict": True, "description": None}
FULL = structs.replace(
    CHAT,
    response_format={"type": "json_schema", "json_schema": SCHEMA},
    hosted=(
        HostedTool("code_interpreter"),
        HostedTool("web_search", {"search_context_size": "low"}),
    ),
)


def body_of(request: ModelRequest, model: str = "m", *, background: bool = False) -> dict[str, Any]:
    return response_body(request, model, ResponsesDialect.of(model), background=background)


@pytest.mark.parametrize(
    "error",
    [
        {
            "message": "Your organization must be verified to generate reasoning summaries.",
            "code": "unsupported_value",
            "param": "reasoning.summary",
        },
        {"message": "Unsupported parameter: 'reasoning.summary' is not supported.", "param": None},
        {"message": "Unknown parameter: 'reasoning'.", "param": "reasoning"},
    ],
)
async def test_where_no_summary_is_given_the_answer_comes_without_and_keeps_its_effort(
    there: ScriptedResponses, responses: Responses, error: dict[str, str | None]
) -> None:
    there.fail(400, error=error)
    request = asking(model="o4-mini", thoughts=True, reasoning_effort="low")
    for _ in range(2):
        there.say("Yes.")
        assert said(await collect(responses, request)) == "Yes."
    sent = [asked.body.get("reasoning") for asked in there.requests]
    assert sent == [{"effort": "low", "summary": "auto"}, {"effort": "low"}, {"effort": "low"}]


def test_a_model_that_does_not_reason_is_not_asked_for_a_summary() -> None:
    assert "reasoning" not in body_of(asking(thoughts=True), "gpt-4o")
    unthinking = asking(thoughts=True, reasoning_effort="none")
    assert body_of(unthinking, "gpt-5.1")["reasoning"] == {"effort": "none"}


async def test_a_whole_conversation_is_sent_as_it_was(
    there: ScriptedResponses, responses: Responses
) -> None:
    await collect(responses, FULL)
    body = (await there.until_request()).body
    call = {"type": "function_call", "call_id": "c1", "name": "weather"}
    assert body["instructions"] == "Be kind."
    assert body["input"] == [
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is this?"},
                {"type": "input_image", "image_url": "https://x.example/a.png", "detail": "low"},
            ],
        },
        {"type": "message", "role": "assistant", "content": "Let me see."},
        {**call, "arguments": '{"city": "Oslo"}'},
        {"type": "function_call_output", "call_id": "c1", "output": "Rain."},
        {"type": "message", "role": "assistant", "content": "It rains."},
        {"type": "message", "role": "assistant", "content": "I can't."},
        {"type": "message", "role": "user", "content": "And\n\nnow?"},
    ]
    assert body["tools"] == [
        {
            "type": "function",
            "name": "weather",
            "description": "Tells the weather",
            "parameters": WEATHER.parameters,
            "strict": False,
        },
        {
            "type": "function",
            "name": "now",
            "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
            "strict": True,
        },
        {"type": "code_interpreter", "container": {"type": "auto"}},
        {"type": "web_search", "search_context_size": "low"},
    ]
    assert {key: body[key] for key in body if key not in ("instructions", "input", "tools")} == {
        "model": "m",
        "stream": True,
        "stream_options": {"include_obfuscation": False},
        "store": False,
        "temperature": 0.5,
        "top_p": 0.9,
        "max_output_tokens": 100,
        "text": {
            "format": {
                "type": "json_schema",
                "name": "answer",
                "schema": {"type": "object"},
                "strict": True,
            }
        },
        "reasoning": {"effort": "low"},
        "safety_identifier": "u1",
        "tool_choice": {"type": "function", "name": "weather"},
        "parallel_tool_calls": False,
        "include": [
            "reasoning.encrypted_content",
            "code_interpreter_call.outputs",
            "web_search_call.action.sources",
        ],
    }


def test_parameters_that_are_not_set_are_not_sent() -> None:
    for format_ in (None, "auto", {"type": "text"}):
        request = structs.replace(
            asking(), response_format=format_, tool_choice="auto", parallel_tool_calls=True
        )
        assert set(body_of(request, "gpt-4o")) == {
            "model",
            "instructions",
            "input",
            "stream",
            "stream_options",
            "store",
        }


def test_only_a_background_response_is_stored() -> None:
    body = body_of(asking(), background=True)
    assert (body["store"], body["background"]) == (True, True)
    assert "background" not in body_of(asking())


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("required", "required"),
        ("none", "none"),
        (NamedFunction("f"), {"type": "function", "name": "f"}),
        (NamedHosted("code_interpreter"), {"type": "code_interpreter"}),
        (
            NamedHosted("web_search"),
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "web_search"}]},
        ),
    ],
)
def test_the_choice_of_a_tool_is_sent_in_its_shape(choice: ToolChoice, sent: Any) -> None:
    assert body_of(structs.replace(FULL, tool_choice=choice))["tool_choice"] == sent


def test_json_without_a_schema_is_asked_for_plainly() -> None:
    body = body_of(structs.replace(asking(), response_format={"type": "json_object"}))
    assert body["text"] == {"format": {"type": "json_object"}}


def test_a_token_limit_below_the_apis_minimum_becomes_the_minimum() -> None:
    assert body_of(structs.replace(asking(), max_tokens=1))["max_output_tokens"] == 16


def test_instructions_in_the_middle_stay_where_they_are() -> None:
    items = (SystemMessage("A"), SystemMessage("B"), *asking().items[1:], SystemMessage("C"))
    body = body_of(structs.replace(asking(), items=items))
    assert body["instructions"] == "A\n\nB"
    assert body["input"][-1] == {"type": "message", "role": "developer", "content": "C"}


def test_instructions_without_a_question_are_answered() -> None:
    body = body_of(structs.replace(asking(), items=(SystemMessage("Greet."),)))
    assert body["input"] == [{"type": "message", "role": "developer", "content": "Greet."}]
    assert "instructions" not in body


async def test_an_abandoned_call_is_given_an_output(
    there: ScriptedResponses, responses: Responses
) -> None:
    calls = (ToolCall("c1", "f", "{}"), ToolCall("c2", "g", "{}"))
    items = (
        AssistantMessage("", calls),
        ToolResult("c2", "2"),
        UserMessage((Text("Never mind."),)),
    )
    assert said(await collect(responses, structs.replace(asking(), items=items))) == "Never mind."
    entries = (await there.until_request()).body["input"]
    outputs = [entry for entry in entries if entry["type"] == "function_call_output"]
    assert {entry["call_id"]: entry["output"] for entry in outputs} == {"c1": ABANDONED, "c2": "2"}
    assert len(outputs) == 2


@pytest.mark.parametrize(
    ("model", "samples", "seals"),
    [
        ("o3-mini", False, True),
        ("openai/o1", False, True),
        ("gpt-5.5-pro", False, True),
        ("gpt-5-chat-latest", True, False),
        ("gpt-4o", True, False),
        ("ft:gpt-4.1-mini:me::1", True, False),
        ("chatgpt-4o-latest", True, False),
        ("olmo-2", True, True),
        ("unknown", True, True),
    ],
)
def test_the_parameters_that_a_model_takes_are_known_by_its_name(
    model: str, samples: bool, seals: bool
) -> None:
    body = body_of(FULL, model)
    assert ("temperature" in body, "top_p" in body) == (samples, samples)
    assert ("reasoning.encrypted_content" in body["include"]) == seals


def test_a_model_that_shall_not_reason_takes_a_temperature() -> None:
    body = body_of(structs.replace(FULL, reasoning_effort="none"), "gpt-5.2")
    assert body["temperature"] == 0.5


@pytest.mark.parametrize(
    ("message", "error", "gone"),
    [
        (
            "Unsupported parameter: 'temperature' is not supported with this model.",
            {"code": "unsupported_parameter", "param": "temperature"},
            "temperature",
        ),
        ("Unsupported parameter: 'top_p'", {"code": None, "param": "top_p"}, "top_p"),
        (
            "Unsupported parameter: 'reasoning.effort' is not supported with this model.",
            {"code": "unsupported_parameter", "param": "reasoning.effort"},
            "reasoning",
        ),
        (
            "Unsupported parameter: 'parallel_tool_calls'",
            {"code": "unsupported_parameter", "param": "parallel_tool_calls"},
            "parallel_tool_calls",
        ),
        ("Unknown parameter: 'stream_options'.", {"code": "unknown_parameter"}, "stream_options"),
    ],
)
async def test_a_parameter_the_model_does_not_take_is_left_out_and_remembered(
    there: ScriptedResponses, responses: Responses, message: str, error: dict[str, Any], gone: str
) -> None:
    there.fail(400, message=message, error=error)
    for _ in range(2):
        await collect(responses, FULL)
    first, second, third = (asked.body for asked in there.requests)
    assert gone in first
    assert set(second) == set(third) == set(first) - {gone}
    await collect(responses, structs.replace(FULL, model="another"))
    assert gone in there.requests[-1].body


async def test_a_model_without_sealed_reasoning_still_requests_the_outputs_of_its_tools(
    there: ScriptedResponses, responses: Responses
) -> None:
    there.fail(
        400,
        message="Encrypted content is not supported with this model.",
        error={"type": "invalid_request_error", "param": "include"},
    )
    await collect(responses, FULL)
    first, second = (asked.body["include"] for asked in there.requests)
    assert set(first) - set(second) == {"reasoning.encrypted_content"}


async def test_an_account_that_stores_nothing_is_answered_without_background(
    there: ScriptedResponses, background: Responses
) -> None:
    there.fail(
        400,
        message="Unsupported parameter: 'background' can't be used with zero data retention.",
        error={"code": "unsupported_parameter", "param": "background"},
    )
    there.say("Still here.")
    assert said(await collect(background)) == "Still here."
    body = there.requests[-1].body
    assert body["store"] is False
    assert "background" not in body


async def test_a_value_out_of_range_is_the_callers_mistake_and_not_left_out(
    there: ScriptedResponses, responses: Responses
) -> None:
    there.fail(
        400,
        message="Invalid 'temperature': decimal above maximum value. Expected a value <= 2.",
        error={"code": "decimal_above_max_value", "param": "temperature"},
    )
    _, error = await collect_until_error(responses, FULL)
    assert (error.kind, error.code) == ("rejected", "invalid_prompt")
    assert len(there.requests) == 1


async def test_a_token_limit_above_the_models_own_is_left_out_of_this_request(
    there: ScriptedResponses, responses: Responses
) -> None:
    there.fail(
        400,
        message="max_output_tokens is too large: 90000. This model supports at most 16384.",
        error={"param": "max_output_tokens"},
    )
    await collect(responses, FULL)
    await collect(responses, FULL)
    bodies = [asked.body for asked in there.requests]
    assert ["max_output_tokens" in body for body in bodies] == [True, False, True]


async def test_an_endpoint_that_refuses_for_ever_is_not_asked_for_ever(
    there: ScriptedResponses, responses: Responses
) -> None:
    message = "Unsupported parameter: temperature, top_p, include, reasoning, stream_options"
    there.fail(400, message=message, times=50)
    _, error = await collect_until_error(responses, FULL)
    assert error.kind == "rejected"
    assert len(there.requests) <= 9


async def test_a_configured_model_replaces_the_assistants_model(
    there: ScriptedResponses,
) -> None:
    model = Responses(there.url, model="gpt-5", api_key="sk-1")
    await collect(model, asking(model="gpt-4o"))
    await model.close()
    asked = await there.until_request()
    assert asked.body["model"] == "gpt-5"
    assert asked.headers["Authorization"] == "Bearer sk-1"


def test_functions_without_strictness_are_not_strict() -> None:
    (tool,) = body_of(structs.replace(asking(), tools=(FunctionSpec("f"),)))["tools"]
    assert tool["strict"] is False
