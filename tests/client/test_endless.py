"""What never ends at a server elsewhere: a beginning, a stream, a list, a body out of joint."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bot.assistants.errors import APIError, ErrorBody, UnreachableError
from bot.assistants.events import StreamEvent
from bot.assistants.schema.objects import LastError
from bot.assistants.schema.requests import CreateRun, CreateThread
from bot.client import Client, ClientTimeouts
from bot.runtime.clock import SystemClock
from tests.client.objects import message, page, step
from tests.client.scripted import Answer, Asked, ScriptedServer, answers, event, streams
from tests.support.assistants import collected, names
from tests.support.eventually import eventually
from tests.support.fake_clock import FakeClock, ShiftedClock, pass_loop_time
from tests.support.objects import run

ASK = CreateRun(assistant_id="asst_1")
CREATED = StreamEvent("thread.run.created", run())
BEGINNING = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
SECRET = "sk-secret"
WITHOUT_EVENT = 500
"""The speed of a clock on which 90 s without an event pass in 0.18 s; each byte has 90 s whole."""


def writes(
    begin: bytes, *, piece: bytes = b"", every: float = 0.02, after: asyncio.Event | None = None
) -> Answer:
    """Write these bytes, and a piece every so many seconds until nobody reads any more."""

    async def answer(asked: Asked) -> web.StreamResponse:
        transport = asked.request.transport
        assert isinstance(transport, asyncio.Transport)
        transport.write(begin)
        if after is not None:
            await after.wait()
        left = asyncio.Event()

        def write_on() -> None:
            if transport.is_closing():
                left.set()
            else:
                transport.write(piece)
                asyncio.get_running_loop().call_later(every, write_on)

        write_on()
        await left.wait()
        return web.Response()

    return answer


def in_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.fixture
async def hasty(server: ScriptedServer) -> AsyncIterator[Client]:
    """A client that waits a fifth of a second for anything."""
    timeouts = ClientTimeouts(answer=0.2, silence=0.2)
    async with Client(server.url, SECRET, timeouts=timeouts, clock=SystemClock()) as client:
        yield client


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (BEGINNING, b"X-Wait: 1\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
        (b"HTTP/1.1 500 No\r\nContent-Length: 9999\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", b" "),
    ],
    ids=["headers", "early hints", "error", "run"],
)
async def test_a_stream_whose_beginning_never_ends_is_given_up(
    server: ScriptedServer, hasty: Client, begin: bytes, piece: bytes
) -> None:
    server.then(writes(begin, piece=piece))
    with pytest.raises(UnreachableError, match="did not answer in time"):
        await hasty.stream_run("thread_1", ASK)


async def test_a_stream_that_never_names_its_run_is_given_up(server: ScriptedServer) -> None:
    server.then(writes(BEGINNING + b"\r\n", piece=in_chunk(b": still here\n\n")))
    async with Client(server.url, clock=ShiftedClock(speed=WITHOUT_EVENT)) as client:
        with pytest.raises(UnreachableError, match="no event came for too long"):
            await collected(await client.stream_run("thread_1", ASK))


async def test_a_stream_that_only_keeps_open_is_left_once_its_run_has_ended(
    server: ScriptedServer,
) -> None:
    begin = BEGINNING + b"\r\n" + in_chunk(event(CREATED))
    server.then(
        writes(begin, piece=in_chunk(b": still here\n\n")),
        answers(run("in_progress")),
        answers(run("completed")),
        answers(run("completed")),
        answers(page(step())),
        answers(page(message())),
    )
    async with Client(server.url, clock=ShiftedClock(speed=WITHOUT_EVENT)) as client:
        events = await collected(await client.stream_run("thread_1", ASK))
    assert names(events) == [
        "thread.run.created",
        "thread.message.completed",
        "thread.run.step.completed",
        "thread.run.completed",
    ]


@pytest.mark.parametrize("garbage", [b"zz\r\n", b"5\r\nhelloX", b"f" * 30 + b"\r\n"])
async def test_behind_a_chunk_of_no_size_the_run_is_polled(
    server: ScriptedServer, clock: FakeClock, garbage: bytes
) -> None:
    read = asyncio.Event()
    server.then(
        writes(BEGINNING + b"\r\n" + in_chunk(event(CREATED)), piece=garbage, after=read),
        answers(run("completed")),
        answers(page()),
        answers(page()),
    )
    async with Client(server.url, timeouts=ClientTimeouts(silence=30), clock=clock) as client:
        events = await client.stream_run("thread_1", ASK)
        assert await anext(events) == CREATED
        rest = asyncio.create_task(collected(events))
        read.set()
        await pass_loop_time(31)
        assert names(await rest) == ["thread.run.completed"]


async def test_a_whole_answer_with_a_chunk_of_no_size_is_given_up(
    server: ScriptedServer, hasty: Client
) -> None:
    server.then(writes(BEGINNING + b"\r\n" + in_chunk(b"{"), piece=b"zz\r\n"))
    with pytest.raises(UnreachableError):
        await hasty.create_thread(CreateThread())


async def test_a_whole_response_that_does_not_come_is_not_requested_again(
    server: ScriptedServer, client: Client
) -> None:
    server.then(writes(b""))
    asking = asyncio.create_task(client.retrieve_thread("thread_1"))
    await eventually(lambda: server.asked)
    await pass_loop_time(ClientTimeouts().answer)
    with pytest.raises(UnreachableError, match="did not answer in time"):
        await asking
    assert len(server.asked) == 1


async def test_lists_that_turn_no_pages_come_to_an_end(
    server: ScriptedServer, client: Client
) -> None:
    steps = answers(page(step(), has_more=True))
    messages = answers(page(message(), has_more=True))
    server.then(answers(run("completed")), steps, steps, messages, messages)
    events = await collected(await client.stream_run("thread_1", ASK))
    assert names(events) == [
        "thread.run.created",
        "thread.message.completed",
        "thread.run.step.completed",
        "thread.run.completed",
    ]


async def test_lists_with_ever_more_pages_come_to_an_end(
    server: ScriptedServer, client: Client
) -> None:
    count = itertools.count()

    async def more(asked: Asked) -> web.StreamResponse:
        last = message(id_=f"msg_{next(count)}")
        return await answers(page(last, has_more=True))(asked)

    server.then(answers(run("completed")), answers(page()), *[more] * 1_000)
    events = await collected(await client.stream_run("thread_1", ASK))
    assert events[-1].event == "thread.run.completed"
    assert len(server.asked) < 1_000


async def test_a_server_that_wants_no_pause_gets_one(
    server: ScriptedServer, client: Client, clock: FakeClock
) -> None:
    at_once = {"openai-poll-after-ms": "0"}
    server.then(
        streams(CREATED, cut=True),
        answers(run(), headers=at_once),
        answers(run(), headers={"openai-poll-after-ms": "9" * 5_000}),
        answers(run("completed")),
        answers(page()),
        answers(page()),
    )
    await collected(await client.stream_run("thread_1", ASK))
    assert clock.slept == [0.1, 1.0]


async def test_no_error_of_a_run_or_a_stream_repeats_the_key(
    server: ScriptedServer, client: Client
) -> None:
    wrong = run("failed", last_error=LastError(SECRET, f"{SECRET} is wrong"))
    failed = b"event: error\ndata: " + b'{"error": {"message": "sk-secret is wrong"}}' + b"\n\n"
    server.then(streams(failed), answers(wrong), answers(page(wrong)))
    events = await collected(await client.stream_run("thread_1", ASK))
    assert [each.data for each in events] == [ErrorBody("*** is wrong")]
    clean = LastError("***", "*** is wrong")
    assert (await client.retrieve_run("thread_1", "run_1")).last_error == clean
    assert [each.last_error for each in (await client.list_runs("thread_1")).data] == [clean]


async def test_the_key_does_not_go_where_a_redirect_points(server: ScriptedServer) -> None:
    async with ScriptedServer() as elsewhere, Client(server.url, SECRET) as client:
        elsewhere.then(*[answers(run())] * 9)
        for status in (301, 302, 303, 307, 308):
            server.then(answers(b"", status, headers={"Location": f"{elsewhere.url}/threads"}))
            with pytest.raises(APIError, match="moved to"):
                await client.create_thread(CreateThread())
        assert elsewhere.asked == []
