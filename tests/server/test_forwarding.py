"""Requests that the model endpoint answers: who may send them, how many, and what comes back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from bot.assistants.errors import APIError
from bot.server import Forwarded, Server
from bot.server.context import Limits
from tests.server.fakes import RecordingAPI
from tests.server.test_parsing import refused
from tests.support.eventually import PATIENCE
from tests.support.gate import Gate

KEYS = {"sk-one": "first", "sk-two": "second"}
PATHS = {
    "/v1/models": "GET",
    "/v1/models/qwen3:8b": "GET",
    "/v1/chat/completions": "POST",
    "/v1/moderations": "POST",
}
CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


class Upstream:
    """A model endpoint that answers `pieces`, the last ones after the gate, or raises `error`."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, bytes | None]] = []
        self.content_type = "application/json"
        self.pieces = [b'{"object":', b' "list"}']
        self.error: APIError | None = None
        self.broken: Exception | None = None
        self.gate: Gate | None = None
        self.left = asyncio.Event()

    @asynccontextmanager
    async def forward(self, method: str, path: str, body: bytes | None) -> AsyncIterator[Forwarded]:
        self.asked.append((method, path, body))
        if self.error is not None:
            raise self.error
        try:
            yield Forwarded(self.content_type, self._pieces())
        finally:
            self.left.set()

    async def _pieces(self) -> AsyncIterator[bytes]:
        for number, piece in enumerate(self.pieces):
            if number and self.gate is not None:
                await self.gate.passed()
            yield piece
        if self.broken is not None:
            raise self.broken


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@asynccontextmanager
async def serving(
    upstream: Upstream | None, **limits: Any
) -> AsyncIterator[tuple[Server, aiohttp.ClientSession]]:
    server = Server(
        lambda _project: RecordingAPI().api,
        keys=KEYS,
        port=0,
        limits=Limits(**limits),
        upstream=upstream,
    )
    await server.start()
    base = server.url.removesuffix("/v1")
    headers = {"Authorization": "Bearer sk-one"}
    try:
        async with aiohttp.ClientSession(base, headers=headers) as http:
            yield server, http
    finally:
        await server.stop()


def body_for(path: str) -> Any:
    return CHAT if PATHS[path] == "POST" else None


@pytest.mark.parametrize("path", PATHS)
async def test_the_endpoints_answer_is_the_answer(upstream: Upstream, path: str) -> None:
    async with serving(upstream) as (_, http):
        for prefix in ("/v1", "/openai/v1", "/openai"):
            spelled = path.replace("/v1", prefix, 1)
            async with http.request(PATHS[path], spelled, json=body_for(path)) as response:
                assert response.status == 200
                assert response.content_type == "application/json"
                assert await response.json() == {"object": "list"}
                assert response.headers["x-request-id"].startswith("req_")
    method, sent, _ = upstream.asked[0]
    assert (method, f"/v1/{sent}") == (PATHS[path], path)


async def test_a_forwarded_body_is_unchanged(upstream: Upstream) -> None:
    body = b'{ "model":"m", "n": 12345678901234567890.10, "messages":[{"role":"user"}]}'
    async with serving(upstream) as (_, http), http.post("/v1/chat/completions", data=body) as got:
        assert got.status == 200
    assert upstream.asked == [("POST", "chat/completions", body)]


async def test_azures_deployment_is_the_model_where_the_body_names_none(
    upstream: Upstream,
) -> None:
    path = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-06-01"
    bodies: list[dict[str, Any]] = [{"messages": []}, {"model": "other", "messages": []}]
    async with serving(upstream) as (_, http):
        for body in bodies:
            async with http.post(path, json=body) as response:
                assert response.status == 200
    (_, _, first), (_, _, second) = upstream.asked
    assert first == b'{"messages":[],"model":"gpt-4o"}'
    assert second is not None
    assert b'"model": "other"' in second


@pytest.mark.parametrize("path", PATHS)
async def test_a_key_is_needed(upstream: Upstream, path: str) -> None:
    async with (
        serving(upstream) as (_, http),
        http.request(
            PATHS[path], path, json=body_for(path), headers={"Authorization": "Bearer no"}
        ) as response,
    ):
        await refused(response, 401)
    assert upstream.asked == []


@pytest.mark.parametrize("path", PATHS)
async def test_without_an_endpoint_the_answer_says_so(path: str) -> None:
    async with (
        serving(None) as (_, http),
        http.request(PATHS[path], path, json=body_for(path)) as response,
    ):
        assert "no model endpoint" in (await refused(response, 404))["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff"])
async def test_a_body_that_is_no_object_is_not_sent_on(upstream: Upstream, body: bytes) -> None:
    async with serving(upstream) as (_, http), http.post("/v1/moderations", data=body) as response:
        assert (await refused(response))["code"] == "invalid_json"
    assert upstream.asked == []


async def test_a_body_over_the_bound_is_not_sent_on(upstream: Upstream) -> None:
    async with (
        serving(upstream, body=100) as (_, http),
        http.post("/v1/chat/completions", json={**CHAT, "user": "x" * 100}) as response,
    ):
        await refused(response, 413)
    assert upstream.asked == []


