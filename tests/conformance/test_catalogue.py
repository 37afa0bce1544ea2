"""Every error of the catalogue, by a request over the wire that provokes it."""

import inspect
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, get_args

import aiohttp
import pytest

from bot.assistants import errors
from bot.assistants.errors import APIError
from bot.assistants.schema.requests import CreateThread
from bot.assistants.schema.tools import FunctionDefinition, FunctionTool
from bot.engine import Engine, EngineOptions
from bot.models.chat_completions.model import ChatCompletions
from bot.server import Server
from bot.server.context import Limits
from tests.server.fakes import RecordingAPI
from tests.support.assistants import House, house, serve
from tests.support.databases import execute
from tests.support.files import searchable
from tests.support.troubled_database import TroubledDatabase, troubled_store

FUNCTION = FunctionTool(FunctionDefinition("f"))
HEADERS = {"Authorization": "Bearer sk-default", "OpenAI-Beta": "assistants=v2"}

Answer = tuple[int, dict[str, Any]]


class Wire:
    """Plain HTTP at the house's server."""

    def __init__(
        self, home: House, database: TroubledDatabase, http: aiohttp.ClientSession, url: str
    ) -> None:
        self.home = home
        self.database = database
        self.http = http
        self.url = url

    async def __call__(self, method: str, path: str, body: Any = None, **given: Any) -> Answer:
        url = self.url + path
        async with self.http.request(method, url, json=body, **given) as response:
            return response.status, json.loads(await response.read())["error"]


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    store, database = await troubled_store(tmp_path / "engine.db")
    async with (
        house(tmp_path, "client", store=store) as home,
        aiohttp.ClientSession(headers=HEADERS) as http,
    ):
        assert home.server is not None
        yield Wire(home, database, http, home.server.url)


@asynccontextmanager
async def with_options(wire: Wire, options: EngineOptions) -> AsyncIterator[Wire]:
    """Serve the house's data by another engine, which has these options and executes no runs."""
    home = wire.home
    model = ChatCompletions(home.model.url)
    engine = Engine(home.engine.store, model, clock=home.clock, options=options)
    server = await serve(engine.for_project)
    try:
        yield Wire(home, wire.database, wire.http, server.url)
    finally:
        await server.stop()
        await model.close()


Provoke = Callable[[Wire], Awaitable[tuple[APIError, Answer]]]
CASES: dict[str, list[Provoke]] = {}


def provokes(error: Callable[..., APIError]) -> Callable[[Provoke], Provoke]:
    """Enter what provokes an error: it returns the error as it should be, and the answer."""

    def enter(provoke: Provoke) -> Provoke:
        CASES.setdefault(error.__name__, []).append(provoke)
        return provoke

    return enter


@provokes(errors.not_found)
async def _assistant(wire: Wire) -> tuple[APIError, Answer]:
    return errors.not_found("assistant", "asst_x"), await wire("GET", "/assistants/asst_x")


@provokes(errors.not_found)
async def _thread(wire: Wire) -> tuple[APIError, Answer]:
    return errors.not_found("thread", "thread_x"), await wire("DELETE", "/threads/thread_x")


@provokes(errors.not_found)
async def _message(wire: Wire) -> tuple[APIError, Answer]:
    path = f"/threads/{await wire.home.thread()}/messages/msg_x"
    return errors.not_found("message", "msg_x"), await wire("GET", path)


@provokes(errors.not_found)
async def _run(wire: Wire) -> tuple[APIError, Answer]:
    path = f"/threads/{await wire.home.thread()}/runs/run_x"
    return errors.not_found("run", "run_x"), await wire("POST", f"{path}/cancel")


@provokes(errors.not_found)
async def _step(wire: Wire) -> tuple[APIError, Answer]:
    run = await wire.home.until(await wire.home.run(await wire.home.thread("hi")))
    path = f"/threads/{run.thread_id}/runs/{run.id}/steps/step_x"
    return errors.not_found("run step", "step_x"), await wire("GET", path)


@provokes(errors.not_found)
async def _file(wire: Wire) -> tuple[APIError, Answer]:
    return errors.not_found("file", "file-x"), await wire("GET", "/files/file-x/content")


@provokes(errors.not_found)
async def _store(wire: Wire) -> tuple[APIError, Answer]:
    answer = await wire("POST", "/vector_stores/vs_x/search", {"query": "x"})
    return errors.not_found("vector store", "vs_x"), answer


