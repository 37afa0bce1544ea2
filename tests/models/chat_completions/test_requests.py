"""What a chat completions endpoint is sent, and how a refused parameter is learned from."""

from typing import Any

import pytest
from msgspec import structs

from bot.models.chat_completions.dialect import ChatDialect, in_turns
from bot.models.chat_completions.model import ChatCompletions
from bot.models.chat_completions.request import chat_body
from bot.models.types import (
    AssistantMessage,
    FunctionSpec,
    Image,
    ModelRequest,
    NamedFunction,
    SystemMessage,
    Text,
    ToolCall,
    ToolResult,
    UserMessage,
)
from tests.models.asking import asking, collect, collect_until_error, said
from tests.support.model_endpoint import ScriptedModel

WEATHER = FunctionSpec(
    "weather", "Tells the weather", {"type": "object", "properties": {"city": {"type": "string"}}}
)
FULL = ModelRequest(
    model="m",
    items=(
        SystemMessage("Be kind."),
        UserMessage((Text("What is this?"), Image("https://x.example/a.png", "low"))),
        AssistantMessage("Let me see.", (ToolCall("c1", "weather", '{"city": "Oslo"}'),)),
        ToolResult("c1", "Rain."),
        AssistantMessage("It rains."),
        AssistantMessage(refusal="I can't."),
        UserMessage((Text("And"), Text("now?"))),
    ),
    tools=(WEATHER, FunctionSpec("now", strict=True)),
    tool_choice=NamedFunction("weather"),
    parallel_tool_calls=False,
    temperature=0.5,
    top_p=0.9,
    max_tokens=100,
    response_format={"type": "json_object"},
    reasoning_effort="low",
    user_key="u1",
)


async def body_of(
    endpoint: ScriptedModel, chat: ChatCompletions, request: ModelRequest
) -> dict[str, Any]:
    await collect(chat, request)
    return endpoint.requests[-1].body


async def test_a_whole_conversation_is_sent_as_it_was(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    body = await body_of(endpoint, chat, FULL)
    call = {"name": "weather", "arguments": '{"city": "Oslo"}'}
    image = {"url": "https://x.example/a.png", "detail": "low"}
    assert body["messages"] == [
        {"role": "system", "content": "Be kind."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": image},
            ],
        },
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [{"id": "c1", "type": "function", "function": call}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "Rain."},
        {"role": "assistant", "content": "It rains."},
        {"role": "assistant", "content": "I can't."},
        {"role": "user", "content": "And\n\nnow?"},
    ]
    assert body["tools"][0]["function"]["parameters"] == WEATHER.parameters
    assert body["tools"][1]["function"] == {
        "name": "now",
        "parameters": {"type": "object", "properties": {}},
        "strict": True,
    }
    assert {key: body[key] for key in body if key not in ("messages", "tools")} == {
        "model": "m",
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 100,
        "response_format": {"type": "json_object"},
        "reasoning_effort": "low",
        "user": "u1",
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "parallel_tool_calls": False,
    }