@pytest.mark.parametrize(
    "model",
    [
        "..%2Ffiles",
        "a/../../files",
        "%2e%2e/files",
        "a%3Fb",
        "a%23b",
        "a%25b",
        ".",
        "a%0Ab",
        "a//b",
    ],
)
async def test_a_models_name_leads_nowhere_else(upstream: Upstream, model: str) -> None:
    async with serving(upstream) as (server, _):
        host, port = server.url.split("/")[2].split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            f"GET /v1/models/{model} HTTP/1.1\r\nHost: localhost\r\n"
            "Authorization: Bearer sk-one\r\nConnection: close\r\n\r\n".encode()
        )
        told = await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
    assert b" 404 " in told.split(b"\r\n")[0] or b" 400 " in told.split(b"\r\n")[0]
    assert upstream.asked == []


async def test_a_refusal_keeps_the_servers_words(upstream: Upstream) -> None:
    upstream.error = APIError(429, "Slow down.", code="rate_limit_exceeded", retry_after=3)
    async with (
        serving(upstream) as (_, http),
        http.post("/v1/chat/completions", json=CHAT) as response,
    ):
        assert (await refused(response, 429))["message"] == "Slow down."
        assert response.headers["Retry-After"] == "3"


async def test_a_stream_comes_piece_by_piece(upstream: Upstream) -> None:
    upstream.content_type = "text/event-stream; charset=utf-8"
    upstream.pieces = [b'data: {"a":1}\n\n', b"data: [DONE]\n\n"]
    upstream.gate = Gate()
    async with (
        serving(upstream) as (_, http),
        http.post("/v1/chat/completions", json={**CHAT, "stream": True}) as response,
    ):
        assert response.headers["Content-Type"] == upstream.content_type
        assert response.headers["Cache-Control"] == "no-cache"
        assert await response.content.readuntil(b"\n\n") == upstream.pieces[0]
        upstream.gate.open()
        assert await response.content.read() == upstream.pieces[1]


async def test_a_reader_that_disconnects_ends_the_request_at_the_endpoint(
    upstream: Upstream,
) -> None:
    upstream.content_type = "text/event-stream"
    upstream.gate = Gate()
    async with serving(upstream) as (_, http):
        response = await http.post("/v1/chat/completions", json=CHAT)
        await response.content.readany()
        response.close()
        await asyncio.wait_for(upstream.left.wait(), PATIENCE)


@pytest.mark.parametrize("broken", [APIError(502, "It broke off."), ValueError("secret")])
async def test_a_stream_that_breaks_off_ends_with_an_error(
    upstream: Upstream, broken: Exception
) -> None:
    upstream.content_type = "text/event-stream"
    upstream.pieces = [b"data: {}\n\n"]
    upstream.broken = broken
    async with (
        serving(upstream) as (_, http),
        http.post("/v1/chat/completions", json=CHAT) as response,
    ):
        told = await response.read()
    last = told.rstrip().rpartition(b"\n")[2]
    assert last.startswith(b'data: {"error":')
    assert b"secret" not in told


async def test_an_answer_in_one_piece_that_breaks_off_does_not_pass_for_whole(
    upstream: Upstream,
) -> None:
    upstream.broken = APIError(502, "It broke off.")
    async with (
        serving(upstream) as (_, http),
        http.post("/v1/chat/completions", json=CHAT) as response,
    ):
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_stopping_ends_a_stream_with_an_error(upstream: Upstream) -> None:
    upstream.content_type = "text/event-stream"
    upstream.gate = Gate()
    async with serving(upstream) as (server, http):
        response = await http.post("/v1/chat/completions", json=CHAT)
        assert await response.content.readany() == upstream.pieces[0]
        await server.stop()
        assert b'"code":"server_stopping"' in await response.content.read()


async def test_the_requests_of_a_project_at_once_are_limited_and_others_are_not_kept_out(
    upstream: Upstream,
) -> None:
    upstream.gate = Gate()
    async with serving(upstream, forwarded=2) as (_, http):
        held = [await http.post("/v1/chat/completions", json=CHAT) for _ in range(2)]
        async with http.post("/v1/chat/completions", json=CHAT) as response:
            error = await refused(response, 429)
            assert error["code"] == "rate_limit_exceeded"
            assert "at most 2" in error["message"]
            assert response.headers["Retry-After"] == "1"
        other = {"Authorization": "Bearer sk-two"}
        second = await http.post("/v1/chat/completions", json=CHAT, headers=other)
        assert second.status == 200
        upstream.gate.open()
        for response in (*held, second):
            assert await response.json() == {"object": "list"}
        async with http.post("/v1/chat/completions", json=CHAT) as response:
            assert response.status == 200


async def test_the_bodies_under_way_are_bounded_together(upstream: Upstream) -> None:
    upstream.gate = Gate()
    large = {**CHAT, "user": "x" * 600}
    async with serving(upstream, forwarded_bytes=1000) as (_, http):
        held = await http.post("/v1/chat/completions", json=large)
        async with http.post("/v1/chat/completions", json=large) as response:
            assert "1000 bytes together" in (await refused(response, 429))["message"]
        async with http.get("/v1/models") as small:
            assert small.status == 200
            upstream.gate.open()
        assert await held.json() == {"object": "list"}
        # One alone is taken whatever its size: other bounds hold for a single body.
        async with http.post("/v1/chat/completions", json={**CHAT, "user": "x" * 1200}) as alone:
            assert alone.status == 200