@provokes(errors.not_found)
async def _batch(wire: Wire) -> tuple[APIError, Answer]:
    store, _ = await searchable(wire.home.api)
    path = f"/vector_stores/{store.id}/file_batches/vsfb_x/files"
    return errors.not_found("file batch", "vsfb_x"), await wire("GET", path)


@provokes(errors.thread_locked)
async def _locked(wire: Wire) -> tuple[APIError, Answer]:
    wire.home.model.stall("busy")
    run = await wire.home.run(await wire.home.thread("hi"))
    body = {"role": "user", "content": "and"}
    answer = await wire("POST", f"/threads/{run.thread_id}/messages", body)
    return errors.thread_locked(run.thread_id, run.id), answer


@provokes(errors.run_active)
async def _active(wire: Wire) -> tuple[APIError, Answer]:
    wire.home.model.stall("busy")
    run = await wire.home.run(await wire.home.thread("hi"))
    body = {"assistant_id": run.assistant_id}
    answer = await wire("POST", f"/threads/{run.thread_id}/runs", body)
    return errors.run_active(run.thread_id, run.id), answer


@provokes(errors.outputs_refused)
async def _outputs(wire: Wire) -> tuple[APIError, Answer]:
    run = await wire.home.until(await wire.home.run(await wire.home.thread("hi")))
    path = f"/threads/{run.thread_id}/runs/{run.id}/submit_tool_outputs"
    body = {"tool_outputs": [{"tool_call_id": "call_1", "output": ""}]}
    return errors.outputs_refused("completed"), await wire("POST", path, body)


@provokes(errors.outputs_mismatch)
async def _mismatch(wire: Wire) -> tuple[APIError, Answer]:
    wire.home.model.call_tools(("f", {}), ("f", {}), ids=["call_1", "call_2"])
    assistant_id = await wire.home.assistant(tools=(FUNCTION,))
    started = await wire.home.run(await wire.home.thread("hi"), assistant_id)
    run = await wire.home.until(started, "requires_action")
    path = f"/threads/{run.thread_id}/runs/{run.id}/submit_tool_outputs"
    body = {"tool_outputs": [{"tool_call_id": "call_1", "output": ""}]}
    error = errors.outputs_mismatch(["call_1", "call_2"], ["call_1"])
    return error, await wire("POST", path, body)


@provokes(errors.cannot_cancel)
async def _cancel(wire: Wire) -> tuple[APIError, Answer]:
    run = await wire.home.until(await wire.home.run(await wire.home.thread("hi")))
    path = f"/threads/{run.thread_id}/runs/{run.id}/cancel"
    return errors.cannot_cancel("completed"), await wire("POST", path)


@provokes(errors.too_many_messages)
async def _messages(wire: Wire) -> tuple[APIError, Answer]:
    thread_id = await wire.home.thread("one", "two")
    # 100,000 messages would take minutes.
    async with with_options(wire, EngineOptions(max_thread_messages=2)) as strict:
        body = {"role": "user", "content": "three"}
        answer = await strict("POST", f"/threads/{thread_id}/messages", body)
    return errors.too_many_messages(thread_id, 2), answer


@provokes(errors.too_many_runs)
async def _runs(wire: Wire) -> tuple[APIError, Answer]:
    wire.home.model.stall()
    await wire.home.run(await wire.home.thread("one"))
    body = {"assistant_id": await wire.home.assistant()}
    thread_id = await wire.home.thread("two")
    async with with_options(wire, EngineOptions(max_unfinished_runs=1)) as strict:
        answer = await strict("POST", f"/threads/{thread_id}/runs", body)
    return errors.too_many_runs(1), answer


@provokes(errors.file_too_large)
async def _large(wire: Wire) -> tuple[APIError, Answer]:
    small = Server(wire.home.engine.for_project, keys={}, port=0, limits=Limits(upload=1 << 20))
    await small.start()
    try:
        form = aiohttp.FormData({"purpose": "assistants"})
        form.add_field("file", io.BytesIO(bytes((1 << 20) + 1)), filename="f")
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{small.url}/files", data=form) as response,
        ):
            answer = response.status, (await response.json())["error"]
    finally:
        await small.stop()
    return errors.file_too_large(1 << 20), answer


@provokes(errors.store_expired)
async def _expired(wire: Wire) -> tuple[APIError, Answer]:
    store, _ = await searchable(wire.home.api)
    path = f"/vector_stores/{store.id}"
    lasting = {"expires_after": {"anchor": "last_active_at", "days": 1}}
    async with wire.http.post(wire.url + path, json=lasting) as response:
        assert response.status == 200
    wire.home.clock.advance(86_401)
    return errors.store_expired(store.id), await wire("POST", f"{path}/search", {"query": "x"})


