"""Files on their way to and from a server elsewhere."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bot.assistants.errors import APIError, UnreachableError
from bot.assistants.events import StreamEvent
from bot.assistants.schema.chunking import AutoChunking
from bot.assistants.schema.files import File, FileExpiration, FilePage, UploadFile
from bot.assistants.schema.objects import ToolResources
from bot.assistants.schema.requests import (
    CreateAssistant,
    CreateRun,
    NewCodeInterpreterResources,
    NewFileSearchResources,
    NewToolResources,
    NewVectorStore,
)
from bot.assistants.schema.vector_stores import (
    CreateFileBatch,
    CreateVectorStore,
    CreateVectorStoreFile,
    ModifyVectorStoreFile,
    SearchRanking,
    SearchVectorStore,
    StoreFilePage,
)
from bot.client import Client, ClientTimeouts
from bot.runtime.retry import RetryPolicy
from tests.client.objects import page
from tests.client.scripted import Asked, ScriptedServer, answers, hangs_up, refuses, streams
from tests.support.files import content, pieces
from tests.support.objects import run

ASKED = UploadFile(filename='a "b".txt', purpose="assistants")
MADE = File(id="file-1", bytes=6, created_at=1, filename="a.txt", purpose="assistants")
STORE = {"id": "vs_1", "created_at": 1}
IN_STORE = {"id": "file-1", "created_at": 1, "vector_store_id": "vs_1"}
BATCH = {"id": "vsfb_1", "created_at": 1, "vector_store_id": "vs_1"}
AGAIN = RetryPolicy(attempts=3, first_delay=0.001, longest_delay=0.001)


async def test_an_upload_is_multipart_with_its_fields_first(
    server: ScriptedServer, client: Client
) -> None:
    server.then(answers(MADE))
    after = FileExpiration(anchor="created_at", seconds=3600)
    asked = UploadFile(filename='a "b" ü.txt', purpose="vision", expires_after=after)
    assert await client.upload_file(asked, pieces(b"one ", b"two")) == MADE
    (request,) = server.asked
    assert (request.method, request.path) == ("POST", "/files")
    assert request.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert isinstance(request.body, bytes)
    names = [line for line in request.body.split(b"\r\n") if b"Content-Disposition" in line]
    assert names == [
        b'Content-Disposition: form-data; name="purpose"',
        b'Content-Disposition: form-data; name="expires_after[anchor]"',
        b'Content-Disposition: form-data; name="expires_after[seconds]"',
        'Content-Disposition: form-data; name="file"; filename="a %22b%22 ü.txt"'.encode(),
    ]
    assert b"\r\n\r\none two\r\n--" in request.body


async def test_what_the_content_raises_is_raised(server: ScriptedServer, client: Client) -> None:
    class TornError(Exception):
        pass

    async def torn() -> AsyncIterator[bytes]:
        yield b"x" * 100_000
        raise TornError

    server.then(answers(MADE))
    with pytest.raises(TornError):
        await client.upload_file(ASKED, torn())


async def test_an_upload_is_never_sent_twice(server: ScriptedServer) -> None:
    server.then(hangs_up(), refuses(503, headers={"Retry-After": "0"}), refuses(429))
    async with Client(server.url, retries=AGAIN) as client:
        for _ in range(3):
            with pytest.raises(APIError):
                await client.upload_file(ASKED, pieces(b"x"))
    assert len(server.asked) == 3


async def test_an_upload_that_never_left_is_tried_again() -> None:
    async with ScriptedServer() as server:
        url = server.url
    opened = 0

    async def unread() -> AsyncIterator[bytes]:
        nonlocal opened
        opened += 1
        yield b"x"

    async with Client(url, retries=AGAIN) as client:
        with pytest.raises(UnreachableError, match="The request was not made"):
            await client.upload_file(ASKED, unread())
    assert opened == 0


async def test_a_wrong_upload_is_refused_before_anything_is_sent(
    server: ScriptedServer, client: Client
) -> None:
    wrong = UploadFile(filename="", purpose="assistants")
    with pytest.raises(APIError) as caught:
        await client.upload_file(wrong, pieces(b"x"))
    assert caught.value.param == "filename"
    assert server.asked == []


async def test_content_comes_piece_by_piece(server: ScriptedServer, client: Client) -> None:
    server.then(answers(b"a" * 3_000_000, content_type="application/octet-stream"))
    sizes = []
    async with await client.file_content("file-1") as found:
        sizes.extend([len(piece) async for piece in found])
    assert sum(sizes) == 3_000_000
    assert len(sizes) > 1
    assert (server.asked[0].path, server.asked[0].headers["Accept"]) == (
        "/files/file-1/content",
        "*/*",
    )


async def test_content_that_is_cut_is_no_whole_file(server: ScriptedServer, client: Client) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"
    server.then(hangs_up(head))
    with pytest.raises(UnreachableError):
        await content(client, "file-1")


async def test_content_that_stalls_is_given_up(server: ScriptedServer) -> None:
    async def stalls(asked: Asked) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(asked.request)
        await response.write(b"a")
        await asyncio.Event().wait()
        return response

    server.then(stalls)
    async with Client(server.url, timeouts=ClientTimeouts(silence=0.05)) as client:
        with pytest.raises(UnreachableError, match="did not answer in time"):
            await content(client, "file-1")


async def test_only_the_given_fields_are_sent(server: ScriptedServer, client: Client) -> None:
    server.then(*[answers(STORE)] * 2, *[answers(IN_STORE)] * 2, *[answers(BATCH)] * 2)
    await client.create_vector_store(CreateVectorStore())
    await client.create_vector_store(
        CreateVectorStore(file_ids=("file-1",), chunking_strategy=AutoChunking())
    )
    await client.create_store_file("vs_1", CreateVectorStoreFile(file_id="file-1"))
    await client.modify_store_file("vs_1", "file-1", ModifyVectorStoreFile(attributes=None))
    await client.create_file_batch("vs_1", CreateFileBatch(file_ids=("file-1",)))
    both = CreateFileBatch(files=(CreateVectorStoreFile(file_id="f", attributes={"a": 1}),))
    await client.create_file_batch("vs_1", both)
    assert [asked.body for asked in server.asked] == [
        {},
        {"file_ids": ["file-1"], "chunking_strategy": {"type": "auto"}},
        {"file_id": "file-1"},
        {"attributes": None},
        {"file_ids": ["file-1"]},
        {"files": [{"file_id": "f", "attributes": {"a": 1}}]},
    ]


async def test_tool_resources_are_sent_with_the_given_fields_only(
    server: ScriptedServer, client: Client
) -> None:
    made = {"id": "asst_1", "created_at": 1, "model": "m"}
    server.then(*[answers(made)] * 3)
    for resources in (
        NewToolResources(code_interpreter=NewCodeInterpreterResources(file_ids=("file-1",))),
        NewToolResources(file_search=NewFileSearchResources(vector_store_ids=("vs_1",))),
        NewToolResources(
            file_search=NewFileSearchResources(vector_stores=(NewVectorStore(file_ids=("f",)),))
        ),
    ):
        found = await client.create_assistant(CreateAssistant(model="m", tool_resources=resources))
        assert found.tool_resources in (None, ToolResources())
    assert [asked.body["tool_resources"] for asked in server.asked] == [
        {"code_interpreter": {"file_ids": ["file-1"]}},
        {"file_search": {"vector_store_ids": ["vs_1"]}},
        {"file_search": {"vector_stores": [{"file_ids": ["f"]}]}},
    ]


async def test_a_search_is_sent_as_asked(server: ScriptedServer, client: Client) -> None:
    found = {"search_query": ["q"], "data": [], "has_more": False, "next_page": None}
    server.then(answers(found))
    ranking = SearchRanking(score_threshold=0.5)
    filters = {"type": "eq", "key": "a", "value": 1}
    request = SearchVectorStore(query="q", filters=filters, ranking_options=ranking)
    assert (await client.search_vector_store("vs_1", request)).search_query == ("q",)
    assert server.asked[0].body == {
        "query": "q",
        "filters": filters,
        "ranking_options": {"score_threshold": 0.5},
    }


async def test_pages_of_files_are_spelled_as_the_api_has_them(
    server: ScriptedServer, client: Client
) -> None:
    server.then(*[answers(page())] * 4)
    await client.list_files()
    await client.list_files(FilePage(limit=5, purpose="vision"))
    asked = StoreFilePage(filter="failed", order="asc")
    await client.list_store_files("vs_1", asked)
    await client.list_store_files("vs_1", batch_id="vsfb_1")
    assert [(each.path.partition("?")[0], each.query) for each in server.asked] == [
        ("/files", ""),
        ("/files", "limit=5&purpose=vision"),
        ("/vector_stores/vs_1/files", "order=asc&filter=failed"),
        ("/vector_stores/vs_1/file_batches/vsfb_1/files", ""),
    ]


async def test_a_stream_sends_its_include_parameter(server: ScriptedServer, client: Client) -> None:
    """Also where the stream is cut and the rest is asked for."""
    server.then(
        streams(StreamEvent("thread.run.created", run()), cut=True),
        answers(run("completed", started_at=1)),
        answers(page()),
        answers(page()),
    )
    events = await client.stream_run("thread_1", CreateRun(assistant_id="a"), include=("x[*]",))
    assert [event.event async for event in events][-1] == "thread.run.completed"
    asked = {each.path.partition("?")[0]: each.request.query for each in server.asked}
    assert asked["/threads/thread_1/runs"].getall("include[]") == ["x[*]"]
    assert asked["/threads/thread_1/runs/run_1/steps"].getall("include[]") == ["x[*]"]
