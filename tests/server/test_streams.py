"""Events on the wire: their spelling, their end, and readers that leave or lag."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bot.assistants.api import EventStream
from bot.assistants.errors import APIError, ErrorBody, run_active
from bot.assistants.events import StreamEvent
from bot.server import Server
from bot.server.context import Limits
from tests.server.conftest import BETA
from tests.server.fakes import RecordingAPI, events
from tests.support.eventually import PATIENCE
from tests.support.objects import run

ASK = {"assistant_id": "a", "stream": True}
CREATED = StreamEvent("thread.run.created", run())


class HeldStream:
    """Tells one event and then nothing, until it is closed."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()

    async def tell(self) -> EventStream:
        try:
            yield CREATED
            await asyncio.Event().wait()
        finally:
            self.closed.set()


async def lines(response: aiohttp.ClientResponse) -> list[tuple[str, str]]:
    text = (await response.read()).decode()
    told = []
    for block in text.split("\n\n"):
        if block and not block.startswith(":"):
            name, data = block.split("\n")
            told.append((name.removeprefix("event: "), data.removeprefix("data: ")))
    return told


@pytest.mark.parametrize(
    ("path", "operation", "body"),
    [
        ("/v1/threads/t/runs", "stream_run", ASK),
        ("/v1/threads/runs", "stream_thread_and_run", ASK),
        (
            "/v1/threads/t/runs/r/submit_tool_outputs",
            "stream_tool_outputs",
            {"stream": True, "tool_outputs": [{"tool_call_id": "c", "output": ""}]},
        ),
    ],
)
async def test_a_run_is_streamed_if_asked(
    api: RecordingAPI,
    http: aiohttp.ClientSession,
    path: str,
    operation: str,
    body: dict[str, Any],
) -> None:
    done = StreamEvent("thread.run.completed", run("completed"))
    api.answers[operation] = events(CREATED, done)
    async with http.post(path, json=body) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        assert response.headers["x-request-id"].startswith("req_")
        told = await lines(response)
    assert [name for name, _ in told] == ["thread.run.created", "thread.run.completed", "done"]
    assert json.loads(told[0][1])["object"] == "thread.run"
    assert told[-1] == ("done", "[DONE]")


async def test_a_refusal_before_the_stream_is_plain_json(
    api: RecordingAPI, http: aiohttp.ClientSession
) -> None:
    api.answers["stream_run"] = run_active("thread_1", "run_1")
    async with http.post("/v1/threads/thread_1/runs", json=ASK) as response:
        assert response.status == 400
        error = (await response.json())["error"]
    assert error["message"] == "Thread thread_1 already has an active run run_1."


async def test_a_failure_after_the_headers_is_an_error_event(
    api: RecordingAPI, http: aiohttp.ClientSession
) -> None:
    failure = APIError(500, "The disk is full.", type="server_error")
    api.answers["stream_run"] = events(CREATED, failure)
    async with http.post("/v1/threads/t/runs", json=ASK) as response:
        told = await lines(response)
    assert [name for name, _ in told] == ["thread.run.created", "error"]
    assert json.loads(told[1][1]) == {
        "error": {
            "message": "The disk is full.",
            "type": "server_error",
            "param": None,
            "code": None,
        }
    }


async def test_an_error_event_of_the_run_has_the_same_shape(
    api: RecordingAPI, http: aiohttp.ClientSession
) -> None:
    api.answers["stream_run"] = events(CREATED, StreamEvent("error", ErrorBody("no", code="c")))
    async with http.post("/v1/threads/t/runs", json=ASK) as response:
        told = await lines(response)
    assert json.loads(dict(told)["error"])["error"]["code"] == "c"


async def test_an_unexpected_error_after_the_headers_is_only_logged(
    api: RecordingAPI, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    api.answers["stream_run"] = events(CREATED, RuntimeError("secret detail"))
    async with http.post("/v1/threads/t/runs", json=ASK) as response:
        told = await lines(response)
        request_id = response.headers["x-request-id"]
    error = json.loads(dict(told)["error"])["error"]
    assert error["type"] == "server_error"
    assert "secret detail" not in error["message"]
    assert request_id in error["message"]
    assert request_id in caplog.text
    assert "secret detail" in caplog.text


async def test_a_reader_that_goes_away_only_closes_the_stream(
    api: RecordingAPI, http: aiohttp.ClientSession
) -> None:
    held = HeldStream()
    api.answers["stream_run"] = held.tell()
    response = await http.post("/v1/threads/t/runs", json=ASK)
    await response.content.readuntil(b"\n\n")
    response.close()
    async with asyncio.timeout(PATIENCE):
        await held.closed.wait()
    assert [call[0] for call in api.calls] == ["stream_run"]


@pytest.fixture
async def own_server(api: RecordingAPI) -> AsyncIterator[Server]:
    server = Server(lambda _project: api.api, keys={}, port=0)
    await server.start()
    yield server
    await server.stop()


async def test_stopping_ends_open_streams_with_an_error_event(
    api: RecordingAPI, own_server: Server
) -> None:
    held = HeldStream()
    api.answers["stream_run"] = held.tell()
    async with aiohttp.ClientSession(headers=BETA) as session:
        response = await session.post(f"{own_server.url}/threads/t/runs", json=ASK)
        await response.content.readuntil(b"\n\n")
        await own_server.stop()
        ((name, data),) = await lines(response)
    assert name == "error"
    error = json.loads(data)["error"]
    assert error["code"] == "server_stopping"
    assert "The server is stopping" in error["message"]
    assert held.closed.is_set()


async def test_stopping_does_not_wait_for_a_reader_that_does_not_read(
    api: RecordingAPI, own_server: Server
) -> None:
    big = StreamEvent("thread.run.in_progress", run(instructions="x" * 1_000_000))
    closed = asyncio.Event()

    async def flood() -> EventStream:
        try:
            while True:
                yield big
        finally:
            closed.set()

    api.answers["stream_run"] = flood()
    async with aiohttp.ClientSession(headers=BETA) as session:
        response = await session.post(f"{own_server.url}/threads/t/runs", json=ASK)
        await response.content.readuntil(b"event: ")
        await own_server.stop()
        response.close()
    assert closed.is_set()


async def test_a_silent_run_sends_comments_so_that_proxies_keep_the_stream(
    api: RecordingAPI,
) -> None:
    limits = Limits(keep_alive_seconds=0.01)
    server = Server(lambda _project: api.api, keys={}, port=0, limits=limits)
    await server.start()
    held = HeldStream()
    api.answers["stream_run"] = held.tell()
    async with aiohttp.ClientSession(headers=BETA) as session:
        response = await session.post(f"{server.url}/threads/t/runs", json=ASK)
        await response.content.readuntil(b"\n\n")
        for _ in range(2):
            assert (await response.content.readuntil(b"\n\n")).startswith(b":")
        response.close()
        await held.closed.wait()
    await server.stop()
