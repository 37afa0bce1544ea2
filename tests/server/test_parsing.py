"""What a request may hold, and how one that can't be taken is told."""

import zlib
from typing import Any

import aiohttp
import pytest

from bot.assistants.schema.objects import ListPage
from bot.server import Server
from bot.server.context import Limits
from tests.server.conftest import BETA
from tests.server.fakes import RecordingAPI
from tests.support.objects import run

EMPTY: ListPage[Any] = ListPage(data=())


async def refused(response: aiohttp.ClientResponse, status: int = 400) -> dict[str, Any]:
    assert response.status == status
    body = await response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    error: dict[str, Any] = body["error"]
    return error


@pytest.mark.parametrize(
    ("query", "param", "message"),
    [
        ("limit=0", "limit", "Expected a value >= 1, but got 0"),
        ("limit=101", "limit", "Expected a value <= 100, but got 101"),
        ("limit=-1", "limit", "Expected a value >= 1, but got -1"),
        ("limit=ten", "limit", "Invalid type for 'limit'"),
        ("limit=", "limit", "Invalid type for 'limit'"),
        ("limit=1e3", "limit", "Invalid type for 'limit'"),
        ("limit=1.0", "limit", "Invalid type for 'limit'"),
        ("limit=%2B5", "limit", "Invalid type for 'limit'"),
        ("limit=" + "9" * 5000, "limit", "Invalid type for 'limit'"),
        (
            "order=up",
            "order",
            "Invalid value for 'order': 'up'. Supported values are: 'asc' and 'desc'.",
        ),
        ("limit=1&limit=2", "limit", "Duplicate parameter: 'limit'"),
        ("colour=red", "colour", "Unknown parameter: 'colour'"),
        ("run_id=r", "run_id", "Unknown parameter: 'run_id'"),
        ("include[]=x", "include[]", "Unknown parameter: 'include[]'"),
    ],
)
async def test_a_wrong_parameter_is_named(
    api: RecordingAPI, http: aiohttp.ClientSession, query: str, param: str, message: str
) -> None:
    async with http.get(f"/v1/assistants?{query}") as response:
        error = await refused(response)
    assert message in error["message"]
    assert error["param"] == param
    assert api.calls == []


@pytest.mark.parametrize("limit", [1, 100])
async def test_values_at_the_limits_are_accepted(
    api: RecordingAPI, http: aiohttp.ClientSession, limit: int
) -> None:
    api.answers["list_assistants"] = EMPTY
    async with http.get(f"/v1/assistants?limit={limit}") as response:
        assert response.status == 200
    assert api.calls[0][1][0].limit == limit


@pytest.mark.parametrize("name", ["include", "include[]"])
async def test_an_unknown_value_of_include_is_refused(
    http: aiohttp.ClientSession, name: str
) -> None:
    async with http.get(f"/v1/threads/t/runs/r/steps?{name}=everything") as response:
        error = await refused(response)
    assert error["param"] == "include[0]"
    assert "Supported values are: 'step_details.tool_calls[*]" in error["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/threads/t"),
        ("DELETE", "/v1/threads/t"),
        ("POST", "/v1/threads"),
        ("POST", "/v1/threads/t/runs"),
        ("POST", "/v1/threads/runs"),
        ("GET", "/v1/threads/t/runs/r"),
        ("POST", "/v1/threads/t/runs/r/cancel"),
        ("GET", "/v1/threads/t/runs/r/steps/s"),
    ],
)
async def test_parameters_are_refused_where_there_are_none(
    api: RecordingAPI, http: aiohttp.ClientSession, method: str, path: str
) -> None:
    async with http.request(method, f"{path}?limit=3") as response:
        error = await refused(response)
    assert error["message"] == "Unknown parameter: 'limit'."
    assert api.calls == []


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b'{"model": "m"} trailing',
        b'{"model": NaN}',
        b"\xff\xfe",
        b'{"model": "\xff"}',
        b"[" * 5000 + b"]" * 5000,
        b'{"metadata":' * 50_000,
    ],
    ids=lambda body: repr(body[:12]),
)
async def test_a_body_that_is_no_json_is_refused(
    api: RecordingAPI, http: aiohttp.ClientSession, body: bytes
) -> None:
    async with http.post("/v1/assistants", data=body) as response:
        error = await refused(response)
    assert error["code"] == "invalid_json"
    assert api.calls == []


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"3", b"null", b"true"])
async def test_a_body_that_is_no_object_is_refused(
    http: aiohttp.ClientSession, body: bytes
) -> None:
    for path in ("/v1/threads", "/v1/threads/runs"):
        async with http.post(path, data=body) as response:
            assert "must be an object" in (await refused(response))["message"]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'\xef\xbb\xbf{"model": "m", "name": "x"}', "x"),
        (b'{"model": "m", "name": "cut \\ud83d"}', "cut \ufffd"),
        (b'{"model": "m", "name": "\\udc00 cut"}', "\ufffd cut"),
        (b'{"model": "m", "name": "\\ud83d\\ude00"}', "\U0001f600"),
        (b'{"model": "m", "name": "\\ud83d \\\\ud83d"}', "\ufffd \\ud83d"),
    ],
)
async def test_a_mark_before_the_body_and_half_a_character_in_a_text_are_taken(
    api: RecordingAPI, http: aiohttp.ClientSession, body: bytes, name: str
) -> None:
    api.answers["create_assistant"] = EMPTY
    async with http.post("/v1/assistants", data=body) as response:
        assert response.status == 200
    assert api.calls[0][1][0].name == name


