"""Pages of other origins: which ones may read the answers, and what a preflight is told."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from bot.assistants.schema.objects import ListPage
from bot.server import Server, ServerError
from tests.server.conftest import BETA
from tests.server.fakes import RecordingAPI, events
from tests.support.objects import run

KEY = {"sk-one": "first"}
LISTED = ("https://chat.example.org", "https://[2001:db8::1]:8443", "app://notes.example")


@asynccontextmanager
async def serving(
    origins: tuple[str, ...] = (), keys: dict[str, str] | None = None
) -> AsyncIterator[aiohttp.ClientSession]:
    api = RecordingAPI()
    api.answers["list_assistants"] = ListPage[Any](data=())
    api.answers["stream_run"] = events()
    api.answers["retrieve_run"] = run()
    server = Server(lambda _project: api.api, keys=keys or {}, port=0, allowed_origins=origins)
    await server.start()
    headers = {**BETA, "Authorization": "Bearer sk-one"}
    try:
        base = server.url.removesuffix("/v1")
        async with aiohttp.ClientSession(base, headers=headers) as session:
            yield session
    finally:
        await server.stop()


def spelled(headers: Any) -> Iterator[str]:
    return (name for name in headers if name.lower().startswith("access-control-"))


@pytest.mark.parametrize("keys", [None, KEY], ids=["open", "keyed"])
@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:3000",
        "http://127.0.0.1:5173",
        "https://localhost",
        "http://[::1]:8080",
        "http://app.localhost",
        "https://chat.example.org",
        "https://[2001:db8::1]:8443",
        "app://notes.example",
    ],
)
async def test_pages_on_this_machine_and_of_listed_origins_may_read_responses(
    origin: str, keys: dict[str, str] | None
) -> None:
    async with (
        serving(LISTED, keys) as http,
        http.get("/v1/assistants", headers={"Origin": origin}) as response,
    ):
        assert response.status == 200
        assert response.headers["Access-Control-Allow-Origin"] == origin
        assert response.headers["Access-Control-Allow-Credentials"] == "true"
        assert "x-request-id" in response.headers["Access-Control-Expose-Headers"]
        assert "Origin" in response.headers["Vary"]


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://chat.example.org",
        "https://chat.example.org:8443",
        "https://chat.example.org.evil.example",
        "https://evil.example#chat.example.org",
        "http://localhost@evil.example",
        "http://evil.example#@localhost",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "ftp://localhost",
        "null",
        "",
    ],
)
async def test_pages_of_other_origins_may_not_read_responses(origin: str) -> None:
    # A key is a key: the request is answered, and the browser keeps the answer from the page.
    async with (
        serving(LISTED, KEY) as http,
        http.get("/v1/assistants", headers={"Origin": origin}) as answered,
    ):
        assert answered.status == 200
        assert list(spelled(answered.headers)) == []
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    for keys in (None, KEY):
        async with (
            serving(LISTED, keys) as http,
            http.options("/v1/assistants", headers=asked) as refused,
        ):
            assert refused.status == 403
            assert list(spelled(refused.headers)) == []
            assert "allowed_origins" in (await refused.json())["error"]["message"]
    async with (
        serving(LISTED) as http,
        http.get("/v1/assistants", headers={"Origin": origin}) as response,
    ):
        assert response.status == 403


async def test_a_preflight_is_answered_without_a_key() -> None:
    asked = {
        "Origin": "http://localhost:3000",
        "Access-Control-Request-Method": "DELETE",
        "Access-Control-Request-Headers": "authorization,openai-beta,x-stainless-lang",
        "Authorization": "",
    }
    async with serving(keys=KEY) as http:
        for path in ("/v1/assistants/a", "/v1/threads/t/runs", "/openai/assistants", "/v1/none"):
            async with http.options(path, headers=asked) as response:
                assert response.status == 204
                assert await response.read() == b""
                headers = response.headers
                assert headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
                assert {"GET", "POST", "DELETE"} <= set(
                    headers["Access-Control-Allow-Methods"].split(", ")
                )
                assert headers["Access-Control-Allow-Headers"] == (
                    "authorization, openai-beta, x-stainless-lang"
                )
                assert int(headers["Access-Control-Max-Age"]) > 0
                varied = {part.strip() for part in ",".join(headers.getall("Vary")).split(",")}
                assert {"Origin", "Access-Control-Request-Headers"} <= varied


async def test_a_preflight_for_a_private_network_is_answered_for_allowed_pages_alone() -> None:
    asked = {
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Private-Network": "true",
    }
    name = "Access-Control-Allow-Private-Network"
    async with serving(LISTED, KEY) as http:
        headers = {**asked, "Origin": LISTED[0]}
        async with http.options("/v1/assistants", headers=headers) as response:
            assert response.headers[name] == "true"
        headers["Origin"] = "https://evil.example"
        async with http.options("/v1/assistants", headers=headers) as response:
            assert name not in response.headers


async def test_headers_that_are_no_names_are_not_allowed() -> None:
    asked = {
        "Origin": "http://localhost",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "x-one, *, b@d,, " + "y" * 5000,
    }
    async with serving() as http, http.options("/v1/assistants", headers=asked) as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Headers"] == "x-one"


async def test_errors_and_streams_may_be_read_as_well() -> None:
    origin = {"Origin": "http://localhost:3000"}
    async with serving(keys=KEY) as http:
        for method, path, headers, body, status in (
            ("GET", "/v1/assistants", {"Authorization": "Bearer wrong"}, None, 401),
            ("GET", "/v1/nothing", {}, None, 404),
            ("POST", "/v1/assistants", {}, {}, 400),
            ("OPTIONS", "/v1/assistants", {}, None, 405),
            ("POST", "/v1/threads/t/runs", {}, {"assistant_id": "a", "stream": True}, 200),
        ):
            async with http.request(
                method, path, headers={**origin, **headers}, json=body
            ) as response:
                assert response.status == status, path
                assert response.headers["Access-Control-Allow-Origin"] == origin["Origin"]


async def test_with_a_star_any_page_may_read_and_no_credentials_go_with_the_star() -> None:
    async with serving(("*", "https://chat.example.org"), KEY) as http:
        for origin in ("https://anywhere.example", "null"):
            async with http.get("/v1/assistants", headers={"Origin": origin}) as response:
                assert response.headers["Access-Control-Allow-Origin"] == "*"
                assert "Access-Control-Allow-Credentials" not in response.headers
        headers = {"Origin": "https://chat.example.org"}
        async with http.get("/v1/assistants", headers=headers) as response:
            assert response.headers["Access-Control-Allow-Origin"] == headers["Origin"]
            assert response.headers["Access-Control-Allow-Credentials"] == "true"


async def test_without_keys_a_star_is_refused_at_the_start() -> None:
    with pytest.raises(ServerError, match="configure keys"):
        async with serving(("*",)):
            raise AssertionError("The server must not start.")


@pytest.mark.parametrize(
    "origin",
    ["chat.example.org", "https://", "https://a.example/path", "https://*.example", "null", ""],
)
async def test_an_invalid_origin_is_refused_at_the_start(origin: str) -> None:
    with pytest.raises(ServerError, match="allowed_origins"):
        async with serving((origin,), KEY):
            raise AssertionError("The server must not start.")


async def test_an_answer_without_an_origin_has_no_such_headers() -> None:
    async with serving() as http, http.get("/v1/assistants") as response:
        assert list(spelled(response.headers)) == []
        assert response.headers["Vary"] == "Origin"
