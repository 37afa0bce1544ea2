"""Every operation of the published description, answered by the server as it is described."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from bot.assistants.schema.requests import NewFileSearchResources, NewToolResources
from bot.assistants.schema.tools import (
    CodeInterpreterTool,
    FileSearchTool,
    FunctionDefinition,
    FunctionTool,
)
from bot.server.routes import ROUTES
from bot.wire import sse
from tests.conformance.description import PATH, Operation, needs_description, operations
from tests.contract.described import validated
from tests.support.assistants import House
from tests.support.files import searchable, settled, upload

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
STATIC = {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50}


@dataclass
class World:
    """A house, a plain HTTP session at its server, and what a case made."""

    home: House
    http: aiohttp.ClientSession
    ids: dict[str, str] = field(default_factory=dict)

    async def send(self, operation: Operation, body: Any = None, **query: str) -> Any:
        """Send a request to an operation's path and return the answer, which must be a 200."""
        assert self.home.server is not None
        url = self.home.server.url + operation.path.format_map(self.ids)
        given = {"data": body} if isinstance(body, aiohttp.FormData) else {"json": body}
        async with self.http.request(operation.method, url, params=query, **given) as response:
            raw = await response.read()
            assert response.status == 200, raw
            if response.content_type == "application/json":
                return json.loads(raw)
            return raw

    async def assistant(self, **fields: Any) -> None:
        self.ids["assistant_id"] = await self.home.assistant(**fields)

    async def thread(self) -> None:
        self.ids["thread_id"] = await self.home.thread("hello")
        (message,) = (await self.home.api.list_messages(self.ids["thread_id"])).data
        self.ids["message_id"] = message.id

    async def run(self, *, waiting: bool = False) -> None:
        """A run that has completed, or that waits for the outputs of a function."""
        await self.thread()
        tools = () if not waiting else (_function(),)
        if waiting:
            self.home.model.call_tools(("f", {"x": 1}), ids=["call_1"])
        await self.assistant(tools=tools)
        started = await self.home.run(self.ids["thread_id"], self.ids["assistant_id"])
        run = await self.home.until(started, "requires_action" if waiting else "completed")
        self.ids["run_id"] = run.id
        steps = await self.home.api.list_steps(run.thread_id, run.id)
        self.ids["step_id"] = steps.data[0].id

    async def file(self) -> None:
        self.ids["file_id"] = (await upload(self.home.api)).id

    async def store(self, *, batch: bool = False) -> None:
        store, files = await searchable(self.home.api, bees="Bees dance.")
        self.ids.update(vector_store_id=store.id, file_id=files["bees"])
        if batch:
            made = await self.send(
                operations()["createVectorStoreFileBatch"], {"file_ids": [files["bees"]]}
            )
            self.ids["batch_id"] = made["id"]
            await settled(self.home.api, store.id)


def _function() -> Any:
    return FunctionTool(FunctionDefinition("f"))


Case = Callable[[World, Operation], Awaitable[Any]]
CASES: dict[str, Case] = {}


def case(name: str) -> Callable[[Case], Case]:
    """Enter a case for the operation of this name; it returns the real answer."""

    def enter(make: Case) -> Case:
        assert name not in CASES
        CASES[name] = make
        return make

    return enter


def plain(name: str, prepare: str | None = None, body: Any = None, **query: str) -> None:
    """Enter a case that prepares what its path names and sends one request."""

    async def make(world: World, operation: Operation) -> Any:
        if prepare is not None:
            await getattr(world, prepare)()
        return await world.send(operation, body, **query)

    case(name)(make)


