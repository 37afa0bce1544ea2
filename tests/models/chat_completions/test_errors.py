"""Errors that an endpoint answers: what the ModelError says, and that no key is in it."""

import pytest

from bot.models.chat_completions.model import ChatCompletions
from bot.models.types import ModelError
from tests.models.asking import collect_until_error
from tests.support.model_endpoint import ScriptedModel, turns


@pytest.mark.parametrize(
    ("message", "error", "window"),
    [
        (
            "This model's maximum context length is 128000 tokens. However, your messages resulted"
            " in 130000 tokens.",
            {"code": "context_length_exceeded"},
            128_000,
        ),
        (
            "request (9031 tokens) exceeds the available context size (8192 tokens)",
            {"type": "exceed_context_size_error", "n_prompt_tokens": 9031, "n_ctx": 8192},
            8192,
        ),
        (
            "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
            {},
            4096,
        ),
        (
            "'max_tokens' is too large: 5000. This model's maximum context length is 4096 tokens"
            " and your request has 10 input tokens",
            {"param": "max_tokens"},
            4096,
        ),
        ("prompt is too long: 210000 tokens > 200000 maximum", {}, 200_000),
        (
            "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
            {},
            32_768,
        ),
        (
            "The input token count (1200000) exceeds the maximum number of tokens allowed"
            " (1048576).",
            {},
            1_048_576,
        ),
        ("the number of tokens in the prompt cannot exceed 4081 - received 5000", {}, 4081),
        (
            "Provider returned error",
            {"metadata": {"raw": '{"message": "maximum context length is 8192 tokens"}'}},
            8192,
        ),
        ("Please reduce the length of the messages or completion.", {}, None),
    ],
)
async def test_a_refusal_of_a_long_conversation_names_the_context_window(
    endpoint: ScriptedModel,
    chat: ChatCompletions,
    message: str,
    error: dict[str, object],
    window: int | None,
) -> None:
    endpoint.fail(400, message=message, error=error)
    _, failure = await collect_until_error(chat)
    assert failure.kind == "context_length"
    assert failure.code == "invalid_prompt"
    assert failure.context_window == window
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "registry/library/gemma:2b does not support tools"),
        (500, "image input is not supported - hint: you may need to provide the mmproj"),
        (400, "'response_format' of type 'json_schema' is not supported with this model"),
    ],
)
async def test_a_missing_ability_is_an_error_without_a_retry(
    endpoint: ScriptedModel, chat: ChatCompletions, status: int, message: str
) -> None:
    endpoint.fail(status, message=message)
    _, error = await collect_until_error(chat)
    assert (error.kind, error.code) == ("unsupported", "invalid_prompt")
    assert "take one that can" in error.message
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": "plain words"}',
        b'{"message": "plain words"}',
        b'{"detail": "plain words"}',
        b'{"errors": [{"code": 7, "message": "plain words"}], "success": false}',
        b'{"error": {"message": "Provider returned error", "metadata": {"raw": "plain words"}}}',
        b'[{"error": {"message": "plain words"}}]',
        b'{"detail": [{"loc": ["body", "messages"], "msg": "plain words"}]}',
        b"plain words",
    ],
)
async def test_errors_are_read_in_every_shape(
    endpoint: ScriptedModel, chat: ChatCompletions, body: bytes
) -> None:
    endpoint.then(turns.Turn([turns.Raw(body)], status=422, content_type="application/json"))
    _, error = await collect_until_error(chat)
    assert "plain words" in error.message


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"error": null}', b"\xff\xff", b"7"])
async def test_an_error_that_says_nothing_is_still_an_error(
    endpoint: ScriptedModel, chat: ChatCompletions, body: bytes
) -> None:
    endpoint.then(turns.Turn([turns.Raw(body)], status=418, content_type="application/json"))
    _, error = await collect_until_error(chat)
    assert "answered 418" in error.message


async def test_no_key_is_ever_in_an_error(endpoint: ScriptedModel) -> None:
    key = "sk-proj-abcdefghijklmnop"
    endpoint.fail(401, message=f"Incorrect API key provided: {key}. Bearer {key} is wrong")
    url = endpoint.url.replace("127.0.0.1", "user:hunter22@127.0.0.1") + "?key=hunter33"
    chat = ChatCompletions(url, api_key=key)
    _, error = await collect_until_error(chat)
    async with endpoint.down():
        status = await chat.check()
    await chat.close()
    assert (await endpoint.until_request()).headers["Authorization"] == f"Bearer {key}"
    for told in (error.message, status.sentence, chat.name):
        for secret in (key, "abcdefgh", "hunter22", "hunter33"):
            assert secret not in told


def test_a_model_error_is_readable_as_an_exception() -> None:
    assert str(ModelError("cut", "It broke off.")) == "It broke off."


@pytest.mark.parametrize("url", ["", "localhost:8000/v1", "ftp://x/v1", "http:///v1"])
def test_an_invalid_url_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="no URL of a model endpoint"):
        ChatCompletions(url)


def test_a_key_with_a_line_in_it_is_refused_without_being_shown() -> None:
    with pytest.raises(ValueError, match="API key") as refused:
        ChatCompletions("http://127.0.0.1/v1", api_key="sk-abc\nsk-def")
    assert "sk-" not in str(refused.value)
