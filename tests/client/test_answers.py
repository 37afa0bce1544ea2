"""What servers answer: the API's objects and errors, and what they add, leave out or break."""

import asyncio
import json
import socket
from typing import Any

import msgspec
import pytest

from bot.assistants.errors import APIError, UnreachableError
from bot.assistants.schema.content import TextPart, TextValue
from bot.assistants.schema.requests import CreateThread
from bot.client import Client, ClientTimeouts
from bot.runtime.retry import RetryPolicy
from tests.client.objects import message
from tests.client.scripted import ScriptedServer, answers, hangs_up, refuses
from tests.support.fake_clock import FakeClock
from tests.support.objects import run

RUN: dict[str, Any] = msgspec.to_builtins(run("completed"))


async def test_unknown_fields_are_ignored(server: ScriptedServer, client: Client) -> None:
    server.then(answers({**RUN, "colour": "red", "usage": None, "shared_by": {"x": [1]}}))
    assert await client.retrieve_run("thread_1", "run_1") == run("completed")


async def test_the_models_of_a_server_are_listed_by_name(
    server: ScriptedServer, client: Client
) -> None:
    entries = [{"id": "a", "object": "model"}, {"id": ""}, {"id": 5}, {"name": "b"}, {"id": "c"}]
    server.then(answers({"object": "list", "data": entries}), answers({"object": "list"}))
    assert await client.list_models() == ("a", "c")
    assert await client.list_models() == ()


async def test_tools_and_parts_of_unknown_kinds_are_left_out(
    server: ScriptedServer, client: Client
) -> None:
    known = {"type": "function", "function": {"name": "f"}}
    tools = [{"type": "bing_grounding", "bing": {}}, known]
    raw = msgspec.to_builtins(message())
    raw["content"] = [{"type": "hologram", "hologram": 1}, *raw["content"]]
    server.then(answers({**RUN, "tools": tools}), answers(raw))
    found = await client.retrieve_run("thread_1", "run_1")
    assert [msgspec.to_builtins(tool) for tool in found.tools] == [known]
    assert (await client.retrieve_message("t", "m")).content == (TextPart(TextValue("one two")),)


async def test_null_where_the_api_has_text_is_forgiven(
    server: ScriptedServer, client: Client
) -> None:
    server.then(answers({**RUN, "instructions": None, "parallel_tool_calls": None}))
    found = await client.retrieve_run("thread_1", "run_1")
    assert (found.instructions, found.parallel_tool_calls) == ("", True)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>Welcome</html>", "not JSON that can be read"),
        (b"", "not JSON that can be read"),
        (b"[" * 100_000, "while deserializing an object"),
        (b"\xff", "not JSON that can be read"),
        (b"[]", "of another shape"),
        (b"null", "of another shape"),
        (b"{}", "required field `id`"),
        (json.dumps({**RUN, "status": "bored"}).encode(), "$.status"),
        (json.dumps({**RUN, "created_at": "now"}).encode(), "$.created_at"),
        (json.dumps({**RUN, "last_error": {"code": 3}}).encode(), "$.last_error"),
    ],
    ids=lambda value: str(value)[:24],
)
async def test_a_response_without_a_required_field_is_a_clear_error(
    server: ScriptedServer, client: Client, body: bytes, said: str
) -> None:
    server.then(answers(body))
    with pytest.raises(APIError) as caught:
        await client.retrieve_run("thread_1", "run_1")
    assert caught.value.status == 502
    assert caught.value.code == "invalid_response"
    assert said in caught.value.message
    assert f"127.0.0.1:{server.port}" in caught.value.message


async def test_an_answer_too_large_is_a_clear_error(server: ScriptedServer) -> None:
    server.then(answers({**RUN, "instructions": "x" * 5000}))
    async with Client(server.url, max_body=4000) as client:
        with pytest.raises(APIError, match="larger than 4000 bytes"):
            await client.retrieve_run("thread_1", "run_1")


