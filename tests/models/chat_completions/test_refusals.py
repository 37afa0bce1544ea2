"""Refusals and ends in every wording: told by their cause, in the endpoint's own words."""

import json
from typing import Any

import pytest

from bot.models.chat_completions.model import ChatCompletions
from bot.models.types import Finished
from tests.models.asking import collect, collect_until_error
from tests.support.model_endpoint import ScriptedModel, turns

CAUSES = [
    (401, "Incorrect API key provided", {}, "key"),
    (400, "API key not valid. Please pass a valid API key.", {"code": 400}, "key"),
    (403, "You do not have access", {}, "key"),
    (402, "Insufficient Balance", {}, "credit"),
    (429, "You exceeded your current quota", {"code": "insufficient_quota"}, "credit"),
    (400, "Your credit balance is too low to access the API", {}, "credit"),
    (404, "The model `x` does not exist", {"code": "model_not_found"}, "model"),
    (404, 'model "x" not found, try pulling it first', {}, "model"),
    (400, "Model Not Exist", {}, "model"),
    (400, "x/y is not a valid model ID", {}, "model"),
    (400, "Invalid model: x", {"code": "1500"}, "model"),
    (400, "The model `x` has been decommissioned and is no longer supported.", {}, "model"),
    (400, "The provided model identifier is invalid.", {}, "model"),
    (400, "This is not a chat model and thus not supported here.", {}, "model"),
    (400, "Arrearage: Access denied", {"code": "Arrearage"}, "credit"),
    (403, "Your newly created team doesn't have any credits yet.", {}, "credit"),
    (400, "You have reached your specified API usage limits.", {}, "credit"),
    (429, "Insufficient balance or no resource package. Please recharge.", {}, "credit"),
    (400, "模型不存在，请检查模型代码。", {"code": "1211"}, "model"),
    (400, "系统检测到输入或生成内容可能包含不安全或敏感内容", {"code": "1301"}, "content"),
    (400, "Prompt 超长", {"code": "1261"}, "too_long"),
    (429, "账户余额不足，请充值后重试。", {"code": "1113"}, "credit"),
    (400, "m does not support tools", {}, "tools"),
    (400, "image input is not supported", {}, "ability"),
    (400, "maximum context length is 4096 tokens", {}, "too_long"),
    (422, "too many tokens: the prompt cannot exceed 4081 - received 5000", {}, "too_long"),
    (400, "Range of input length should be [1, 30720]", {}, "too_long"),
    (400, "input length and x exceed context limit: 190 + 20 > 200", {}, "too_long"),
    (413, "Request Entity Too Large", {}, "too_long"),
    (400, "The response was filtered", {"code": "content_filter"}, "content"),
    (403, "Your input was flagged", {}, "content"),
    (400, "Content Exists Risk", {}, "content"),
    (400, "no such luck", {}, None),
    (429, "slow down", {}, None),
    (500, "boom", {}, None),
]


@pytest.mark.parametrize(("status", "message", "error", "cause"), CAUSES)
async def test_a_refusal_names_its_cause(
    endpoint: ScriptedModel,
    chat: ChatCompletions,
    status: int,
    message: str,
    error: dict[str, Any],
    cause: str | None,
) -> None:
    endpoint.fail(status, message=message, error=error, times=3)
    _, failure = await collect_until_error(chat)
    assert failure.cause == cause
    assert message in failure.message


ERRORS = [
    {"error": {"message": "plain words"}},
    {"error": "plain words"},
    {"error": True, "message": "plain words"},
    {"errors": [{"message": "plain words"}]},
    {"type": "error", "error": {"type": "api_error", "message": "plain words"}},
    {"object": "error", "message": "plain words", "code": 400},
    {"detail": "plain words"},
    {"code": "InvalidParameter", "message": "plain words"},
    {"error_code": 17, "error_msg": "plain words"},
    {"base_resp": {"status_code": 1008, "status_msg": "plain words"}, "choices": None},
    {"choices": [{"index": 0, "error": {"message": "plain words"}, "finish_reason": "error"}]},
    {
        "error": {"message": "plain words", "code": 502},
        "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
    },
    {
        "error": {
            "message": "Provider returned error",
            "metadata": {"raw": '{"error": {"message": "plain words"}}'},
        }
    },
    [{"error": {"message": "plain words"}}],
]


@pytest.mark.parametrize(
    ("told", "form"),
    [
        (told, form)
        for told in ERRORS
        for form in ("data: %b\n\n", "error: %b\n\n", "%b\n\n")
        # A list without "data:" is no line of a stream.
        if isinstance(told, dict) or not form.startswith("%")
    ],
)
async def test_errors_in_a_stream_quote_the_endpoint(
    endpoint: ScriptedModel, chat: ChatCompletions, told: object, form: str
) -> None:
    endpoint.garble("So far ", data=form.encode() % json.dumps(told).encode())
    text, error = await collect_until_error(chat)
    assert text == "So far "
    assert "plain words" in error.message


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "text/event-stream"])
async def test_an_error_with_status_200_quotes_the_endpoint(
    endpoint: ScriptedModel, chat: ChatCompletions, content_type: str
) -> None:
    body = b'{"error":"model requires more system memory"}'
    endpoint.then(*[turns.Turn([turns.Raw(body)], content_type=content_type)] * 3)
    _, error = await collect_until_error(chat)
    assert "model requires more system memory" in error.message


@pytest.mark.parametrize(
    "body",
    [
        b'{"message": "plain words"}',
        b'{"result": null, "success": false, "errors": [{"code": 7, "message": "plain words"}]}',
        b'data: {"type": "note", "message": "plain words"}\n\n',
    ],
)
async def test_the_error_of_an_answer_without_choices_quotes_the_endpoint(
    endpoint: ScriptedModel, chat: ChatCompletions, body: bytes
) -> None:
    endpoint.then(*[turns.Turn([turns.Raw(body)])] * 3)
    _, error = await collect_until_error(chat)
    assert "plain words" in error.message


async def test_text_that_is_no_answer_is_quoted(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    body = turns.Raw(b"upstream connect error")
    endpoint.then(*[turns.Turn([body], content_type="text/plain")] * 3)
    _, error = await collect_until_error(chat)
    assert error.kind == "rubbish"
    assert "upstream connect error" in error.message


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("MAX_TOKENS", "length"),
        ("FINISH_REASON_MAX_TOKENS", "length"),
        ("max-output-tokens", "length"),
        ("SAFETY", "content_filter"),
        ("content_filter: PROHIBITED_CONTENT", "content_filter"),
        ("Stop", "stop"),
        ("eos_token", "stop"),
        (["stop"], "stop"),
        (True, "stop"),
    ],
)
async def test_the_finish_reason_is_read_in_any_spelling(
    endpoint: ScriptedModel, chat: ChatCompletions, told: Any, reason: str
) -> None:
    endpoint.say("x", finish=told)
    finished = (await collect(chat))[-1]
    assert isinstance(finished, Finished)
    assert finished.reason == reason


async def test_a_call_that_was_to_come_and_did_not_is_a_failure(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.then(*[turns.Turn([turns.Delta({}, "tool_calls")])] * 3)
    _, error = await collect_until_error(chat)
    assert "no call came" in error.message
