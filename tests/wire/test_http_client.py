"""The HTTP client: refusals with bounded bodies, connections, and what may be sent again."""

import asyncio
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from multidict import CIMultiDict

from bot.wire.http_client import (
    ERROR_BYTES,
    HttpClient,
    StatusError,
    closing_on_error,
    http_verdict,
    never_connected,
    status_verdict,
)
from tests.support.loopback import serving

NOW = 1_700_000_000.0


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async def echo(request: web.Request) -> web.Response:
        cookie = request.headers.get("Cookie", "none")
        text = f"{request.headers.get('Authorization')} {cookie} {await request.text()}"
        return web.Response(text=text, headers={"Set-Cookie": "a=b"})

    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=503, body=b"x" * 1_000_000, headers={"Retry-After": "7"})

    async def move(request: web.Request) -> web.Response:
        raise web.HTTPFound("/echo")

    routes = (web.route("*", "/echo", echo), web.get("/refuse", refuse), web.get("/move", move))
    async with serving(*routes) as url:
        yield url


async def test_a_request_carries_the_clients_headers_and_no_cookies(url: str) -> None:
    async with HttpClient(connect=10, headers={"Authorization": "Bearer k"}) as http:
        for _ in range(2):
            response = await http.open("POST", f"{url}/echo", data=b"hello")
            assert await response.text() == "Bearer k none hello"


async def test_a_refusal_has_the_beginning_of_its_body(url: str) -> None:
    async with HttpClient(connect=10) as http:
        with pytest.raises(StatusError) as caught:
            await http.open("GET", f"{url}/refuse")
    assert caught.value.status == 503
    assert caught.value.headers["Retry-After"] == "7"
    assert caught.value.body == b"x" * ERROR_BYTES
    assert caught.value.response.closed


async def test_a_redirect_is_a_refusal_unless_it_is_to_be_followed(url: str) -> None:
    async with HttpClient(connect=10) as http:
        with pytest.raises(StatusError) as caught:
            await http.open("GET", f"{url}/move")
        assert caught.value.status == 302
        response = await http.open("GET", f"{url}/move", redirects=True)
        assert response.status == 200


async def test_a_status_that_is_not_accepted_is_a_refusal(url: str) -> None:
    async with HttpClient(connect=10) as http:
        with pytest.raises(StatusError):
            await http.open("GET", f"{url}/echo", accepted=(201,))


async def test_the_callers_session_is_left_open(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with HttpClient(connect=10, session=session) as http:
            await http.open("GET", f"{url}/echo")
        assert not session.closed


async def test_a_response_is_closed_where_reading_it_fails(url: str) -> None:
    async with HttpClient(connect=10) as http:
        response = await http.open("GET", f"{url}/echo")
        with pytest.raises(ValueError, match="unreadable"), closing_on_error(response):
            raise ValueError("unreadable")
        assert response.closed


async def test_a_port_that_nobody_listens_on_has_not_seen_the_request() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with HttpClient(connect=10) as http:
            with pytest.raises(aiohttp.ClientError) as caught:
                await http.open("GET", f"http://127.0.0.1:{unused.getsockname()[1]}/")
    assert never_connected(caught.value)
    assert http_verdict(caught.value, NOW) is not None


def test_a_secret_is_taken_out_of_texts() -> None:
    assert HttpClient(connect=1, secret="sk-1").scrub("the key sk-1 is wrong") == (
        "the key *** is wrong"
    )
    assert HttpClient(connect=1).scrub("as it is") == "as it is"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
def test_a_status_that_may_pass_is_tried_again(status: int) -> None:
    assert status_verdict(status, CIMultiDict(), NOW) is not None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 501])
def test_a_status_that_stays_is_not_tried_again(status: int) -> None:
    assert status_verdict(status, CIMultiDict(), NOW) is None


def test_a_server_that_says_whether_to_try_again_is_believed() -> None:
    assert status_verdict(500, CIMultiDict({"x-should-retry": "false"}), NOW) is None
    assert status_verdict(400, CIMultiDict({"x-should-retry": "true"}), NOW) is not None


def test_the_wait_that_a_server_asks_for_is_in_the_verdict() -> None:
    verdict = status_verdict(429, CIMultiDict({"retry-after": "2"}), NOW)
    assert verdict is not None
    assert verdict.retry_after == 2


@pytest.mark.parametrize(
    "error", [TimeoutError(), ConnectionResetError(), aiohttp.ServerDisconnectedError()]
)
def test_a_broken_connection_is_tried_again(error: Exception) -> None:
    assert http_verdict(error, NOW) is not None


@pytest.mark.parametrize("error", [ValueError("x"), asyncio.InvalidStateError()])
def test_a_mistake_of_our_own_is_not_tried_again(error: Exception) -> None:
    assert http_verdict(error, NOW) is None
