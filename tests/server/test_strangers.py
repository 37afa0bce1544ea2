"""A stranger's request leaves no trace in the log, forges no line of it and learns no version."""

import asyncio
import gzip
import logging
import zlib
from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.server import Server
from bot.server.context import Limits
from tests.server.fakes import RecordingAPI, events
from tests.server.test_connections import EMPTY, answered
from tests.server.test_uploads import address
from tests.support.eventually import PATIENCE
from tests.support.fake_clock import pass_loop_time
from tests.support.objects import run

HEAD = "Host: localhost\r\nOpenAI-Beta: assistants=v2\r\nConnection: close\r\n"
EXPECT = "Expect: 100-continue\r\n"
UPLOAD = "Content-Type: multipart/form-data; boundary=x\r\n"


def post(path: str, body: bytes, headers: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\n{HEAD}{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode("latin-1") + body


async def sent(server: Server, raw: bytes) -> bytes:
    """The answer to these bytes, up to the end of the connection."""
    reader, writer = await asyncio.open_connection(*address(server))
    writer.write(raw)
    told = await asyncio.wait_for(reader.read(), PATIENCE)
    writer.close()
    return told


@pytest.fixture
async def served(api: RecordingAPI) -> AsyncIterator[Server]:
    """Stops once all connections are done, so that all is logged that ever will be."""
    api.answers["create_thread"] = EMPTY
    api.answers["list_assistants"] = EMPTY
    api.answers["stream_run"] = events()
    api.answers["retrieve_run"] = run()
    server = Server(lambda _project: api.api, keys={}, port=0, limits=Limits(headers_seconds=30))
    await server.start()
    yield server
    await server.stop()


@pytest.mark.parametrize("path", ["/v1/threads", "/v1/files", "/v1/nothing"])
@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("deflate", b"nonsense"),
        ("deflate", zlib.compress(b"{}")[:-3]),
        ("deflate", zlib.compress(b"{}") + b"more"),
        ("deflate", b"\x78\x9c\xff\xff\xff"),
        ("gzip", b"nonsense"),
        ("gzip", gzip.compress(b"{}" * 500)[:20]),
        ("gzip", gzip.compress(b"{}") + b"more"),
        ("br", b"nonsense"),
        ("zstd", b"nonsense"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)
async def test_a_body_that_does_not_match_its_encoding_leaves_no_trace_in_the_log(
    served: Server, caplog: pytest.LogCaptureFixture, path: str, encoding: str, body: bytes
) -> None:
    headers = f"Content-Encoding: {encoding}\r\n" + (UPLOAD if path.endswith("files") else "")
    told = await sent(served, post(path, body, headers))
    status = int(told.split()[1])
    assert 400 <= status < 500
    await served.stop()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("path", ["/healthz", "/v1/nothing", "/v1/threads"])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
async def test_an_expectation_that_is_no_text_leaves_no_trace(
    api: RecordingAPI, served: Server, caplog: pytest.LogCaptureFixture, path: str, method: str
) -> None:
    api.answers["list_threads"] = EMPTY
    raw = f"{method} {path} HTTP/1.1\r\n{HEAD}Expect: \xff\r\n\r\n".encode("latin-1")
    assert int((await sent(served, raw)).split()[1]) < 500
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_stranger_who_hangs_up_in_a_body_leaves_no_trace(
    served: Server, caplog: pytest.LogCaptureFixture
) -> None:
    chunked = "Transfer-Encoding: chunked\r\n"
    for path, headers in (("/v1/threads", ""), ("/v1/files", UPLOAD)):
        for raw in (
            f"POST {path} HTTP/1.1\r\n{HEAD}{headers}{EXPECT}Content-Length: 100\r\n\r\n--x",
            f"POST {path} HTTP/1.1\r\n{HEAD}{headers}{EXPECT}{chunked}\r\n5\r\nab",
        ):
            reader, writer = await asyncio.open_connection(*address(served))
            writer.write(raw.encode())
            # The handler waits for the rest.
            assert b"100 Continue" in await asyncio.wait_for(reader.readline(), PATIENCE)
            writer.transport.abort()
    await served.stop()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    ("encoding", "status"),
    [
        ("gzip", 200),
        ("GZIP", 200),
        ("deflate", 200),
        ("identity", 200),
        ("", 200),
        ("x-gzip", 415),
        ("compress", 415),
        ("gzip, gzip", 415),
        ("deflate, gzip", 415),
        ("gzip\r\nContent-Encoding: gzip", 415),
        ("nonsense", 415),
    ],
)
async def test_an_unknown_encoding_is_an_unsupported_media_type(
    served: Server, encoding: str, status: int
) -> None:
    bodies = {"gzip": gzip.compress(b"{}"), "deflate": zlib.compress(b"{}")}
    body = bodies.get(encoding.lower(), b"{}")
    headers = f"Content-Encoding: {encoding}\r\n"
    told = await sent(served, post("/v1/threads", body, headers))
    assert int(told.split()[1]) == status
    if status == 415:
        assert b'"code":"unsupported_content_encoding"' in told
        told = await sent(served, post("/v1/files", b"--x--\r\n", headers + UPLOAD))
        assert int(told.split()[1]) == 415


@pytest.mark.parametrize("encoding", ["br", "zstd"])
async def test_an_encoding_that_some_servers_know_is_unsupported_here(
    served: Server, encoding: str
) -> None:
    told = await sent(served, post("/v1/threads", b"{}", f"Content-Encoding: {encoding}\r\n"))
    # Where the library for an encoding is installed the body is nonsense in it.
    assert int(told.split()[1]) in (415, 400)
    assert b"unsupported_content_encoding" in told or b"invalid_body" in told


async def test_a_path_forges_no_line_of_the_log(
    api: RecordingAPI, served: Server, caplog: pytest.LogCaptureFixture
) -> None:
    api.answers["list_messages"] = ValueError("a fault of ours")
    thread = "a%0a2026-01-01%20ERROR%20forged%1b%c2%9b%e2%80%ae"
    path = f"/v1/threads/{thread}/messages?after=sk-secret"
    told = await sent(served, f"GET {path} HTTP/1.1\r\n{HEAD}\r\n".encode())
    assert b" 500 " in told
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    message = record.getMessage()
    assert message.isprintable()
    assert message.isascii()
    assert "/v1/threads/a%0a2026-01-01" in message
    assert "sk-secret" not in message


@pytest.mark.parametrize(
    "raw",
    [
        f"GET /healthz HTTP/1.1\r\n{HEAD}\r\n".encode(),
        f"GET /v1/assistants HTTP/1.1\r\n{HEAD}\r\n".encode(),
        f"GET /v1/nothing HTTP/1.1\r\n{HEAD}\r\n".encode(),
        f"PUT /v1/assistants HTTP/1.1\r\n{HEAD}\r\n".encode(),
        post("/v1/threads/t/runs", b'{"assistant_id": "a", "stream": true}'),
        b"nonsense\r\n\r\n",
        b"GET /v1/assistants HTTP/9.9\r\n\r\n",
        post("/v1/threads", b"nonsense", "Content-Encoding: br\r\n"),
        b"",
    ],
    ids=lambda raw: repr(raw[:30]),
)
async def test_no_response_reveals_the_servers_software(served: Server, raw: bytes) -> None:
    answer = asyncio.create_task(sent(served, raw))
    if not raw:
        await pass_loop_time(31)  # the server waits for the headers
    told = await answer
    head = told.partition(b"\r\n\r\n")[0].lower()
    assert head.startswith(b"http/1.")
    assert b"\r\nserver:" not in head
    assert b"python" not in told.lower()
    assert b"aiohttp" not in told.lower()


async def test_an_error_for_a_stranger_names_no_library(served: Server) -> None:
    reader, writer = await asyncio.open_connection(*address(served))
    writer.write(post("/v1/threads", b"x", "Content-Encoding: br\r\n"))
    _, error, _ = await answered(reader)
    writer.close()
    assert "install" not in error["message"].lower()


async def test_a_client_without_a_valid_body_may_go_on_where_the_body_was_read(
    served: Server,
) -> None:
    headers = {"OpenAI-Beta": "assistants=v2"}
    async with aiohttp.ClientSession(headers=headers) as http:
        for _ in range(2):
            async with http.post(f"{served.url}/threads", data=b"{") as response:
                assert response.status == 400