async def test_half_a_character_hides_no_other_fault(http: aiohttp.ClientSession) -> None:
    for body in (b'{"name": "\\ud83d", "x": NaN}', b'{"name": "\\ud83d"', b'"\\ud83d" 3'):
        async with http.post("/v1/assistants", data=body) as response:
            assert (await refused(response))["code"] == "invalid_json"


@pytest.mark.parametrize("query", ["after=", "before=", "after=&before=&limit=5"])
async def test_an_empty_cursor_means_the_first_page(
    api: RecordingAPI, http: aiohttp.ClientSession, query: str
) -> None:
    api.answers["list_assistants"] = EMPTY
    async with http.get(f"/v1/assistants?{query}") as response:
        assert response.status == 200
    asked = api.calls[0][1][0]
    assert (asked.after, asked.before) == (None, None)


async def test_nesting_is_bounded(api: RecordingAPI, http: aiohttp.ClientSession) -> None:
    def assistant(levels: int) -> dict[str, Any]:
        schema: dict[str, Any] = {}
        for _ in range(levels):
            schema = {"items": schema}
        function = {"name": "f", "parameters": schema}
        return {"model": "m", "tools": [{"type": "function", "function": function}]}

    api.answers["create_assistant"] = EMPTY
    limit = Limits().nesting
    async with http.post("/v1/assistants", json=assistant(limit - 5)) as response:
        assert response.status == 200
    async with http.post("/v1/assistants", json=assistant(limit - 4)) as response:
        error = await refused(response)
    assert f"at most {limit} levels" in error["message"]
    assert len(api.calls) == 1


async def test_many_values_side_by_side_are_not_deep(
    api: RecordingAPI, http: aiohttp.ClientSession
) -> None:
    api.answers["create_thread"] = EMPTY
    messages = [{"role": "user", "content": "x"} for _ in range(500)]
    async with http.post("/v1/threads", json={"messages": messages}) as response:
        assert response.status == 200


async def test_an_unknown_field_is_named(api: RecordingAPI, http: aiohttp.ClientSession) -> None:
    body = {"assistant_id": "a", "thread": {"messages": [{"role": "user", "file_ids": []}]}}
    async with http.post("/v1/threads/runs", json=body) as response:
        error = await refused(response)
    assert error["message"] == "Unknown parameter: 'thread.messages[0].file_ids'."
    assert error["param"] == "thread.messages[0].file_ids"
    assert api.calls == []


@pytest.mark.parametrize("value", ["yes", 1, [], {}])
async def test_stream_is_true_or_false(http: aiohttp.ClientSession, value: object) -> None:
    body = {"assistant_id": "a", "stream": value}
    for path in ("/v1/threads/t/runs", "/v1/threads/runs"):
        async with http.post(path, json=body) as response:
            error = await refused(response)
        assert error["param"] == "stream"
        assert "Invalid type for 'stream'" in error["message"]


async def test_stream_is_refused_where_nothing_streams(http: aiohttp.ClientSession) -> None:
    async with http.post("/v1/threads", json={"stream": True}) as response:
        assert (await refused(response))["message"] == "Unknown parameter: 'stream'."


async def test_a_body_over_the_bound_is_refused(api: RecordingAPI) -> None:
    server = Server(lambda _project: api.api, keys={}, port=0, limits=Limits(body=1000))
    await server.start()
    api.answers["create_thread"] = EMPTY
    try:
        async with aiohttp.ClientSession(headers=BETA) as session:
            padding = b" " * 998
            async with session.post(f"{server.url}/threads", data=b"{}" + padding) as response:
                assert response.status == 200
            async with session.post(f"{server.url}/threads", data=b"{}" + padding + b" ") as answer:
                error = await refused(answer, 413)
            assert "at most 1000 bytes" in error["message"]
            bomb = zlib.compress(b" " * 1_000_000)
            async with session.post(
                f"{server.url}/threads", data=bomb, headers={"Content-Encoding": "deflate"}
            ) as answer:
                await refused(answer, 413)
    finally:
        await server.stop()


async def test_a_body_that_does_not_match_its_encoding_is_refused(
    http: aiohttp.ClientSession,
) -> None:
    headers = {"Content-Encoding": "gzip"}
    async with http.post("/v1/threads", data=b"not gzip", headers=headers) as response:
        assert response.status == 400
        assert (await refused(response))["code"] == "invalid_body"


async def test_an_empty_body_is_an_empty_request(
    api: RecordingAPI, http: aiohttp.ClientSession
) -> None:
    api.answers["create_thread"] = run()
    for body in (b"", b"  \n"):
        async with http.post("/v1/threads", data=body) as response:
            assert response.status == 200
    async with http.post("/v1/threads/t/runs", data=b"") as response:
        error = await refused(response)
    assert error["message"] == "Missing required parameter: 'assistant_id'."
