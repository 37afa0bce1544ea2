"""What a run and its readers come to when things go as wrong as they can."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from aiohttp import web

from bot.assistants.api import EventStream
from bot.assistants.errors import APIError
from bot.assistants.schema.content import TextPart
from bot.assistants.schema.files import UploadFile
from bot.assistants.schema.requests import (
    CreateMessage,
    CreateRun,
    ModifyMessage,
    NewFileSearchResources,
    NewToolResources,
    Page,
    SubmitToolOutputs,
    ToolOutput,
)
from bot.assistants.schema.tools import (
    CodeInterpreterTool,
    FileSearchTool,
    FunctionDefinition,
    FunctionTool,
    Tool,
)
from bot.assistants.schema.vector_stores import CreateVectorStore, StoreExpiration
from bot.engine import EngineOptions
from bot.store.engine import EngineStore
from tests.engine.run.test_responses import engine_on, start_run, until
from tests.support.assistants import House, Way, house, text_of
from tests.support.databases import execute
from tests.support.eventually import PATIENCE, eventually
from tests.support.model_endpoint import ScriptedModel
from tests.support.responses_endpoint import ScriptedResponses
from tests.support.responses_turns import Call, Code, End, Reply, Say
from tests.support.troubled_database import troubled_store

OLDEST_FIRST = Page(order="asc")
LOOK_UP = FunctionTool(FunctionDefinition("look_up"))
OUTPUT = SubmitToolOutputs(tool_outputs=(ToolOutput(tool_call_id="call_1", output="y"),))


async def _ends_and_goes_on(home: House, *tools: Tool) -> None:
    thread = await home.thread("question")
    run = await home.run(thread, await home.assistant(tools=tools))
    async with asyncio.timeout(PATIENCE):
        await home.until(run, "completed", "failed", "incomplete")
    await home.api.create_message(thread, CreateMessage(role="user", content="next"))


async def _answer_begun(home: House, thread: str) -> str:
    """Return the id of the answer's message once it has begun."""
    page = await eventually(lambda: home.api.list_messages(thread), lambda page: page.data[1:])
    return page.data[0].id


