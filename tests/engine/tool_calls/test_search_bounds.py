"""Searches that cost much: bounded for their own project, and unnoticed by every other."""

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any, TypeVar

from msgspec import UNSET

from bot.assistants.schema.objects import RunStep, ToolCallsDetails
from bot.assistants.schema.requests import (
    SEARCH_RESULT_CONTENT,
    NewFileSearchResources,
    NewToolResources,
)
from bot.assistants.schema.tools import FileSearchCall, FileSearchTool
from bot.assistants.schema.vector_stores import SearchVectorStore
from bot.engine import EngineOptions
from bot.store.database import Database
from bot.store.engine import Check, EngineStore
from bot.store.engine.schema import MIGRATIONS
from bot.store.search_readers import SearchWork
from tests.contract.refusals import refused
from tests.support.assistants import House, house
from tests.support.eventually import PATIENCE
from tests.support.files import searchable

T = TypeVar("T")

NO_TIME = EngineOptions(search_seconds=0.0)
ALL_DAY = EngineOptions(search_seconds=86_400.0)


async def searching_run(home: House, arguments: Any) -> tuple[RunStep, str]:
    """Have the model search with these arguments; return the step and what the model was told."""
    store, _ = await searchable(home.api, bees="Bees dance in summer.")
    resources = NewToolResources(file_search=NewFileSearchResources(vector_store_ids=(store.id,)))
    assistant = await home.assistant(tools=(FileSearchTool(),), tool_resources=resources)
    home.model.call_tools(("file_search", arguments))
    home.model.say("Done.")
    run = await home.until(await home.run(await home.thread("What do bees do?"), assistant))
    assert run.status == "completed"
    steps = await home.api.list_steps(run.thread_id, run.id, include=(SEARCH_RESULT_CONTENT,))
    (step,) = (step for step in steps.data if isinstance(step.step_details, ToolCallsDetails))
    messages = home.model.requests[-1].messages
    assert messages[-1]["role"] == "tool"
    return step, messages[-1]["content"]


async def test_a_search_without_time_is_stopped_and_says_what_to_do(tmp_path: Path) -> None:
    async with house(tmp_path, "client", options=NO_TIME) as home:
        store, _ = await searchable(home.api, bees="Bees dance.")
        request = SearchVectorStore(query="bees")
        error = await refused(home.api.search_vector_store(store.id, request))
        assert error.code == "search_too_long"
        assert "fewer queries" in error.message
        assert (await home.api.list_vector_stores()).data == (store,)


async def test_the_model_is_told_of_a_search_that_was_stopped_and_goes_on(tmp_path: Path) -> None:
    async with house(tmp_path, "engine", options=NO_TIME) as home:
        _, told = await searching_run(home, {"queries": ["bees"]})
        assert "was stopped" in told


async def test_only_the_first_five_queries_of_the_model_are_searched(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        queries = [f"nothing{number}" for number in range(5)]
        step, told = await searching_run(home, {"queries": [*queries, *["bees"] * 50_000]})
        assert "Bees dance" not in told
        assert "Only the first 5 queries were searched, 1 left out" in told
        (asked,) = home.model.requests[-1].messages[-2]["tool_calls"]
        assert json.loads(asked["function"]["arguments"]) == {"queries": queries}
        assert isinstance(step.step_details, ToolCallsDetails)
        (call,) = step.step_details.tool_calls
        assert isinstance(call, FileSearchCall)
        assert (call.file_search.queries, call.file_search.notice) == (UNSET, UNSET)


async def test_five_queries_of_the_model_are_searched_without_a_notice(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        _, told = await searching_run(home, {"queries": ["a", "b", "c", "d", "bees"]})
        assert "Bees dance in summer." in told
        assert "left out" not in told


async def test_a_long_query_of_the_model_is_stored_only_as_far_as_it_is_searched(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, "engine") as home:
        _, told = await searching_run(home, {"queries": ["bees " + "x" * 1_000_000]})
        assert "Bees dance in summer." in told
        (asked,) = home.model.requests[-1].messages[-2]["tool_calls"]
        assert len(asked["function"]["arguments"]) < 5_000


class WatchedSearches(Database):
    """A database that notes when a search has begun, and when one has ended."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.begun, self.ended = asyncio.Event(), asyncio.Event()

    async def search(self, work: SearchWork[T], *, group: str, seconds: float) -> T:
        loop = asyncio.get_running_loop()

        def noted(db: sqlite3.Connection, check: Check) -> T:
            loop.call_soon_threadsafe(self.begun.set)
            try:
                return work(db, check)
            finally:
                loop.call_soon_threadsafe(self.ended.set)

        return await super().search(noted, group=group, seconds=seconds)


async def watched(path: Path) -> tuple[EngineStore, WatchedSearches]:
    """A store, and its database that notes searches."""
    database = await WatchedSearches.open(path, MIGRATIONS, synchronous="NORMAL", search_readers=2)
    return EngineStore(database), database


def never_end(db: sqlite3.Connection) -> None:
    """Have SQLite read a chunk with the word "endless" for ever."""
    db.execute("ALTER TABLE chunks RENAME TO finite_chunks")
    db.execute(
        "CREATE VIEW chunks AS SELECT seq, file, iif(instr(text, 'endless'), "
        "(WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n), "
        "text) AS text FROM finite_chunks"
    )


async def test_searches_of_one_project_delay_no_other(tmp_path: Path) -> None:
    store, database = await watched(tmp_path / "engine.db")
    async with house(tmp_path, "client", options=ALL_DAY, store=store) as home:
        hostile, _ = await searchable(home.api, bees="Bees dance.", tale="An endless tale.")
        modest, _ = await searchable(home.other, ants="Ants march.")
        await database.write(never_end)
        tasks = [
            asyncio.create_task(
                home.api.search_vector_store(hostile.id, SearchVectorStore(query="endless"))
            )
            for _ in range(30)
        ]
        await database.begun.wait()
        async with asyncio.timeout(PATIENCE):
            for _ in range(5):
                found = await home.other.search_vector_store(
                    modest.id, SearchVectorStore(query="ants")
                )
                assert len(found.data) == 1
                assert (await home.other.list_vector_stores()).data
                assert (await home.api.list_vector_stores()).data
        assert not any(task.done() for task in tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with asyncio.timeout(PATIENCE):  # the callers have gone: their searches have stopped
            for _ in range(5):
                request = SearchVectorStore(query="bees")
                assert (await home.api.search_vector_store(hostile.id, request)).data


async def test_a_run_that_is_cancelled_in_its_search_stops_the_search(tmp_path: Path) -> None:
    store, database = await watched(tmp_path / "engine.db")
    async with house(tmp_path, "engine", options=ALL_DAY, store=store) as home:
        tales, _ = await searchable(home.api, tale="An endless tale.")
        await database.write(never_end)
        resources = NewToolResources(
            file_search=NewFileSearchResources(vector_store_ids=(tales.id,))
        )
        assistant = await home.assistant(tools=(FileSearchTool(),), tool_resources=resources)
        home.model.call_tools(("file_search", {"queries": ["endless"]}))
        run = await home.run(await home.thread("What do bees do?"), assistant)
        async with asyncio.timeout(PATIENCE):
            await database.begun.wait()
            await home.api.cancel_run(run.thread_id, run.id)
            await database.ended.wait()
        assert (await home.until(run)).status == "cancelled"
