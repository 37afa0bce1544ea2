"""Forwarded requests: the answers of the model endpoint, and its errors in the API's form."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.app.providers.forwarding import ModelUpstream
from bot.assistants.errors import APIError
from bot.models.chat_completions.model import ChatCompletions
from bot.models.http.endpoint import EndpointTimeouts
from bot.models.responses.model import Responses
from tests.support.eventually import PATIENCE
from tests.support.model_endpoint import ScriptedModel

STREAMED = b'{"model": "m", "messages": [], "stream": true}'
CHAT = b'{"model": "any", "messages": [{"role": "user", "content": "hi"}], "seed": 1.0}'


@asynccontextmanager
async def upstream(
    url: str, model: str | None = None, **timeouts: float
) -> AsyncIterator[ModelUpstream]:
    endpoint = ChatCompletions(
        url, model=model, api_key="sk-of-the-endpoint", timeouts=EndpointTimeouts(**timeouts)
    )
    try:
        yield ModelUpstream(endpoint)
    finally:
        await endpoint.close()


async def answer(
    there: ModelUpstream, path: str = "chat/completions", body: bytes | None = CHAT
) -> tuple[str, bytes]:
    method = "GET" if body is None else "POST"
    async with there.forward(method, path, body) as got:
        return got.content_type, b"".join([piece async for piece in got.pieces])


async def refusal(
    there: ModelUpstream, path: str = "chat/completions", body: bytes = CHAT
) -> APIError:
    with pytest.raises(APIError) as caught:
        await answer(there, path, body)
    return caught.value


async def test_the_endpoints_key_goes_with_the_request_and_its_answer_comes_back() -> None:
    async with (
        ScriptedModel(api_key="sk-of-the-endpoint") as model,
        upstream(model.url) as there,
    ):
        model.say("Hello.")
        content_type, body = await answer(there)
        assert content_type.startswith("application/json")
        assert b'"Hello."' in body
        assert model.requests[0].body["model"] == "any"
        _, listed = await answer(there, "models", None)
        assert b'"scripted-model"' in listed


async def test_the_configured_model_takes_the_place_of_the_named_one() -> None:
    async with ScriptedModel() as model, upstream(model.url, "configured") as there:
        model.say("Hello.")
        await answer(there)
        assert model.requests[0].body["model"] == "configured"
        assert model.requests[0].body["seed"] == 1


async def test_a_responses_endpoint_forwards_as_well() -> None:
    async with ScriptedModel() as model:
        model.say("Hello.")
        there = Responses(model.url, api_key="sk-of-the-endpoint")
        try:
            assert b'"Hello."' in (await answer(ModelUpstream(there)))[1]
        finally:
            await there.close()


@pytest.mark.parametrize("path", ["moderations", "models/none"])
async def test_what_the_endpoint_lacks_is_not_found(path: str) -> None:
    async with ScriptedModel() as model, upstream(model.url) as there:
        error = await refusal(there, path)
    assert error.status == 404
    assert f"not support /v1/{path}" in error.message
    assert error.code == "unknown_url"


async def test_an_unknown_model_is_told_in_the_endpoints_words() -> None:
    async with ScriptedModel() as model, upstream(model.url) as there:
        model.fail(404, error={"message": "model 'any' not found", "code": "model_not_found"})
        error = await refusal(there)
    assert (error.status, error.code) == (404, "model_not_found")
    assert error.message == "model 'any' not found"


@pytest.mark.parametrize("status", [401, 402, 403, 307])
async def test_a_refusal_of_the_servers_own_access_is_the_operators_task(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    words = "Incorrect API key provided: sk-of-the-endpoint."
    async with ScriptedModel() as model, upstream(model.url) as there:
        model.fail(status, message=words, headers={"Location": "http://10.0.0.1/internal"})
        error = await refusal(there)
    assert error.status == 502
    assert "The operator of the server" in error.message
    for secret in ("sk-of-the-endpoint", "10.0.0.1", model.url):
        assert secret not in error.message
        assert secret == model.url or "sk-" not in caplog.text
    assert caplog.records[-1].levelno == logging.WARNING


async def test_a_wrong_request_is_told_with_its_parameter() -> None:
    async with ScriptedModel() as model, upstream(model.url) as there:
        told = {"message": "Too hot.", "param": "temperature", "code": "above_max", "type": "bad"}
        model.fail(400, error=told)
        error = await refusal(there)
    assert error.status == 400
    assert (error.message, error.param, error.code) == ("Too hot.", "temperature", "above_max")


async def test_a_limit_is_told_with_the_time_to_wait() -> None:
    async with ScriptedModel() as model, upstream(model.url) as there:
        model.fail(429, message="Slow down.", retry_after=7)
        error = await refusal(there)
    assert (error.status, error.retry_after, error.message) == (429, 7, "Slow down.")


async def test_no_answer_is_a_bad_gateway(caplog: pytest.LogCaptureFixture) -> None:
    async with ScriptedModel() as model, upstream(model.url) as there, model.down():
        error = await refusal(there)
    assert error.status == 502
    assert model.url not in error.message
    assert "can't be reached" in caplog.text


async def test_an_answer_that_does_not_come_is_a_gateway_timeout() -> None:
    async with ScriptedModel() as model, upstream(model.url, first_byte=0.1) as there:
        model.say("late", first=model.gate())
        error = await refusal(there)
    assert error.status == 504


async def test_a_web_page_is_no_answer() -> None:
    async with ScriptedModel() as model, upstream(model.url) as there:
        model.web_page()
        error = await refusal(there, body=STREAMED)
    assert error.status == 502


async def test_an_answer_that_breaks_off_is_told_after_its_beginning() -> None:
    async with ScriptedModel() as model, upstream(model.url) as there:
        model.cut("Hel")
        async with there.forward("POST", "chat/completions", STREAMED) as got:
            assert got.content_type.startswith("text/event-stream")
            with pytest.raises(APIError) as caught:
                async for _ in got.pieces:
                    pass
    assert caught.value.status == 502


async def test_leaving_drops_the_connection() -> None:
    async with ScriptedModel() as model, upstream(model.url) as there:
        model.stall("Hel")
        async with there.forward("POST", "chat/completions", STREAMED) as got:
            assert await anext(got.pieces)
        asked = await model.until_request()
        await asyncio.wait_for(asked.ended.wait(), PATIENCE)
        assert asked.disconnected


async def test_a_closed_endpoint_is_unavailable() -> None:
    async with upstream("http://127.0.0.1:1/v1") as there:
        pass
    assert (await refusal(there)).status == 503