async def test_parameters_that_are_not_set_are_not_sent(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    for format_ in (None, "auto", {"type": "text"}):
        request = structs.replace(
            asking(), response_format=format_, tool_choice="auto", parallel_tool_calls=True
        )
        body = await body_of(endpoint, chat, request)
        assert set(body) == {"model", "messages", "stream", "stream_options"}


def test_openai_itself_is_spoken_to_in_its_newest_words() -> None:
    body = chat_body(FULL, "m", ChatDialect.of_host("api.openai.com"))
    assert body["max_completion_tokens"] == 100
    assert body["safety_identifier"] == "u1"
    assert body["stream_options"] == {"include_usage": True, "include_obfuscation": False}
    assert "max_tokens" not in body
    assert "user" not in body


async def test_a_configured_model_replaces_the_assistants_model(endpoint: ScriptedModel) -> None:
    chat = ChatCompletions(endpoint.url, model="llama3.2", api_key="sk-1")
    await collect(chat, asking(model="gpt-4o"))
    await chat.close()
    asked = await endpoint.until_request()
    assert asked.body["model"] == "llama3.2"
    assert asked.headers["Authorization"] == "Bearer sk-1"


async def test_without_a_fixed_model_the_assistants_own_is_used_and_no_key_is_made_up(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    await collect(chat, asking(model="gpt-4o"))
    asked = await endpoint.until_request()
    assert asked.body["model"] == "gpt-4o"
    assert "Authorization" not in asked.headers


@pytest.mark.parametrize(
    ("message", "error", "gone", "instead"),
    [
        (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use"
            " 'max_completion_tokens' instead.",
            {"code": "unsupported_parameter", "param": "max_tokens"},
            "max_tokens",
            "max_completion_tokens",
        ),
        (
            "Unsupported value: 'temperature' does not support 0.5 with this model.",
            {"code": "unsupported_value", "param": "temperature"},
            "temperature",
            None,
        ),
        ("Unknown parameter: 'top_p'.", {"code": "unknown_parameter"}, "top_p", None),
        ("Unrecognized request argument supplied: stream_options", {}, "stream_options", None),
        (
            "stream_options.include_usage: Extra inputs are not permitted",
            {},
            "stream_options",
            None,
        ),
        ('json: unknown field "reasoning_effort"', {}, "reasoning_effort", None),
        ("parallel_tool_calls not supported by this model", {}, "parallel_tool_calls", None),
        ("`temperature` and `top_p` cannot both be specified.", {}, "temperature", None),
        ("temperature is deprecated for this model.", {}, "temperature", None),
        ('Unknown name "user": Cannot find field.', {}, "user", None),
        ("reasoning is not enabled for m: reasoning_effort", {}, "reasoning_effort", None),
    ],
)
async def test_a_parameter_the_model_does_not_take_is_left_out_and_remembered(
    endpoint: ScriptedModel,
    chat: ChatCompletions,
    message: str,
    error: dict[str, Any],
    gone: str,
    instead: str | None,
) -> None:
    endpoint.fail(400, message=message, error=error)
    for _ in range(2):
        await collect(chat, FULL)
    first, second, third = (asked.body for asked in endpoint.requests)
    assert gone in first
    for later in (second, third):
        assert gone not in later
        assert set(first) - {gone} <= set(later)
        assert instead is None or later[instead] == first[gone]


async def test_a_parameter_that_one_model_refuses_is_still_sent_to_another(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.fail(400, message="Unsupported parameter: 'temperature'")
    await collect(chat, FULL)
    body = await body_of(endpoint, chat, structs.replace(FULL, model="other"))
    assert body["temperature"] == 0.5


async def test_several_refused_parameters_are_left_out_one_after_another(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    for name in ("temperature", "top_p", "user", "max_tokens"):
        endpoint.fail(400, message=f"Unsupported parameter: '{name}'")
    body = await body_of(endpoint, chat, FULL)
    assert not {"temperature", "top_p", "user", "max_tokens"} & set(body)
    assert body["max_completion_tokens"] == 100


async def test_an_endpoint_that_refuses_for_ever_is_not_asked_for_ever(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    message = "Unsupported parameter: max_tokens or max_completion_tokens, temperature, top_p, user"
    endpoint.fail(400, message=message, times=50)
    _, error = await collect_until_error(chat, FULL)
    assert error.kind == "rejected"
    assert len(endpoint.requests) <= 6


async def test_a_value_out_of_range_is_the_callers_mistake_and_not_left_out(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.fail(
        400,
        message="Invalid 'temperature': decimal above maximum value. Expected a value <= 2.",
        error={"code": "decimal_above_max_value", "param": "temperature"},
    )
    _, error = await collect_until_error(chat, FULL)
    assert (error.kind, error.code) == ("rejected", "invalid_prompt")
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    "message",
    [
        "max_tokens is too large: 90000. This model supports at most 16384 completion tokens.",
        "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens"
        " (100 in the messages, 4900 in the completion).",
        "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]",
        "max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens",
        "`max_tokens` must be less than or equal to `8192`",
        "max_tokens cannot exceed 4096",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
    ],
)
async def test_a_token_limit_above_the_models_own_is_left_out_of_this_request(
    endpoint: ScriptedModel, chat: ChatCompletions, message: str
) -> None:
    endpoint.fail(400, message=message, error={"param": "max_tokens"})
    body = await body_of(endpoint, chat, FULL)
    assert "max_tokens" not in body
    body = await body_of(endpoint, chat, FULL)
    assert body["max_tokens"] == 100


@pytest.mark.parametrize(
    "message",
    [
        "System role not supported",
        "System messages are not supported by this model",
        "This model doesn't support system messages. Try again without a system message.",
        "Developer instruction is not enabled for models/gemma-3-4b-it",
    ],
)
async def test_a_model_without_a_place_for_instructions_gets_them_with_the_first_question(
    endpoint: ScriptedModel, chat: ChatCompletions, message: str
) -> None:
    endpoint.fail(400, message=message)
    assert said(await collect(chat, asking("Hi"))) == "Be kind.\n\nHi"
    assert endpoint.requests[-1].messages == [{"role": "user", "content": "Be kind.\n\nHi"}]


async def test_instructions_after_the_last_question_are_not_lost(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.fail(400, message="System role not supported")
    request = ModelRequest(
        model="m", items=(UserMessage((Text("Hi"),)), SystemMessage("Be brief."))
    )
    body = await body_of(endpoint, chat, request)
    assert body["messages"][-1] == {"role": "user", "content": "Be brief."}


async def test_a_query_in_the_url_goes_with_every_request(endpoint: ScriptedModel) -> None:
    chat = ChatCompletions(f"{endpoint.url}/?api-version=1", model="scripted-model")
    await collect(chat)
    assert (await chat.check()).ok
    await chat.close()
    asked = await endpoint.until_request()
    assert asked.path == "/v1/chat/completions"
    assert asked.query == {"api-version": "1"}


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ('{ "city" : "Oslo" }', '{ "city" : "Oslo" }'),
        ("", "{}"),
        (" \n", "{}"),
        ("null", "{}"),
        ('{"city": "Os', '{"text": "{\\"city\\": \\"Os"}'),
        ("print(1)", '{"text": "print(1)"}'),
        ('"Oslo"', '{"text": "Oslo"}'),
        ("[1]", '{"text": "[1]"}'),
        ('"{\\"city\\": 1}"', '{"city": 1}'),
        ('{"code": "a\nb"}', '{"code": "a\\nb"}'),
        ('{"x": NaN}', '{"x": null}'),
    ],
)
def test_arguments_are_sent_back_as_an_object_which_they_mostly_are(
    written: str, sent: str
) -> None:
    call = AssistantMessage(tool_calls=(ToolCall("c", "f", written),))
    body = chat_body(ModelRequest(model="m", items=(call,)), "m", ChatDialect())
    assert body["messages"][0]["tool_calls"][0]["function"]["arguments"] == sent


def test_images_and_texts_in_a_row_from_one_side_become_one_message() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    row: list[dict[str, Any]] = [
        {"role": "user", "content": [image]},
        {"role": "user", "content": "What is that?"},
        {"role": "assistant", "content": None},
        {"role": "assistant", "content": "A cat."},
    ]
    assert in_turns(row) == [
        {"role": "user", "content": [image, {"type": "text", "text": "What is that?"}]},
        {"role": "assistant", "content": "A cat."},
    ]
