"""What is no request, too much of one, or none at all: bounded, and told in the API's shape."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from bot.assistants.schema.objects import ListPage
from bot.server import Server
from bot.server.app_keys import Limits
from tests.server.conftest import BETA
from tests.server.fakes import RecordingAPI
from tests.server.test_uploads import address

EMPTY: ListPage[Any] = ListPage(data=())


@asynccontextmanager
async def serving(**limits: Any) -> AsyncIterator[Server]:
    api = RecordingAPI()
    api.answers["list_assistants"] = EMPTY
    api.answers["create_thread"] = EMPTY
    server = Server(lambda _project: api.api, keys={}, port=0, limits=Limits(**limits))
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def answered(reader: asyncio.StreamReader) -> tuple[int, dict[str, Any], bytes]:
    """The answer on a connection that is closed behind it: status, error and head."""
    raw = await asyncio.wait_for(reader.read(), 20)
    head, _, body = raw.partition(b"\r\n\r\n")
    error: dict[str, Any] = json.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return int(head.split()[1]), error, head


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /v1/assistants HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /v1/assistants HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n",
        b"GET /v1/assistants HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"POST /v1/threads HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/threads HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /v1/assistants HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
        b"GET /v1/assistants?" + b"y" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /v1/assistants HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 300 + b"\r\n",
    ],
    ids=lambda raw: repr(raw[:45]),
)
async def test_what_is_no_http_is_answered_in_the_shape(raw: bytes) -> None:
    async with serving() as server:
        reader, writer = await asyncio.open_connection(*address(server))
        writer.write(raw)
        status, error, _ = await answered(reader)
        assert 400 <= status < 500
        assert error["code"] == "invalid_http"
        writer.close()


async def test_who_sends_nothing_is_told_and_let_go() -> None:
    async with serving(headers_seconds=0.05) as server:
        for begun in (b"", b"GET /v1/assistants HTTP/1.1\r\nHost: localhost\r\n"):
            reader, writer = await asyncio.open_connection(*address(server))
            writer.write(begun)
            status, error, head = await answered(reader)
            assert (status, error["code"]) == (408, "request_timeout")
            assert b"Connection: close" in head
            writer.close()


async def test_who_sent_a_request_in_time_is_not_hurried_after_it() -> None:
    opened = 0

    async def count(*_: object) -> None:
        nonlocal opened
        opened += 1

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(count)
    async with (
        serving(headers_seconds=1) as server,
        aiohttp.ClientSession(headers=BETA, trace_configs=[trace]) as http,
    ):
        for _ in range(2):
            async with http.get(f"{server.url}/assistants") as response:
                assert response.status == 200
            await asyncio.sleep(1.1)  # past what it would have had for its first request
        assert opened == 1


async def test_an_idle_connection_is_closed() -> None:
    async with serving(idle_seconds=0.05) as server:
        reader, writer = await asyncio.open_connection(*address(server))
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        told = await asyncio.wait_for(reader.read(), 20)  # to its end
        assert told.endswith(b'{"status":"ok"}')
        writer.close()


async def test_a_body_that_does_not_come_is_told_so() -> None:
    async with serving(body_seconds=0.05) as server:
        reader, writer = await asyncio.open_connection(*address(server))
        writer.write(
            b"POST /v1/threads HTTP/1.1\r\nHost: localhost\r\nOpenAI-Beta: assistants=v2\r\n"
            b'Content-Length: 100\r\n\r\n{"metadata"'
        )
        told = await asyncio.wait_for(reader.readuntil(b"request_timeout"), 20)
        assert b" 408 " in told
        writer.close()


async def test_so_many_connections_and_no_more_are_taken() -> None:
    async with serving(connections=3) as server:
        held = [await asyncio.open_connection(*address(server)) for _ in range(3)]
        for reader, writer in held:
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"ok" in await reader.readuntil(b"ok")
        reader, writer = await asyncio.open_connection(*address(server))
        status, error, head = await answered(reader)
        assert (status, error["code"]) == (503, "too_many_connections")
        assert b"Retry-After: 1" in head
        writer.close()
        held[0][1].close()
        await held[0][1].wait_closed()
        async with asyncio.timeout(20):
            while True:
                reader, writer = await asyncio.open_connection(*address(server))
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                told = await reader.read()
                writer.close()
                if b" 200 " in told:
                    break
        for _, writer in held[1:]:
            writer.close()


@pytest.mark.parametrize(("expectation", "status"), [("100-continue", 200), ("cake", 200)])
async def test_expectations_are_met_or_passed_over(expectation: str, status: int) -> None:
    async with serving() as server, aiohttp.ClientSession(headers=BETA) as http:
        headers = {"Expect": expectation}
        async with http.post(f"{server.url}/threads", data=b"{}", headers=headers) as response:
            assert response.status == status
