"""What is no request, too much of one, or none at all: bounded, and told in the API's shape."""

import asyncio
import json
import os
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp
import pytest

from bot.assistants.schema.objects import ListPage
from bot.server import Server
from bot.server.connections import AcceptErrors, Connections
from bot.server.context import Limits
from tests.server.conftest import BETA
from tests.server.fakes import RecordingAPI
from tests.server.test_uploads import address
from tests.support.eventually import PATIENCE, eventually
from tests.support.fake_clock import pass_loop_time

EMPTY: ListPage[Any] = ListPage(data=())


@asynccontextmanager
async def serving(keys: dict[str, str] | None = None, **limits: Any) -> AsyncIterator[Server]:
    api = RecordingAPI()
    api.answers["list_assistants"] = EMPTY
    api.answers["create_thread"] = EMPTY
    server = Server(lambda _project: api.api, keys=keys or {}, port=0, limits=Limits(**limits))
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def answered(reader: asyncio.StreamReader) -> tuple[int, dict[str, Any], bytes]:
    """The answer on a connection that is closed behind it: status, error and head."""
    raw = await asyncio.wait_for(reader.read(), PATIENCE)
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
async def test_malformed_http_is_answered_with_an_error_of_the_api(raw: bytes) -> None:
    async with serving() as server:
        reader, writer = await asyncio.open_connection(*address(server))
        writer.write(raw)
        status, error, _ = await answered(reader)
        assert 400 <= status < 500
        assert error["code"] == "invalid_http"
        writer.close()


async def test_a_caller_that_sends_nothing_is_refused_and_disconnected() -> None:
    async with serving(headers_seconds=30) as server:
        for begun in (b"", b"GET /v1/assistants HTTP/1.1\r\nHost: localhost\r\n"):
            reader, writer = await asyncio.open_connection(*address(server))
            writer.write(begun)
            await pass_loop_time(31)
            status, error, head = await answered(reader)
            assert (status, error["code"]) == (408, "request_timeout")
            assert b"Connection: close" in head
            writer.close()


async def test_a_caller_who_sent_a_request_in_time_has_no_deadline_for_the_next_one() -> None:
    opened = 0

    async def count(*_: object) -> None:
        nonlocal opened
        opened += 1

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(count)
    connector = aiohttp.TCPConnector(keepalive_timeout=600)
    async with (
        serving(headers_seconds=30) as server,
        aiohttp.ClientSession(headers=BETA, trace_configs=[trace], connector=connector) as http,
    ):
        for _ in range(2):
            async with http.get(f"{server.url}/assistants") as response:
                assert response.status == 200
            # Past the time that a connection has for its first request.
            await pass_loop_time(31)
        assert opened == 1


async def test_an_idle_connection_is_closed() -> None:
    async with serving(idle_seconds=0.05) as server:
        reader, writer = await asyncio.open_connection(*address(server))
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        told = await asyncio.wait_for(reader.read(), PATIENCE)  # to its end
        assert told.endswith(b'{"status":"ok"}')
        writer.close()


async def test_a_body_that_does_not_arrive_in_time_is_refused_with_408() -> None:
    async with serving(body_seconds=0.05) as server:
        reader, writer = await asyncio.open_connection(*address(server))
        writer.write(
            b"POST /v1/threads HTTP/1.1\r\nHost: localhost\r\nOpenAI-Beta: assistants=v2\r\n"
            b'Content-Length: 100\r\n\r\n{"metadata"'
        )
        told = await asyncio.wait_for(reader.readuntil(b"request_timeout"), PATIENCE)
        assert b" 408 " in told
        writer.close()


KEYS = {"sk-one": "first", "sk-two": "second"}


class Held:
    """Raw connections that stay open until the end of the block."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for writer in self._writers:
            writer.close()

    async def silent(self) -> asyncio.StreamReader:
        """Connect and send nothing."""
        reader, writer = await asyncio.open_connection(*address(self._server))
        self._writers.append(writer)
        return reader

    async def asking(self, path: str, key: str = "") -> tuple[asyncio.StreamReader, bytes]:
        """Connect and send a request; return the reader and the answer's first line."""
        reader = await self.silent()
        self._writers[-1].write(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nOpenAI-Beta: assistants=v2\r\n"
            f"Authorization: Bearer {key}\r\n\r\n".encode()
        )
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        length = int(head.lower().partition(b"content-length: ")[2].split()[0])
        await reader.readexactly(length)
        return reader, head.split(b"\r\n")[0]

    def close_last(self) -> None:
        self._writers.pop().close()


