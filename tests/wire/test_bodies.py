"""Bodies of other servers' answers, over a real connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web
from msgspec import Struct

from bot.wire.bodies import (
    BodyError,
    BodyTooLargeError,
    decode_json,
    pieces,
    read_beginning,
    read_bounded,
)
from tests.support.eventually import eventually
from tests.support.loopback import serving


class Thing(Struct):
    name: str


@pytest.fixture
async def large() -> AsyncIterator[str]:
    """The URL of a body of 1,000,000 bytes in many chunks, whose length is not told."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100):
            await response.write(b"x" * 10_000)
        return response

    async with serving(web.get("/", answer)) as url:
        yield f"{url}/"


async def test_a_body_within_the_bound_is_read_whole(large: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(large) as response:
        assert len(await read_bounded(response, 1_000_000)) == 1_000_000


async def test_a_body_past_the_bound_is_an_error_and_the_connection_is_dropped(large: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(large) as response:
        with pytest.raises(BodyTooLargeError, match="999999 bytes"):
            await read_bounded(response, 999_999)
        assert response.connection is None


async def test_the_beginning_is_all_that_is_kept_of_a_long_error(large: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(large) as response:
        assert await read_beginning(response, 12_345) == b"x" * 12_345


async def test_a_body_comes_in_pieces_to_its_end(large: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(large) as response:
        assert sum([len(piece) async for piece in pieces(response, 20.0)]) == 1_000_000


async def test_a_reader_behind_a_chunk_of_no_size_is_not_forgotten() -> None:
    read = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await read.wait()
        writer.write(b"zz\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, aiohttp.ClientSession() as session:
        response = await session.get(url)
        body = pieces(response, 0.2)
        assert await anext(body) == b"hello"
        read.set()
        with pytest.raises((TimeoutError, aiohttp.ClientError)):
            await anext(body)
        response.close()


@pytest.mark.parametrize("read", [read_bounded, read_beginning])
async def test_a_connection_that_is_gone_before_its_body_is_read_is_an_error_of_aiohttps(
    read: Callable[[aiohttp.ClientResponse, int], Awaitable[bytes]],
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await go_on.wait()
        writer.write(b"zz\r\n")
        writer.close()

    go_on = asyncio.Event()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with (
        server,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/") as response,
    ):
        go_on.set()
        protocol = response.content._protocol  # noqa: SLF001 - aiohttp tells this nowhere else
        await eventually(lambda: not protocol.connected)
        with pytest.raises(aiohttp.ClientError):
            await read(response, 100)
        with pytest.raises(aiohttp.ClientError):
            await anext(pieces(response, 10.0))


def test_unknown_fields_of_another_server_are_ignored() -> None:
    assert decode_json(b'{"name": "a", "new": 1}', Thing) == Thing("a")
    assert decode_json(b"[1]") == [1]


def test_json_of_another_shape_says_where() -> None:
    with pytest.raises(BodyError, match=r"another shape than agreed.*\$\.name"):
        decode_json(b'{"name": 1}', Thing)


def test_the_error_of_a_body_that_is_no_json_quotes_its_beginning() -> None:
    with pytest.raises(BodyError, match=r"not JSON.*begins '<html> <body>"):
        decode_json(b"<html>\n  <body>" + b"x" * 10_000)