async def test_a_citation_with_thousands_of_digits_does_not_break_the_run(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        home.model.say("See 【" + "1" * 5000 + ":0†x】")
        await _ends_and_goes_on(home)


@pytest.mark.parametrize("tool", [CodeInterpreterTool(), FileSearchTool()])
@pytest.mark.parametrize(
    "arguments",
    ['{"code": "\\ud800", "queries": ["\\ud800"]}', "[" * 100_000, '{"queries": [1e999]}', "?"],
    ids=["surrogate", "deep", "infinite", "no json"],
)
async def test_malformed_arguments_do_not_break_the_run(
    tmp_path: Path, tool: Tool, arguments: str
) -> None:
    name = "code_interpreter" if isinstance(tool, CodeInterpreterTool) else "file_search"
    async with house(tmp_path, "engine") as home:
        home.model.call_tools((name, arguments))
        home.model.say("done")
        await _ends_and_goes_on(home, tool)


async def _read(events: EventStream) -> list[str]:
    told: list[str] = []
    try:
        async with asyncio.timeout(PATIENCE), aclosing(events):
            async for event in events:
                told.append(event.event)  # noqa: PERF401 - what came before an error counts
    except APIError as error:
        told.append(str(error.status))
    return told


@pytest.mark.parametrize("way", ["engine", "client"])
async def test_the_stream_of_a_run_ends_with_an_error_when_its_thread_is_deleted(
    tmp_path: Path, way: Way
) -> None:
    async with house(tmp_path, way) as home:
        home.model.stall("some")
        thread = await home.thread("question")
        assistant = await home.assistant()
        events = await home.api.stream_run(thread, CreateRun(assistant_id=assistant))
        reading = asyncio.create_task(_read(events))
        await _answer_begun(home, thread)
        await home.api.delete_thread(thread)
        assert (await reading)[-1] == "404"


async def test_an_end_that_the_disk_refuses_is_written_when_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, database = await troubled_store(tmp_path / "engine.db")
    async with house(tmp_path, "engine", store=store) as home:
        gate = home.model.stall("some ", then="more " * 20_000)
        thread = await home.thread("question")
        run = await home.run(thread)
        await _answer_begun(home, thread)
        await database.limit_pages()
        gate.open()
        await eventually(lambda: "can't be stored yet" in caplog.text)
        assert (await home.api.retrieve_run(thread, run.id)).status == "in_progress"
        with pytest.raises(APIError) as refused:
            await home.thread("x" * 200_000)
        assert (refused.value.status, refused.value.code) == (503, "storage_unavailable")
        await database.limit_pages(1_000_000)
        home.clock.advance(10)
        assert (await home.until(run)).status == "completed"
        assert text_of((await home.api.list_messages(thread)).data[0]).count("more") == 20_000


async def test_a_cancellation_is_not_lost_while_the_endpoint_deletes(tmp_path: Path) -> None:
    gate, entered = asyncio.Event(), asyncio.Event()

    class Slow(ScriptedResponses):
        async def _delete(self, request: web.Request) -> web.Response:
            entered.set()
            await gate.wait()
            return await super()._delete(request)

    async with Slow() as endpoint, engine_on(tmp_path, endpoint, background=True) as api:
        endpoint.call_tools(("look_up", {"word": "x"}), ids=["call_1"])
        run = await until(api, await start_run(api, tools=(LOOK_UP,)), "requires_action")
        await asyncio.wait_for(entered.wait(), PATIENCE)
        await api.cancel_run(run.thread_id, run.id)
        await until(api, run, "cancelled")
        gate.set()


@pytest.mark.parametrize("first", ["text", "code"])
async def test_text_that_a_response_wrote_before_a_restart_is_stored_once(
    tmp_path: Path, first: str
) -> None:
    async with ScriptedResponses() as endpoint:
        gate = endpoint.gate()
        if first == "text":
            call = Call("look_up", '{"word": "x"}', "call_1")
            endpoint.then(Reply([Say(["Let me ", "look."]), call, gate, End()]))
        else:
            code = Code("print(6 * 7)", ["42\n"])
            endpoint.then(Reply([code, Say(["It is "]), gate, Say(["42."]), End()]))
        tools = (LOOK_UP,) if first == "text" else (CodeInterpreterTool(),)
        async with engine_on(tmp_path, endpoint, background=True) as before:
            run = await start_run(before, tools=tools)
            await eventually(
                lambda: before.list_steps(run.thread_id, run.id), lambda page: len(page.data) >= 2
            )
        gate.open()
        async with engine_on(tmp_path, endpoint, background=True) as after:
            await until(after, run, "requires_action", "completed")
            steps = (await after.list_steps(run.thread_id, run.id, OLDEST_FIRST)).data
            kinds = ["message_creation", "tool_calls"]
            assert sorted(step.type for step in steps) == kinds
            assert len((await after.list_messages(run.thread_id)).data) == 2


@pytest.mark.parametrize("left", ["cancelling", "expired"])
async def test_a_response_that_nobody_will_read_is_cancelled_there(
    tmp_path: Path, left: str
) -> None:
    async with ScriptedResponses() as endpoint:
        endpoint.stall("half ")
        async with engine_on(tmp_path, endpoint, background=True) as before:
            run = await start_run(before)
            await eventually(
                lambda: before.list_messages(run.thread_id), lambda page: page.data[1:]
            )
        long_ago = "UPDATE runs SET expires_at = 1, body = json_set(body, '$.expires_at', 1)"
        path = tmp_path / "engine.db"
        if left == "cancelling":
            async with await EngineStore.open(path) as store:
                await store.write(lambda tables: tables.move_run("default", run.id, "cancelling"))
        else:
            await execute(path, long_ago)
        async with engine_on(tmp_path, endpoint, background=True):
            async with asyncio.timeout(PATIENCE):
                await endpoint.until_call("POST /responses/resp_0000/cancel")


async def test_a_caller_that_goes_leaves_no_run_that_nobody_executes(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        assistant = await home.assistant()
        threads = [await home.thread("question") for _ in range(20)]
        for number, thread in enumerate(threads):
            request = CreateRun(assistant_id=assistant)
            asking = asyncio.ensure_future(home.api.create_run(thread, request))
            for _ in range(number % 5 + 1):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        for thread in threads:
            for run in (await home.api.list_runs(thread)).data:
                assert (await home.until(run)).status == "completed"


async def test_an_earlier_deadline_is_not_slept_over(tmp_path: Path) -> None:
    model = ScriptedModel()
    model.stall()
    async with house(tmp_path, "engine", model=model) as before:
        await before.run(await before.thread("question"))
        await model.until_request(1)
    model.stall()
    model.stall()
    shorter = EngineOptions(run_expires_after=60)
    async with house(tmp_path, "engine", model=model, options=shorter) as after:
        await model.until_request(2)
        run = await after.run(await after.thread("question"))
        await model.until_request(3)
        await after.until(run, "in_progress")
        after.clock.advance(61)
        await after.until(run, "expired")


async def test_metadata_given_to_a_message_while_it_is_written_stays(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        gate = home.model.stall("some", then="more")
        thread = await home.thread("question")
        run = await home.run(thread)
        message_id = await _answer_begun(home, thread)
        await home.api.modify_message(thread, message_id, ModifyMessage(metadata={"k": "v"}))
        gate.open()
        await home.until(run)
        assert (await home.api.retrieve_message(thread, message_id)).metadata == {"k": "v"}


async def test_a_file_that_code_made_is_linked_also_after_a_function_call(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        home.model.call_tools(("code_interpreter", {"code": "open('a.csv','w').write('1')"}))
        home.model.call_tools(("look_up", {}), ids=["call_1"])
        home.model.say("Here: sandbox:/mnt/data/a.csv")
        thread = await home.thread("question")
        assistant = await home.assistant(tools=(CodeInterpreterTool(), LOOK_UP))
        run = await home.until(await home.run(thread, assistant), "requires_action")
        await home.api.submit_tool_outputs(thread, run.id, OUTPUT)
        await home.until(run)
        (part,) = (await home.api.list_messages(thread)).data[0].content
        assert isinstance(part, TextPart)
        assert len(part.text.annotations) == 1


async def test_an_expired_vector_store_stays_expired_when_a_run_searches(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        after = StoreExpiration(anchor="last_active_at", days=1)
        store = await home.api.create_vector_store(CreateVectorStore(expires_after=after))
        home.clock.advance(2 * 86_400)
        home.model.call_tools(("file_search", {"queries": ["x"]}))
        home.model.say("nothing")
        found = NewFileSearchResources(vector_store_ids=(store.id,))
        assistant = await home.assistant(
            tools=(FileSearchTool(),), tool_resources=NewToolResources(file_search=found)
        )
        await home.until(await home.run(await home.thread("question"), assistant))
        assert (await home.api.retrieve_vector_store(store.id)).status == "expired"


async def test_a_run_waits_for_files_that_are_being_made_searchable(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:

        async def content() -> AsyncIterator[bytes]:
            yield b"The garden gate opens with the word tulip. " * 2000

        file = await home.api.upload_file(
            UploadFile(filename="gate.txt", purpose="assistants"), content()
        )
        store = await home.api.create_vector_store(CreateVectorStore(file_ids=(file.id,)))
        found = NewFileSearchResources(vector_store_ids=(store.id,))
        home.model.call_tools(("file_search", {"queries": ["garden gate word"]}))
        home.model.say("tulip")
        assistant = await home.assistant(
            tools=(FileSearchTool(),), tool_resources=NewToolResources(file_search=found)
        )
        await home.until(await home.run(await home.thread("question"), assistant))
        again = home.model.requests[1].messages
        assert "tulip" in again[-1]["content"]
        assert "garden gate word" in again[-2]["tool_calls"][0]["function"]["arguments"]


async def test_a_file_whose_bytes_are_gone_ends_failed(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:

        async def content() -> AsyncIterator[bytes]:
            yield b"words"

        file = await home.api.upload_file(
            UploadFile(filename="a.txt", purpose="assistants"), content()
        )
        home.engine.store.files.path(file).unlink()
        store = await home.api.create_vector_store(CreateVectorStore(file_ids=(file.id,)))
        await eventually(
            lambda: home.api.retrieve_vector_store(store.id),
            lambda found: found.status != "in_progress",
        )
        assert (await home.api.retrieve_store_file(store.id, file.id)).status == "failed"


async def test_pieces_of_arguments_are_joined_for_a_slow_reader(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        home.model.call_tools(("look_up", '"' + "x" * 8000 + '"'), pieces=2000)
        thread = await home.thread("question")
        assistant = await home.assistant(tools=(LOOK_UP,))
        events = await home.api.stream_run(thread, CreateRun(assistant_id=assistant))
        (run,) = (await home.api.list_runs(thread)).data
        await home.until(run, "requires_action")
        assert len(await _read(events)) < 50


async def test_an_answer_without_end_is_ended(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        home.model.say("", tokens=["x" * 100_000] * 200)
        run = await home.until(await home.run(await home.thread("question")))
        assert run.status == "failed"
        assert run.last_error is not None
        assert "without an end" in run.last_error.message