async def test_silent_connections_never_keep_out_a_caller_with_a_key() -> None:
    async with serving(keys=KEYS, connections=16) as server, Held(server) as held:
        silent = [await held.silent() for _ in range(60)]
        status, error, head = await answered(silent[0])
        assert (status, error["code"]) == (503, "too_many_connections")
        assert b"Retry-After: 1" in head
        _, told = await held.asking("/v1/assistants", "sk-one")
        assert b" 200 " in told


async def test_callers_without_a_valid_key_count_as_silent_ones() -> None:
    async with serving(keys=KEYS, connections=16) as server, Held(server) as held:
        first, told = await held.asking("/v1/assistants", "wrong")
        assert b" 401 " in told
        health, _ = await held.asking("/healthz")
        for _ in range(20):
            await held.asking("/v1/assistants", "wrong")
        for gone in (first, health):
            assert (await answered(gone))[0] == 503
        _, told = await held.asking("/v1/assistants", "sk-two")
        assert b" 200 " in told


async def test_connections_with_a_key_are_not_let_go_for_strangers() -> None:
    async with serving(keys=KEYS, connections=16) as server, Held(server) as held:
        known = [(await held.asking("/v1/assistants", "sk-one"))[0] for _ in range(4)]
        for _ in range(40):
            await held.silent()
        assert not any(reader.at_eof() for reader in known)


async def test_one_project_leaves_connections_to_the_others() -> None:
    async with serving(keys=KEYS, connections=16) as server, Held(server) as held:
        for _ in range(4):
            assert b" 200 " in (await held.asking("/v1/assistants", "sk-one"))[1]
        reader, told = await held.asking("/v1/assistants", "sk-one")
        assert b" 503 " in told
        assert await asyncio.wait_for(reader.read(), PATIENCE) == b""  # and hung up
        for _ in range(4):
            assert b" 200 " in (await held.asking("/v1/assistants", "sk-two"))[1]
        held.close_last()
        async with asyncio.timeout(PATIENCE):
            while b" 200 " not in (await held.asking("/v1/assistants", "sk-two"))[1]:
                pass


async def test_without_keys_one_project_has_all_that_strangers_have_not() -> None:
    async with serving(connections=16) as server, Held(server) as held:
        for _ in range(8):
            assert b" 200 " in (await held.asking("/v1/assistants"))[1]
        assert b" 503 " in (await held.asking("/v1/assistants"))[1]
        assert b" 200 " in (await held.asking("/healthz"))[1]


async def test_a_stranger_has_to_send_the_next_request_soon() -> None:
    async with serving(keys=KEYS, headers_seconds=10) as server, Held(server) as held:
        known, _ = await held.asking("/v1/assistants", "sk-one")
        for path in ("/healthz", "/v1/assistants"):
            reader, _ = await held.asking(path)
            await pass_loop_time(11)
            status, error, _ = await answered(reader)
            assert (status, error["code"]) == (408, "request_timeout")
        assert not known.at_eof()


@pytest.mark.parametrize(("soft", "most"), [(400, 136), (1024, 448), (90, 8), (60_000, 1000)])
async def test_the_limit_follows_that_of_open_files(
    monkeypatch: pytest.MonkeyPatch, soft: int, most: int
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (soft, 60_000))
    assert Connections(Limits()).most == most


async def test_accept_errors_are_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.get_running_loop()
    others: list[str] = []
    loop.set_exception_handler(lambda _, context: others.append(context["message"]))
    times = iter((0.0, 1.0, 59.0, 60.0, 61.0))
    errors = AcceptErrors(loop, lambda: next(times))
    failed = {
        "message": "socket.accept() out of system resource",
        "exception": OSError(24, "Too many open files"),
    }
    for _ in range(5):
        loop.call_exception_handler(failed)
    loop.call_exception_handler({"message": "something else"})
    errors.close()
    loop.call_exception_handler(failed)
    assert others == ["something else", failed["message"]]
    assert [record.exc_info for record in caplog.records] == [None, None]
    assert "Too many open files" in caplog.text


async def test_a_server_out_of_descriptors_logs_it_and_goes_on_afterwards(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving() as server, Held(server) as held:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        before = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        with socket.socket() as caller:
            caller.setblocking(False)
            lowest = os.dup(caller.fileno())
            os.close(lowest)
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
            try:
                await asyncio.get_running_loop().sock_connect(caller, address(server))
                await eventually(lambda: "can't accept connections" in caplog.text)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))
        assert len(caplog.records) == 1
        assert b" 200 " in (await held.asking("/v1/assistants"))[1]


@pytest.mark.parametrize(("expectation", "status"), [("100-continue", 200), ("cake", 200)])
async def test_the_expect_header_is_answered_or_ignored(expectation: str, status: int) -> None:
    async with serving() as server, aiohttp.ClientSession(headers=BETA) as http:
        headers = {"Expect": expectation}
        async with http.post(f"{server.url}/threads", data=b"{}", headers=headers) as response:
            assert response.status == status