PAGE = {"limit": "1", "order": "asc"}
METADATA = {"metadata": {"k": "v"}}
plain("listAssistants", "assistant", **PAGE)
plain("createAssistant", body={"model": "scripted-model", "tools": [TOOL], **METADATA})
plain("getAssistant", "assistant")
plain("modifyAssistant", "assistant", {"name": "Ada", "temperature": 0.5})
plain("deleteAssistant", "assistant")
plain("createThread", body={"messages": [{"role": "user", "content": "hi"}], **METADATA})
plain("getThread", "thread")
plain("modifyThread", "thread", METADATA)
plain("deleteThread", "thread")
plain("listMessages", "run", **PAGE)
plain("createMessage", "thread", {"role": "user", "content": [{"type": "text", "text": "hi"}]})
plain("getMessage", "thread")
plain("modifyMessage", "thread", METADATA)
plain("deleteMessage", "thread")
plain("listRuns", "run", **PAGE)
plain("getRun", "run")
plain("modifyRun", "run", METADATA)
plain("listRunSteps", "run", **PAGE)
plain("getRunStep", "run")
plain("listFiles", "file", **PAGE, purpose="assistants")
plain("retrieveFile", "file")
plain("deleteFile", "file")
plain("listVectorStores", "store", **PAGE)
plain("getVectorStore", "store")
plain("modifyVectorStore", "store", {"name": "b", **METADATA})
plain("deleteVectorStore", "store")
plain("listVectorStoreFiles", "store", **PAGE, filter="completed")
plain("getVectorStoreFile", "store")
plain("deleteVectorStoreFile", "store")
plain("updateVectorStoreFileAttributes", "store", {"attributes": {"a": 1, "b": "c", "d": True}})
plain("retrieveVectorStoreFileContent", "store")
plain("searchVectorStore", "store", {"query": "bees", "max_num_results": 3})


@case("createRun")
async def _(world: World, operation: Operation) -> Any:
    await world.thread()
    await world.assistant()
    body = {"assistant_id": world.ids["assistant_id"], "instructions": "Be brief."}
    return await world.send(operation, body)


@case("createThreadAndRun")
async def _(world: World, operation: Operation) -> Any:
    await world.assistant()
    thread = {"messages": [{"role": "user", "content": "hi"}]}
    body = {"assistant_id": world.ids["assistant_id"], "thread": thread}
    return await world.send(operation, body)


@case("cancelRun")
async def _(world: World, operation: Operation) -> Any:
    await world.run(waiting=True)
    return await world.send(operation)


@case("submitToolOuputsToRun")
async def _(world: World, operation: Operation) -> Any:
    await world.run(waiting=True)
    outputs = [{"tool_call_id": "call_1", "output": "4"}]
    return await world.send(operation, {"tool_outputs": outputs})


@case("createFile")
async def _(world: World, operation: Operation) -> Any:
    form = aiohttp.FormData()
    form.add_field("file", b"Bees dance.", filename="bees.txt")
    form.add_field("purpose", "assistants")
    form.add_field("expires_after[anchor]", "created_at")
    form.add_field("expires_after[seconds]", "3600")
    made = await world.send(operation, form)
    assert (made["bytes"], made["filename"]) == (11, "bees.txt")
    return made


@case("downloadFile")
async def _(world: World, operation: Operation) -> Any:
    await world.file()
    raw = await world.send(operation)
    assert raw == b"A note."
    return raw


@case("createVectorStore")
async def _(world: World, operation: Operation) -> Any:
    await world.file()
    body = {
        "name": "a",
        "file_ids": [world.ids["file_id"]],
        "chunking_strategy": {"type": "static", "static": STATIC},
        "expires_after": {"anchor": "last_active_at", "days": 1},
        **METADATA,
    }
    return await world.send(operation, body)


@case("createVectorStoreFile")
async def _(world: World, operation: Operation) -> Any:
    await world.store()
    await world.file()
    body = {"file_id": world.ids["file_id"], "attributes": {"a": 1.5}}
    return await world.send(operation, body)


@case("createVectorStoreFileBatch")
async def _(world: World, operation: Operation) -> Any:
    await world.store()
    return await world.send(operation, {"files": [{"file_id": world.ids["file_id"]}]})


@case("getVectorStoreFileBatch")
@case("cancelVectorStoreFileBatch")
@case("listFilesInVectorStoreBatch")
async def _(world: World, operation: Operation) -> Any:
    await world.store(batch=True)
    return await world.send(operation)


STREAMED: dict[str, Case] = {}


async def _stream_run(world: World, operation: Operation) -> Any:
    world.home.model.call_tools(("code_interpreter", {"code": "print(6 * 7)"}), text="Well, ")
    world.home.model.say("It is 42.")
    await world.thread()
    await world.assistant(tools=(CodeInterpreterTool(),))
    body = {"assistant_id": world.ids["assistant_id"], "stream": True}
    return await world.send(operation, body)