async def test_the_servers_own_error_comes_through(server: ScriptedServer, client: Client) -> None:
    server.then(refuses(400, "No.", param="metadata", code="c", headers={"Retry-After": "7"}))
    with pytest.raises(APIError) as caught:
        await client.create_thread(CreateThread())
    error = caught.value
    assert (error.status, error.message, error.param, error.code) == (400, "No.", "metadata", "c")
    assert error.body.type == "invalid_request_error"
    assert error.retry_after == 7


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (404, b"<h1>Not Found</h1>", "answered 404, not as the Assistants API does"),
        (422, b'{"detail": [{"msg": "field required"}]}', "field required"),
        (400, b'{"error": "just words"}', "just words"),
        (400, b'{"error": {"code": "BadThing", "message": "Told so."}}', "Told so."),
        (400, b'{"error": {"message": 3}}', "answered 400"),
        (401, b"", "answered 401"),
    ],
)
async def test_errors_of_other_shapes_are_read_too(
    server: ScriptedServer, client: Client, status: int, body: bytes, said: str
) -> None:
    server.then(answers(body, status))
    with pytest.raises(APIError) as caught:
        await client.create_thread(CreateThread())
    assert not isinstance(caught.value, UnreachableError)
    assert caught.value.status == status
    assert said in caught.value.message


async def test_a_redirect_is_not_followed_and_says_where_to(
    server: ScriptedServer, client: Client
) -> None:
    server.then(answers(b"", 307, headers={"Location": "https://elsewhere.example/v1/threads"}))
    with pytest.raises(APIError, match=r"moved to https://elsewhere\.example") as caught:
        await client.create_thread(CreateThread())
    assert caught.value.status == 502
    assert len(server.asked) == 1


async def test_a_server_that_repeats_the_key_does_not_get_it_into_an_error(
    server: ScriptedServer, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "bot")
    server.then(
        refuses(401, "Incorrect API key provided: sk-secret."),
        answers(b"who is sk-secret", 404),
        answers(b"", 301, headers={"Location": "http://x/?key=sk-secret"}),
    )
    for _ in range(3):
        with pytest.raises(APIError) as caught:
            await client.create_thread(CreateThread())
        assert "sk-secret" not in str(caught.value)
    assert "sk-secret" not in caplog.text


async def test_a_password_in_the_address_is_in_no_error() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]  # held, so that no other process listens there
        once = RetryPolicy(attempts=1)
        async with Client(f"http://me:hush@127.0.0.1:{port}/v1", retries=once) as client:
            with pytest.raises(UnreachableError) as caught:
                await client.create_thread(CreateThread())
    assert "hush" not in str(caught.value)
    assert f"127.0.0.1:{port}" in str(caught.value)


async def test_a_server_that_does_not_answer_in_time_is_unreachable(
    server: ScriptedServer, clock: FakeClock
) -> None:
    async def never(asked: Any) -> Any:
        await asyncio.Event().wait()

    server.then(never)
    timeouts = ClientTimeouts(answer=0.05)
    async with Client(server.url, timeouts=timeouts, clock=clock) as client:
        with pytest.raises(UnreachableError, match="did not answer in time"):
            await client.create_thread(CreateThread())


@pytest.mark.parametrize(
    "before",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"],
    ids=["before the answer", "within the answer"],
)
async def test_what_a_cut_connection_leaves_unknown_is_said_to_be(
    server: ScriptedServer, client: Client, before: bytes
) -> None:
    server.then(hangs_up(before))
    with pytest.raises(UnreachableError, match="Whether the request took place is unknown"):
        await client.create_thread(CreateThread())
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504, 524])
async def test_a_gateways_error_page_leaves_a_creation_unknown(
    server: ScriptedServer, client: Client, status: int
) -> None:
    server.then(answers(b"<h1>Bad Gateway</h1>", status, content_type="text/html"))
    with pytest.raises(UnreachableError, match="is unknown"):
        await client.create_thread(CreateThread())
    assert len(server.asked) == 1
