"""Rows that cannot be read: skipped in lists and logged once, and nothing else stops for them."""

import logging
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from operator import methodcaller
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from bot.assistants.api import AssistantsAPI
from bot.assistants.errors import APIError
from bot.assistants.schema.objects import ListPage, Run
from bot.assistants.schema.requests import (
    CreateAssistant,
    CreateMessage,
    NewFileSearchResources,
    NewToolResources,
    Page,
)
from bot.assistants.schema.tools import FileSearchTool
from bot.assistants.schema.vector_stores import (
    CreateFileBatch,
    CreateVectorStore,
    ModifyVectorStore,
    SearchVectorStore,
    StoreExpiration,
    VectorStore,
)
from bot.store.engine import EngineStore
from bot.store.engine.rows import WriteError
from tests.contract.refusals import refused
from tests.contract.tooling import called, submission, tool
from tests.support.assistants import House, house, text_of
from tests.support.eventually import eventually
from tests.support.files import searchable, settled, upload

BODIES = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"7",
    b'{"id": 7}',
    b'{"id": "\xff"}',
    b'{"object": ' + b"[" * 100_000,
]
TABLES = [
    "assistants",
    "threads",
    "messages",
    "runs",
    "steps",
    "files",
    "vector_stores",
    "file_batches",
    "store_files",
]


def damage(directory: Path, table: str, body: bytes = b"{", where: str = "1") -> None:
    """Write a body that cannot be read into rows of the engine's database."""
    with closing(sqlite3.connect(directory / "engine.db")) as db, db:
        changed = db.execute(f"UPDATE {table} SET body = ? WHERE {where}", (body,))
        assert changed.rowcount > 0