async def _stream_thread_and_run(world: World, operation: Operation) -> Any:
    await world.assistant()
    body = {"assistant_id": world.ids["assistant_id"], "stream": True, "thread": {"messages": []}}
    return await world.send(operation, body)


async def _stream_outputs(world: World, operation: Operation) -> Any:
    await world.run(waiting=True)
    outputs = [{"tool_call_id": "call_1", "output": "4"}]
    return await world.send(operation, {"tool_outputs": outputs, "stream": True})


STREAMED["createRun"] = _stream_run
STREAMED["createThreadAndRun"] = _stream_thread_and_run
STREAMED["submitToolOuputsToRun"] = _stream_outputs


@pytest.fixture
async def world(home: House) -> Any:
    headers = {"Authorization": "Bearer sk-default", "OpenAI-Beta": "assistants=v2"}
    async with aiohttp.ClientSession(headers=headers) as http:
        yield World(home, http)


@needs_description
def test_every_operation_has_a_case_and_every_case_an_operation() -> None:
    assert set(CASES) == set(operations())


@needs_description
def test_every_operation_has_a_route_and_every_route_an_operation() -> None:
    described = {(each.method, _shape(f"/v1{each.path}")) for each in operations().values()}
    assert {(method, _shape(path)) for method, path, _ in ROUTES} == described


def _shape(path: str) -> str:
    """A path whose parameters have no names."""
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


@needs_description
@pytest.mark.parametrize("name", sorted(operations()) or [f"no {PATH.name}"])
async def test_an_operation_answers_as_described(world: World, name: str) -> None:
    operation = operations()[name]
    assert name in CASES, f"{name} ({operation.method} {operation.path}) has no case"
    answer = await CASES[name](world, operation)
    if operation.schema is None:
        assert isinstance(answer, bytes)
        return
    assert validated(operation.schema, answer) == []


@needs_description
@pytest.mark.parametrize("name", sorted(STREAMED))
async def test_a_streamed_operation_tells_events_as_described(world: World, name: str) -> None:
    raw = await STREAMED[name](world, operations()[name])
    assert isinstance(raw, bytes)
    events = list(sse.Decoder().feed(raw))
    assert (events[-1].name, events[-1].data) == ("done", b"[DONE]")
    assert len(events) > 5
    for event in events[:-1]:
        told = {"event": event.name, "data": json.loads(event.data)}
        assert validated("AssistantStreamEvent", told) == [], told


@needs_description
async def test_what_a_run_found_and_wrote_is_as_described(world: World) -> None:
    """Steps of each hosted tool, with passages, and a message with annotations."""
    await world.store()
    found = NewFileSearchResources(vector_store_ids=(world.ids["vector_store_id"],))
    await world.assistant(
        tools=(FileSearchTool(), CodeInterpreterTool()),
        tool_resources=NewToolResources(file_search=found),
    )
    await world.thread()
    world.home.model.call_tools(("file_search", {"queries": ["bees"]}))
    world.home.model.call_tools(("code_interpreter", {"code": "1 / 0"}))
    world.home.model.say("They dance【0:0†bees.txt】.")
    run = await world.home.run(world.ids["thread_id"], world.ids["assistant_id"])
    world.ids["run_id"] = (await world.home.until(run, "completed")).id
    passages = {"include[]": "step_details.tool_calls[*].file_search.results[*].content"}
    steps = await world.send(operations()["listRunSteps"], **passages, order="asc")
    assert validated("ListRunStepsResponse", steps) == []
    search, code, _ = (step["step_details"] for step in steps["data"])
    (result,) = search["tool_calls"][0]["file_search"]["results"]
    assert result["content"][0]["text"] == "Bees dance."
    logs = code["tool_calls"][0]["code_interpreter"]["outputs"][0]["logs"]
    assert "ZeroDivisionError" in logs
    messages = await world.send(operations()["listMessages"])
    assert validated("ListMessagesResponse", messages) == []
    (citation,) = messages["data"][0]["content"][0]["text"]["annotations"]
    assert citation["file_citation"]["file_id"] == world.ids["file_id"]
