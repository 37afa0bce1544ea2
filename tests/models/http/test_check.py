"""Whether an endpoint would answer, asked before anyone waits for it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from bot.models.chat_completions.model import ChatCompletions
from tests.support.loopback import serving
from tests.support.model_endpoint import ScriptedModel


@asynccontextmanager
async def listing(answer: Callable[[], web.Response | Awaitable[Any]]) -> AsyncIterator[str]:
    """An endpoint whose /v1/models answers this, and nothing else."""

    async def models(request: web.Request) -> Any:
        told = answer()
        return told if isinstance(told, web.Response) else await told

    async with serving(web.get("/v1/models", models)) as url:
        yield f"{url}/v1"


async def test_the_check_of_an_endpoint_lists_its_models(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    status = await chat.check()
    assert status.ok
    assert status.models == ("scripted-model",)
    assert "scripted-model" in status.sentence


async def test_a_model_the_endpoint_does_not_have_is_named_with_those_it_has() -> None:
    async with ScriptedModel(models=["llama3.2:latest", "qwen3"]) as endpoint:
        for name, ok in (("llama3.2", True), ("qwen3", True), ("gpt-4o", False)):
            chat = ChatCompletions(endpoint.url, model=name)
            status = await chat.check()
            await chat.close()
            assert status.ok is ok
            assert name in status.sentence
    assert "qwen3" in status.sentence


async def test_a_wrong_key_is_an_error_that_says_so() -> None:
    async with ScriptedModel(api_key="right") as endpoint:
        chat = ChatCompletions(endpoint.url, api_key="wrong")
        status = await chat.check()
        await chat.close()
    assert not status.ok
    assert "API key" in status.sentence
    assert "wrong one" not in status.sentence


async def test_an_endpoint_that_is_down_says_so_and_did_not_answer(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    async with endpoint.down():
        status = await chat.check()
    assert (status.ok, status.answered) == (False, False)
    assert "is it running" in status.sentence


@pytest.mark.parametrize(
    ("entry", "window"),
    [
        ({"max_model_len": 4096}, 4096),
        ({"context_length": 8192}, 8192),
        ({"meta": {"n_ctx_train": 32768, "n_ctx": 2048}}, 2048),
        ({"context_window": 131072}, 131_072),
        ({"context_length": None}, None),
        ({}, None),
    ],
)
async def test_the_context_window_is_found_in_each_field_in_use(
    entry: dict[str, Any], window: int | None
) -> None:
    async with listing(lambda: web.json_response({"data": [{"id": "m", **entry}]})) as url:
        chat = ChatCompletions(url, model="m")
        status = await chat.check()
        await chat.close()
    assert status.ok
    assert status.context_window == window


@pytest.mark.parametrize(
    ("response", "told"),
    [
        (lambda: web.Response(text="<html>", content_type="text/html"), "check the URL"),
        (lambda: web.json_response({"data": [1]}), "check the URL"),
        (lambda: web.json_response({"data": []}), "has no model"),
        (lambda: web.json_response({"error": "broken"}, status=500), "broken"),
        (lambda: web.Response(body=b"x" * 9_000_000), "larger than"),
    ],
)
async def test_an_endpoint_that_answers_something_else_is_not_ok(
    response: Callable[[], web.Response], told: str
) -> None:
    async with listing(response) as url:
        chat = ChatCompletions(url)
        status = await chat.check()
        await chat.close()
    assert not status.ok
    assert told in status.sentence


async def test_an_endpoint_without_a_list_is_asked_for_a_short_answer(
    endpoint: ScriptedModel,
) -> None:
    async def no_list(request: web.Request) -> web.Response:
        raise web.HTTPNotFound

    endpoint.list_models = no_list
    chat = ChatCompletions(endpoint.url, model="m")
    assert (await chat.check()).ok
    asked = await endpoint.until_request()
    assert asked.body["max_tokens"] == 16
    endpoint.fail(401)
    assert not (await chat.check()).ok
    await chat.close()


async def test_a_check_takes_no_longer_than_its_limit(endpoint: ScriptedModel) -> None:
    gate = endpoint.gate()

    async def stuck(request: web.Request) -> web.Response:
        await gate.passed()
        return web.Response()

    endpoint.list_models = stuck
    chat = ChatCompletions(endpoint.url)
    status = await chat.check(seconds=0.05)
    await chat.close()
    assert (status.ok, status.answered) == (False, False)
    assert "within 0.05 s" in status.sentence
