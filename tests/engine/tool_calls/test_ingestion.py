"""Files made searchable: each is read once, projects take turns, and none takes too much time."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from bot.assistants.schema.vector_stores import CreateFileBatch, CreateVectorStore
from bot.engine import EngineOptions
from bot.engine.tool_calls import ingestion
from bot.hosted.extract import extract_text
from tests.support.assistants import House, house
from tests.support.databases import execute
from tests.support.eventually import eventually
from tests.support.files import settled, upload


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
def reading(monkeypatch: pytest.MonkeyPatch) -> Reading:
    reading = Reading()
    monkeypatch.setattr(ingestion, "extract_text", reading)
    return reading


async def test_a_file_in_many_stores_is_read_once(tmp_path: Path, reading: Reading) -> None:
    async with house(tmp_path, "engine") as home:
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
    async with house(tmp_path, "engine") as home:
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
    async with house(tmp_path, "engine") as home:
        reading.held = "slow"
        slow = [(await upload(home.api, f"slow{n}.txt", f"Slow {n}.")).id for n in range(5)]
        held = await home.api.create_vector_store(CreateVectorStore(file_ids=tuple(slow)))
        quick = await upload(home.other, "quick.txt", "Quick.")
        store = await home.other.create_vector_store(CreateVectorStore(file_ids=(quick.id,)))
        assert (await settled(home.other, store.id)).file_counts.completed == 1
        assert len([name for name in reading.names if name.startswith("slow")]) == 2
        reading.open.set()
        assert (await settled(home.api, held.id)).file_counts.completed == 5


async def test_a_project_beyond_its_seconds_waits_for_them_and_delays_nobody(
    tmp_path: Path, reading: Reading
) -> None:
    options = EngineOptions(ingestion_seconds_per_hour=0.001)
    async with house(tmp_path, "engine", options=options) as home:
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
    async with house(tmp_path, "engine") as home:
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


async def chunk_count(home: House) -> int:
    (count,) = await execute(home.engine.store, "SELECT count(*) FROM chunk_index")
    return int(count)


async def test_a_file_that_was_half_written_when_the_process_died_is_written_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingestion, "_WRITTEN_AT_ONCE", 1)
    written = asyncio.Event()
    add_chunks = ingestion._add_chunks  # noqa: SLF001 - the process dies between two writes

    def adds_one_and_stands_still(*arguments: Any) -> bool:
        if written.is_set():
            raise sqlite3.OperationalError("the process is dying")
        written.set()
        return add_chunks(*arguments)

    text = "Bees dance in summer. " * 400
    async with house(tmp_path, "engine") as home:
        whole = await upload(home.api, "whole.txt", text)
        store = await home.api.create_vector_store(CreateVectorStore(file_ids=(whole.id,)))
        await settled(home.api, store.id)
        once = await chunk_count(home)
        assert once > 3
        monkeypatch.setattr(ingestion, "_add_chunks", adds_one_and_stands_still)
        monkeypatch.setattr(ingestion.Ingestion, "_fail", stands_still)
        file = await upload(home.api, "bees.txt", text)
        store = await home.api.create_vector_store(CreateVectorStore(file_ids=(file.id,)))
        await written.wait()
        await home.api.delete_file(whole.id)
    monkeypatch.undo()
    async with house(tmp_path, "engine") as again:
        assert (await settled(again.api, store.id)).file_counts.completed == 1
        assert await chunk_count(again) == once


async def stands_still(*_: object) -> None:
    await asyncio.Event().wait()


async def test_a_file_that_is_cancelled_while_it_is_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingestion, "_WRITTEN_AT_ONCE", 1)
    async with house(tmp_path, "engine") as home:
        file = await upload(home.api, "bees.txt", "Bees dance in summer. " * 4_000)
        store = await home.api.create_vector_store(CreateVectorStore())
        batch = await home.api.create_file_batch(store.id, CreateFileBatch(file_ids=(file.id,)))
        await eventually(lambda: chunk_count(home))
        await home.api.cancel_file_batch(store.id, batch.id)
        await eventually(lambda: chunk_count(home), lambda count: count == 0)
        place = await home.api.retrieve_store_file(store.id, file.id)
        assert place.status == "cancelled"
