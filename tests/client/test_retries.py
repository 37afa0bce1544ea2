"""Requests are sent again only where that can't do a thing twice."""

import socket

import pytest

from bot.assistants.errors import APIError, UnreachableError
from bot.assistants.schema.objects import Deleted
from bot.assistants.schema.requests import CreateThread
from bot.client import Client
from tests.client.objects import page
from tests.client.scripted import Answer, ScriptedServer, answers, hangs_up, refuses
from tests.support.fake_clock import FakeClock
from tests.support.objects import run

THREAD = {"id": "thread_1", "created_at": 1}


@pytest.mark.parametrize(
    "fault",
    [
        hangs_up(),
        hangs_up(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
        hangs_up(b"no http at all\r\n\r\n"),
        refuses(429),
        refuses(500),
        refuses(503),
        answers(b"<h1>Bad Gateway</h1>", 502),
    ],
    ids=["hangs up", "cut", "nonsense", "429", "500", "503", "502"],
)
async def test_reading_is_tried_again(
    server: ScriptedServer, client: Client, fault: Answer
) -> None:
    server.then(fault, answers(run()))
    assert await client.retrieve_run("thread_1", "run_1") == run()
    assert len(server.asked) >= 2


async def test_retries_end(server: ScriptedServer, client: Client, clock: FakeClock) -> None:
    server.then(*[refuses(503, "Busy.")] * 10)
    with pytest.raises(APIError, match="Busy") as caught:
        await client.list_assistants()
    assert caught.value.status == 503
    assert 2 <= len(server.asked) <= 5
    assert len(clock.slept) == len(server.asked) - 1


async def test_the_server_says_when_to_come_again(
    server: ScriptedServer, client: Client, clock: FakeClock
) -> None:
    server.then(refuses(429, headers={"Retry-After": "3"}), answers(page()))
    await client.list_assistants()
    assert clock.slept[0] >= 3


@pytest.mark.parametrize(
    "fault",
    [refuses(429), refuses(503, headers={"Retry-After": "0"})],
    ids=["429", "503 with Retry-After"],
)
async def test_a_creation_that_did_not_take_place_is_tried_again(
    server: ScriptedServer, client: Client, fault: Answer
) -> None:
    server.then(fault, answers(THREAD))
    assert (await client.create_thread(CreateThread())).id == "thread_1"
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "fault",
    [hangs_up(), refuses(500), refuses(503), refuses(408), refuses(409), refuses(400)],
    ids=["hangs up", "500", "503", "408", "409", "400"],
)
async def test_a_creation_that_may_have_taken_place_is_not(
    server: ScriptedServer, client: Client, fault: Answer
) -> None:
    server.then(fault, answers(THREAD))
    with pytest.raises(APIError):
        await client.create_thread(CreateThread())
    assert len(server.asked) == 1


async def test_where_nobody_listens_even_a_creation_is_tried_again(clock: FakeClock) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]  # held, so that no other process listens there
        async with Client(f"http://127.0.0.1:{port}/v1", clock=clock) as client:
            with pytest.raises(UnreachableError, match="The request was not made"):
                await client.create_thread(CreateThread())
    assert clock.slept


async def test_a_deletion_whose_answer_was_lost_is_no_failure(
    server: ScriptedServer, client: Client
) -> None:
    # aiohttp itself sends a cut DELETE once more; the last answer is what counts.
    server.then(hangs_up(), hangs_up(), refuses(404, "No thread found with id 'thread_1'."))
    assert await client.delete_thread("thread_1") == Deleted("thread_1", "thread.deleted")


async def test_deleting_a_missing_object_is_an_error(
    server: ScriptedServer, client: Client
) -> None:
    server.then(refuses(404, "No thread found with id 'thread_1'."))
    with pytest.raises(APIError, match="No thread found"):
        await client.delete_thread("thread_1")


async def test_a_refusal_is_not_tried_again(server: ScriptedServer, client: Client) -> None:
    server.then(refuses(404, "No run found with id 'run_1'."))
    with pytest.raises(APIError):
        await client.retrieve_run("thread_1", "run_1")
    assert len(server.asked) == 1