@provokes(errors.search_too_long)
async def _too_long(wire: Wire) -> tuple[APIError, Answer]:
    store, _ = await searchable(wire.home.api)
    async with with_options(wire, EngineOptions(search_seconds=0.0)) as strict:
        answer = await strict("POST", f"/vector_stores/{store.id}/search", {"query": "x"})
    return errors.search_too_long(0.0), answer


@provokes(errors.unreadable)
async def _unreadable(wire: Wire) -> tuple[APIError, Answer]:
    thread_id = await wire.home.thread()
    await execute(wire.database.path, "UPDATE threads SET body = '{'")
    return errors.unreadable("thread", thread_id), await wire("GET", f"/threads/{thread_id}")


@provokes(errors.calls_unreadable)
async def _lost_calls(wire: Wire) -> tuple[APIError, Answer]:
    wire.home.model.call_tools(("f", {}), ids=["call_1"])
    assistant_id = await wire.home.assistant(tools=(FUNCTION,))
    started = await wire.home.run(await wire.home.thread("hi"), assistant_id)
    run = await wire.home.until(started, "requires_action")
    await execute(wire.database.path, "UPDATE steps SET body = '{'")
    path = f"/threads/{run.thread_id}/runs/{run.id}/submit_tool_outputs"
    body = {"tool_outputs": [{"tool_call_id": "call_1", "output": ""}]}
    return errors.calls_unreadable(run.id), await wire("POST", path, body)


@provokes(errors.storage_unavailable)
async def _full(wire: Wire) -> tuple[APIError, Answer]:
    await wire.database.limit_pages()
    try:
        body = {"messages": [{"role": "user", "content": "x" * 200_000}]}
        answer = await wire("POST", "/threads", body)
    finally:
        await wire.database.limit_pages(1_000_000)
    return errors.storage_unavailable(), answer


@provokes(errors.missing_beta_header)
async def _beta(wire: Wire) -> tuple[APIError, Answer]:
    answer = await wire("GET", "/assistants", headers={"OpenAI-Beta": ""})
    return errors.missing_beta_header(), answer


@provokes(errors.old_beta_version)
async def _old_beta(wire: Wire) -> tuple[APIError, Answer]:
    answer = await wire("GET", "/assistants", headers={"OpenAI-Beta": "assistants=v1"})
    return errors.old_beta_version(), answer


@provokes(errors.invalid)
async def _invalid(wire: Wire) -> tuple[APIError, Answer]:
    text = "Invalid 'content': string too long. Expected a string with maximum length 256000"
    path = f"/threads/{await wire.home.thread()}/messages"
    answer = await wire("POST", path, {"role": "user", "content": "x" * 256_001})
    error = errors.invalid(
        f"{text}, but got a string with length 256001 instead.",
        "content",
        "string_above_max_length",
    )
    return error, answer


@provokes(errors.server_error)
async def _server(wire: Wire) -> tuple[APIError, Answer]:
    api = RecordingAPI()
    api.answers["create_thread"] = errors.server_error("The disk is full.")
    broken = Server(lambda _project: api.api, keys={}, port=0)
    await broken.start()
    try:
        async with (
            aiohttp.ClientSession(headers=HEADERS) as http,
            http.post(f"{broken.url}/threads") as response,
        ):
            answer = response.status, (await response.json())["error"]
    finally:
        await broken.stop()
    assert api.calls == [("create_thread", (CreateThread(),), {})]
    return errors.server_error("The disk is full."), answer


def test_every_error_of_the_catalogue_has_a_request_that_provokes_it() -> None:
    catalogue = {
        name
        for name, made in inspect.getmembers(errors, inspect.isfunction)
        if inspect.signature(made, eval_str=True).return_annotation is APIError
    }
    assert set(CASES) == catalogue


def test_every_kind_of_object_has_a_case_that_is_not_found() -> None:
    assert len(CASES["not_found"]) == len(get_args(errors.Noun))


@pytest.mark.parametrize(
    ("name", "index"), [(name, index) for name in CASES for index in range(len(CASES[name]))]
)
async def test_an_error_has_the_words_of_the_catalogue(wire: Wire, name: str, index: int) -> None:
    error, (status, told) = await CASES[name][index](wire)
    assert status == error.status
    assert told == {
        "message": error.message,
        "type": error.body.type,
        "param": error.param,
        "code": error.code,
    }