async def ask(home: House) -> None:
    """Ask a question in a new thread: the engine answers as ever."""
    home.model.say("All is well.")
    run = await home.until(await home.run(await home.thread("Is all well?")))
    assert run.status == "completed"
    newest = (await home.api.list_messages(run.thread_id)).data[0]
    assert text_of(newest) == "All is well."


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:12]))
async def test_a_list_skips_a_row_that_cannot_be_read_and_the_log_names_the_row_once(
    tmp_path: Path, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with house(tmp_path, "engine") as home:
        names = [f"n{number}" for number in range(5)]
        made = [await home.api.create_vector_store(CreateVectorStore(name=name)) for name in names]
    damage(tmp_path, "vector_stores", body, f"id = '{made[2].id}'")
    async with house(tmp_path, "client") as home:
        for _ in range(3):
            page = await home.api.list_vector_stores()
            assert [store.name for store in page.data] == ["n4", "n3", "n1", "n0"]
            assert not page.has_more
        error = await refused(home.api.retrieve_vector_store(made[2].id), status=422)
        assert error.code == "unreadable_object"
        assert made[2].id in error.message
        logged = [r for r in caplog.records if made[2].id in r.getMessage()]
        assert [(record.levelno, record.exc_info) for record in logged] == [(logging.ERROR, None)]
        await home.api.delete_vector_store(made[2].id)
        await refused(home.api.retrieve_vector_store(made[2].id), status=404)
        await ask(home)


async def test_pages_lead_past_rows_that_cannot_be_read(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        names = [f"n{number}" for number in range(12)]
        made = [await home.api.create_vector_store(CreateVectorStore(name=name)) for name in names]
    damaged = {0, 3, 4, 5, 6, 11}
    for number in damaged:
        damage(tmp_path, "vector_stores", where=f"id = '{made[number].id}'")
    readable = [store.id for number, store in enumerate(made) if number not in damaged]
    async with house(tmp_path, "engine") as home:
        for order, wanted in (("asc", readable), ("desc", readable[::-1])):
            for limit in range(1, 8):
                found: list[str] = []
                page = Page(limit=limit, order=order)  # type: ignore[arg-type]  # both are orders
                while True:
                    part = await home.api.list_vector_stores(page)
                    assert len(part.data) <= limit
                    found.extend(store.id for store in part.data)
                    if not part.has_more:
                        break
                    assert (part.first_id, part.last_id) == (part.data[0].id, part.data[-1].id)
                    page = replace(page, after=part.last_id)
                assert found == wanted
        backwards = await home.api.list_vector_stores(Page(limit=2, before=readable[0]))
        assert [store.id for store in backwards.data] == [readable[2], readable[1]]


async def fill(home: House) -> dict[str, str]:
    """Make at least one object of every kind and return the ids by table."""
    file = await upload(home.api, "bees.txt", "Bees dance.")
    store = await home.api.create_vector_store(CreateVectorStore())
    batch = await home.api.create_file_batch(store.id, CreateFileBatch(file_ids=(file.id,)))
    await settled(home.api, store.id)
    resources = NewToolResources(
        file_search=NewFileSearchResources(vector_store_ids=(store.id,)),
    )
    assistant = await home.api.create_assistant(
        CreateAssistant(model="scripted-model", tools=(FileSearchTool(),), tool_resources=resources)
    )
    thread_id = await home.thread("one", "two")
    run = await home.until(await home.run(thread_id, assistant.id))
    (step,) = (await home.api.list_steps(thread_id, run.id)).data
    message = (await home.api.list_messages(thread_id)).data[0]
    return {
        "assistants": assistant.id,
        "threads": thread_id,
        "messages": message.id,
        "runs": run.id,
        "steps": step.id,
        "files": file.id,
        "vector_stores": store.id,
        "file_batches": batch.id,
        "store_files": file.id,
    }


Operation = Callable[[AssistantsAPI, dict[str, str]], Awaitable[Any]]
RETRIEVE: dict[str, Operation] = {
    "assistants": lambda api, ids: api.retrieve_assistant(ids["assistants"]),
    "threads": lambda api, ids: api.retrieve_thread(ids["threads"]),
    "messages": lambda api, ids: api.retrieve_message(ids["threads"], ids["messages"]),
    "runs": lambda api, ids: api.retrieve_run(ids["threads"], ids["runs"]),
    "steps": lambda api, ids: api.retrieve_step(ids["threads"], ids["runs"], ids["steps"]),
    "files": lambda api, ids: api.retrieve_file(ids["files"]),
    "vector_stores": lambda api, ids: api.retrieve_vector_store(ids["vector_stores"]),
    "file_batches": lambda api, ids: api.retrieve_file_batch(
        ids["vector_stores"], ids["file_batches"]
    ),
    "store_files": lambda api, ids: api.retrieve_store_file(
        ids["vector_stores"], ids["store_files"]
    ),
}
LISTS: dict[str, Operation] = {
    "assistants": lambda api, _: api.list_assistants(),
    "messages": lambda api, ids: api.list_messages(ids["threads"]),
    "runs": lambda api, ids: api.list_runs(ids["threads"]),
    "files": lambda api, _: api.list_files(),
    "vector_stores": lambda api, _: api.list_vector_stores(),
}


@pytest.mark.parametrize("table", TABLES)
async def test_a_damaged_row_of_any_kind_stops_nothing_else(tmp_path: Path, table: str) -> None:
    async with house(tmp_path, "engine") as home:
        ids = await fill(home)
    damage(tmp_path, table)
    async with house(tmp_path, "client") as home:
        await refused(RETRIEVE[table](home.api, ids), status=422)
        for name, operation in LISTS.items():
            page: ListPage[Any] = await operation(home.api, ids)
            assert (ids[name] in [each.id for each in page.data]) == (name != table)
        await ask(home)
        fresh = await fill(home)
        for retrieve in RETRIEVE.values():
            await retrieve(home.api, fresh)
        assert (await home.api.delete_thread(ids["threads"])).deleted


@pytest.mark.parametrize("table", sorted({*TABLES} - {"assistants"}))
async def test_a_thread_with_a_damaged_row_still_works(tmp_path: Path, table: str) -> None:
    async with house(tmp_path, "engine") as home:
        ids = await fill(home)
    damage(tmp_path, table)
    async with house(tmp_path, "engine") as home:
        await home.api.create_message(ids["threads"], CreateMessage(role="user", content="three"))
        home.model.call_tools(("file_search", {"queries": ["bees"]}))
        home.model.say("They dance.")
        run = await home.run(ids["threads"], ids["assistants"])
        assert (await home.until(run)).status == "completed"
        newest = (await home.api.list_messages(ids["threads"])).data[0]
        assert text_of(newest) == "They dance."


@pytest.mark.parametrize("status", ["queued", "in_progress", "requires_action", "cancelling"])
async def test_an_unfinished_run_that_cannot_be_read_frees_its_thread_at_the_next_start(
    tmp_path: Path, status: str
) -> None:
    async with house(tmp_path, "engine") as home:
        home.model.stall()
        thread_id = await home.thread("hi")
        await home.until(await home.run(thread_id), "in_progress")
    damage(tmp_path, "runs")
    with closing(sqlite3.connect(tmp_path / "engine.db")) as db, db:
        db.execute("UPDATE runs SET status = ?", (status,))
    async with house(tmp_path, "client") as home:
        await ask(home)
        run = await home.until(await home.run(thread_id))
        assert run.status == "completed"
        assert [each.id for each in (await home.api.list_runs(thread_id)).data] == [run.id]


async def test_a_run_whose_row_is_damaged_while_it_works_frees_its_thread_when_it_expires(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, "engine") as home:
        home.model.stall()
        thread_id = await home.thread("hi")
        run = await home.until(await home.run(thread_id), "in_progress")
        await home.model.until_request()
        damage(tmp_path, "runs", where=f"id = '{run.id}'")
        await refused(home.api.retrieve_run(thread_id, run.id), status=422)
        home.clock.advance(601)
        request = CreateMessage(role="user", content="more")

        async def taken() -> bool:
            try:
                await home.api.create_message(thread_id, request)
            except APIError:  # locked until the watch has looked
                return False
            return True

        await eventually(taken)
        await ask(home)


async def second_calls(home: House) -> Run:
    """A run that waits for the output of its second call; its first call has its output."""
    assistant_id = await home.assistant(tools=(tool("f"),))
    home.model.call_tools(("f", {"x": 1}), ids=["call_a"])
    home.model.call_tools(("f", {"x": 2}), ids=["call_b"])
    run = await home.until(await home.run(await home.thread("go"), assistant_id), "requires_action")
    await home.api.submit_tool_outputs(run.thread_id, run.id, submission(("call_a", "one")))
    return await eventually(
        lambda: home.until(run, "requires_action", "queued", "in_progress"),
        lambda run: run.required_action is not None and called(run) == ["call_b"],
    )


@pytest.mark.parametrize("way", ["submit", "stream"])
@pytest.mark.parametrize("loss", ["damaged", "deleted", "completed"])
async def test_outputs_are_refused_where_the_step_of_their_calls_cannot_take_them(
    tmp_path: Path, way: str, loss: str
) -> None:
    async with house(tmp_path, "client") as home:
        run = await second_calls(home)
        second, first = (await home.api.list_steps(run.thread_id, run.id)).data
        if loss == "damaged":
            damage(tmp_path, "steps", where=f"id = '{second.id}'")
        elif loss == "completed":
            ended = replace(second, status="completed")
            damage(tmp_path, "steps", msgspec.json.encode(ended), f"id = '{second.id}'")
        else:
            with closing(sqlite3.connect(tmp_path / "engine.db")) as db, db:
                db.execute("DELETE FROM steps WHERE id = ?", (second.id,))
        submit = {"submit": home.api.submit_tool_outputs, "stream": home.api.stream_tool_outputs}
        request = submission(("call_b", "two"))
        error = await refused(submit[way](run.thread_id, run.id, request), status=422)
        assert error.code == "unreadable_object"
        assert await home.api.retrieve_step(run.thread_id, run.id, first.id) == first
        assert await home.api.retrieve_run(run.thread_id, run.id) == run
        await home.api.cancel_run(run.thread_id, run.id)
        assert (await home.until(run)).status == "cancelled"
        await ask(home)


async def test_a_file_that_waits_to_be_searchable_and_cannot_be_read_is_failed(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, "engine") as home:
        store, ids = await searchable(home.api, bees="Bees dance.", ants="Ants march.")
    with closing(sqlite3.connect(tmp_path / "engine.db")) as db, db:
        db.execute("UPDATE store_files SET status = 'in_progress'")
    damage(tmp_path, "store_files", where=f"id = '{ids['bees']}'")
    async with house(tmp_path, "engine") as home:
        settled_store = await settled(home.api, store.id)
        assert settled_store.file_counts.failed == 1
        found = await home.api.search_vector_store(store.id, SearchVectorStore(query="ants bees"))
        assert {hit.file_id for hit in found.data} == {ids["ants"]}


async def test_a_file_whose_facts_cannot_be_read_is_failed_with_the_reason(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, "engine") as home:
        store, ids = await searchable(home.api, bees="Bees dance.")
    with closing(sqlite3.connect(tmp_path / "engine.db")) as db, db:
        db.execute("UPDATE store_files SET status = 'in_progress'")
    damage(tmp_path, "files")
    async with house(tmp_path, "engine") as home:
        await settled(home.api, store.id)
        file = await home.api.retrieve_store_file(store.id, ids["bees"])
        assert file.last_error is not None
        assert file.last_error.code == "server_error"


async def test_a_vector_store_that_was_stored_with_a_null_expiration_is_read(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, "engine") as home:
        store = await home.api.create_vector_store(CreateVectorStore(name="old"))
    raw = msgspec.json.encode({**msgspec.to_builtins(store), "expires_after": None})
    damage(tmp_path, "vector_stores", raw)
    async with house(tmp_path, "client") as home:
        assert await home.api.retrieve_vector_store(store.id) == store
        assert (await home.api.list_vector_stores()).data == (store,)
        days = StoreExpiration(anchor="last_active_at", days=1)
        changed = await home.api.modify_vector_store(
            store.id, ModifyVectorStore(expires_after=days)
        )
        assert changed.expires_after == days


async def test_nothing_is_written_that_could_not_be_read_back(tmp_path: Path) -> None:
    async with await EngineStore.open(tmp_path / "engine.db") as store:
        good = VectorStore(id="vs_1", created_at=1)
        await store.write(lambda t: t.files.stores.insert(good, id="vs_1", project="p"))
        for change in ({"name": None}, {"created_at": 1.5}, {"status": "gone"}):
            bad = replace(good, **change)
            for write in (
                lambda t, bad=bad: t.files.stores.write(bad, id="vs_1", project="p"),
                lambda t, bad=bad: t.files.stores.insert(bad, id="vs_2", project="p"),
            ):
                with pytest.raises(WriteError, match="vector store"):
                    await store.write(write)
        page = await store.read(lambda t: t.files.stores.page(Page(), project="p"))
        assert page.data == (good,)


async def test_a_run_moves_to_no_state_that_could_not_be_read_back(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        home.model.stall()
        run = await home.until(await home.run(await home.thread("hi")), "in_progress")
        with pytest.raises(WriteError):
            await home.engine.store.write(
                lambda tables: tables.move_run("default", run.id, "cancelling", usage="a lot")
            )
        assert await home.api.retrieve_run(run.thread_id, run.id) == run


async def test_a_run_that_cannot_be_read_ends_only_for_its_own_project(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        home.model.stall()
        run = await home.until(await home.run(await home.thread("hi")), "in_progress")
        damage(tmp_path, "runs")
        store = home.engine.store
        for project, holder in (("another", run.id), ("default", None)):
            move = methodcaller("move_run", project, run.id, "expired")
            assert await store.write(move) is None
            assert await store.read(lambda tables: tables.active_run(run.thread_id)) == holder
