"""Files made searchable: each is read once, projects take turns, and none takes too much time."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.assistants.schema.vector_stores import CreateFileBatch, CreateVectorStore
from bot.engine import EngineOptions
from bot.hosted.extract import extract_text
from tests.support.assistants import house
from tests.support.databases import execute
from tests.support.eventually import eventually
from tests.support.files import settled, upload
from tests.support.troubled_database import troubled_store

ONE_CHUNK_AT_ONCE = EngineOptions(ingestion_batch_characters=1)
A_MIDDLE_CHUNK = 10
"""The number of a write among those of the chunks of a file, with all writes before."""


class Reading:
    """Reads files as ever, notes which, and holds those back that ``held`` names."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.held = ""
        self.open = asyncio.Event()

    async def __call__(self, name: str, source: Path) -> str:
        self.names.append(name)
        if self.held and name.startswith(self.held):
            await self.open.wait()
        return await extract_text(name, source)


@pytest.fixture
def reading() -> Reading:
    return Reading()


async def test_a_file_in_many_stores_is_read_once(tmp_path: Path, reading: Reading) -> None:
    async with house(tmp_path, "engine", extract=reading) as home:
        file = await upload(home.api, "bees.txt", "Bees dance in summer.")
        reading.held = "bees"
        request = CreateVectorStore(file_ids=(file.id,))
        stores = [await home.api.create_vector_store(request) for _ in range(6)]
        reading.open.set()
        for store in stores:
            assert (await settled(home.api, store.id)).file_counts.completed == 1
            page = await home.api.store_file_content(store.id, file.id)
            assert [chunk.text for chunk in page.data] == ["Bees dance in summer."]
        assert reading.names == ["bees.txt"]


async def test_a_file_that_cannot_be_read_fails_in_each_store(
    tmp_path: Path, reading: Reading
) -> None:
    async with house(tmp_path, "engine", extract=reading) as home:
        file = await upload(home.api, "broken.pdf", "%PDF-1.7 broken")
        reading.held = "broken"
        request = CreateVectorStore(file_ids=(file.id,))
        stores = [await home.api.create_vector_store(request) for _ in range(3)]
        reading.open.set()
        for store in stores:
            assert (await settled(home.api, store.id)).file_counts.failed == 1
        assert reading.names == ["broken.pdf"]


async def test_one_projects_slow_files_do_not_delay_another_project(
    tmp_path: Path, reading: Reading
) -> None:
    async with house(tmp_path, "engine", extract=reading) as home:
        reading.held = "slow"
        slow = [(await upload(home.api, f"slow{n}.txt", f"Slow {n}.")).id for n in range(5)]
        held = await home.api.create_vector_store(CreateVectorStore(file_ids=tuple(slow)))
        await eventually(lambda: len(reading.names) == 2)  # as many as one project may hold
        quick = await upload(home.other, "quick.txt", "Quick.")
        store = await home.other.create_vector_store(CreateVectorStore(file_ids=(quick.id,)))
        assert (await settled(home.other, store.id)).file_counts.completed == 1
        assert len([name for name in reading.names if name.startswith("slow")]) == 2
        reading.open.set()
        assert (await settled(home.api, held.id)).file_counts.completed == 5


async def test_a_project_over_its_budget_waits_for_new_budget_and_delays_nobody(
    tmp_path: Path, reading: Reading
) -> None:
    options = EngineOptions(ingestion_seconds_per_hour=0.001)
    async with house(tmp_path, "engine", options=options, extract=reading) as home:
        files = [(await upload(home.api, f"{n}.txt", f"File {n}.")).id for n in range(2)]
        first = await home.api.create_vector_store(CreateVectorStore(file_ids=(files[0],)))
        assert (await settled(home.api, first.id)).file_counts.completed == 1
        second = await home.api.create_vector_store(CreateVectorStore(file_ids=(files[1],)))
        other = await upload(home.other, "other.txt", "Other.")
        store = await home.other.create_vector_store(CreateVectorStore(file_ids=(other.id,)))
        assert (await settled(home.other, store.id)).file_counts.completed == 1
        waiting = await home.api.retrieve_vector_store(second.id)
        assert waiting.file_counts.in_progress == 1
        assert reading.names == ["0.txt", "other.txt"]
        home.clock.advance(10_000_000)
        assert (await settled(home.api, second.id)).file_counts.completed == 1


async def test_a_cancelled_file_is_not_read(tmp_path: Path, reading: Reading) -> None:
    async with house(tmp_path, "engine", extract=reading) as home:
        reading.held = "held"
        files = [(await upload(home.api, f"held{n}.txt", f"Held {n}.")).id for n in range(3)]
        store = await home.api.create_vector_store(CreateVectorStore())
        batch = await home.api.create_file_batch(store.id, CreateFileBatch(file_ids=tuple(files)))
        await home.api.cancel_file_batch(store.id, batch.id)
        reading.open.set()
        later = await upload(home.api, "later.txt", "Later.")
        again = await home.api.create_vector_store(CreateVectorStore(file_ids=(later.id,)))
        assert (await settled(home.api, again.id)).file_counts.completed == 1
        assert "held2.txt" not in reading.names
        counts = (await home.api.retrieve_vector_store(store.id)).file_counts
        assert counts.cancelled == 3


async def chunk_count(directory: Path) -> int:
    (count,) = await execute(directory / "engine.db", "SELECT count(*) FROM chunk_index")
    return int(count)


async def test_a_file_that_was_half_written_when_the_process_stopped_is_written_once(
    tmp_path: Path,
) -> None:
    text = "Bees dance in summer. " * 4_000
    tables, database = await troubled_store(tmp_path / "engine.db")
    async with house(tmp_path, "engine", options=ONE_CHUNK_AT_ONCE, store=tables) as home:
        file = await upload(home.api, "bees.txt", text)
        held = database.hold_result(A_MIDDLE_CHUNK)
        store = await home.api.create_vector_store(CreateVectorStore(file_ids=(file.id,)))
        await held.begun.wait()
    with closing(sqlite3.connect(tmp_path / "engine.db")) as db:
        (begun,) = db.execute("SELECT count(*) FROM chunk_index").fetchone()
    async with house(tmp_path, "engine") as again:
        assert (await settled(again.api, store.id)).file_counts.completed == 1
        once = await chunk_count(tmp_path)
        assert 0 < begun < once
        other = await again.api.create_vector_store(CreateVectorStore(file_ids=(file.id,)))
        await settled(again.api, other.id)
        assert await chunk_count(tmp_path) == 2 * once


async def test_a_file_that_is_cancelled_while_it_is_written_leaves_nothing(tmp_path: Path) -> None:
    tables, database = await troubled_store(tmp_path / "engine.db")
    async with house(tmp_path, "engine", options=ONE_CHUNK_AT_ONCE, store=tables) as home:
        file = await upload(home.api, "bees.txt", "Bees dance in summer. " * 4_000)
        store = await home.api.create_vector_store(CreateVectorStore())
        held = database.hold_result(A_MIDDLE_CHUNK)
        batch = await home.api.create_file_batch(store.id, CreateFileBatch(file_ids=(file.id,)))
        await held.begun.wait()
        assert await chunk_count(tmp_path)
        await home.api.cancel_file_batch(store.id, batch.id)
        held.release()
        await eventually(lambda: chunk_count(tmp_path), lambda count: count == 0)
        place = await home.api.retrieve_store_file(store.id, file.id)
        assert place.status == "cancelled"
