"""What the client sends."""

import aiohttp
import pytest

from bot.assistants.errors import APIError
from bot.assistants.schema.objects import Deleted
from bot.assistants.schema.requests import (
    CreateMessage,
    CreateRun,
    CreateThread,
    ModifyAssistant,
    Page,
)
from bot.client import Client
from tests.client.objects import page
from tests.client.scripted import ScriptedServer, answers
from tests.support.objects import run


async def test_a_request_carries_key_and_version(server: ScriptedServer, client: Client) -> None:
    server.then(answers(run()))
    await client.retrieve_run("thread_1", "run_1")
    (asked,) = server.asked
    assert asked.headers["Authorization"] == "Bearer sk-secret"
    assert asked.headers["OpenAI-Beta"] == "assistants=v2"
    assert (asked.method, asked.path) == ("GET", "/threads/thread_1/runs/run_1")


async def test_without_a_key_none_is_sent(server: ScriptedServer) -> None:
    server.then(answers(page()))
    async with Client(server.url) as client:
        await client.list_assistants()
    assert "Authorization" not in server.asked[0].headers


async def test_only_the_given_fields_are_sent(server: ScriptedServer, client: Client) -> None:
    server.then(answers(run()), answers({"id": "a", "created_at": 1, "model": "m"}))
    await client.create_run("thread_1", CreateRun(assistant_id="asst_1", temperature=0.5))
    await client.modify_assistant("a", ModifyAssistant(name=None))
    assert server.asked[0].body == {"assistant_id": "asst_1", "temperature": 0.5}
    assert server.asked[1].body == {"name": None}


async def test_pages_and_filters_are_spelled_as_the_api_has_them(
    server: ScriptedServer, client: Client
) -> None:
    server.then(answers(page()), answers(page()), answers(page()))
    part = Page(limit=5, order="asc", after="a&b", before="ü")
    await client.list_messages("t", part, run_id="run_1")
    await client.list_steps("t", "r", include=("x[*]",))
    await client.list_runs("t")
    assert dict(server.asked[0].request.query) == {
        "limit": "5",
        "order": "asc",
        "after": "a&b",
        "before": "ü",
        "run_id": "run_1",
    }
    assert server.asked[1].request.query.getall("include[]") == ["x[*]"]
    assert server.asked[2].query == ""


@pytest.mark.parametrize(
    ("id_", "path"),
    [("a/b", "/threads/a%2Fb"), ("a?b#c", "/threads/a%3Fb%23c"), ("ü %", "/threads/%C3%BC%20%25")],
)
async def test_an_id_cannot_change_the_path(
    server: ScriptedServer, client: Client, id_: str, path: str
) -> None:
    server.then(answers(Deleted(id_, "thread.deleted")))
    await client.delete_thread(id_)
    assert server.asked[0].path == path


@pytest.mark.parametrize("id_", ["", ".", ".."])
async def test_an_impossible_id_is_not_found_without_a_request(
    server: ScriptedServer, client: Client, id_: str
) -> None:
    with pytest.raises(APIError, match="No thread found with id") as caught:
        await client.retrieve_thread(id_)
    assert caught.value.status == 404
    assert server.asked == []


async def test_a_large_request_is_sent_whole(server: ScriptedServer, client: Client) -> None:
    thread = {"id": "thread_1", "created_at": 1}
    server.then(answers(thread))
    messages = tuple(CreateMessage(role="user", content="x" * 250_000) for _ in range(8))
    await client.create_thread(CreateThread(messages=messages))
    assert len(server.asked[0].body["messages"]) == 8


async def test_text_that_is_no_unicode_is_refused_here(client: Client) -> None:
    with pytest.raises(APIError, match="not valid Unicode"):
        await client.create_thread(CreateThread(metadata={"k": "\ud800"}))


@pytest.mark.parametrize(
    "url", ["", "localhost:8765", "ftp://host/v1", "http://", "http://host/v1?key=1"]
)
def test_an_invalid_base_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not the base URL of a server"):
        Client(url)


async def test_connections_are_used_again(server: ScriptedServer, client: Client) -> None:
    for _ in range(3):
        server.then(answers(run()))
        await client.retrieve_run("t", "r")
    assert len(server.connections) == 1


async def test_a_session_of_somebody_elses_is_used_and_left_open(server: ScriptedServer) -> None:
    server.then(answers(page()), answers(page()))
    async with aiohttp.ClientSession(headers={"X-Theirs": "1"}) as session:
        async with Client(server.url, "sk-secret", session=session) as client:
            await client.list_assistants()
        assert not session.closed
    assert server.asked[0].headers["X-Theirs"] == "1"
    assert server.asked[0].headers["Authorization"] == "Bearer sk-secret"
