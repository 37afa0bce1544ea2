"""The engine's tables: a lookup must name the owner of the row."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.assistants.errors import APIError
from bot.assistants.schema.files import File
from bot.assistants.schema.objects import Assistant
from bot.assistants.schema.requests import Page
from bot.assistants.schema.vector_stores import VectorStore, VectorStoreFile, VectorStoreFileBatch
from bot.store.database import StoreError
from bot.store.engine import EngineStore, Tables, assistants_in
from tests.support.databases import execute

FILE = File(id="file-a", bytes=1, created_at=1, filename="a.txt", purpose="assistants")
IN_STORE: dict[str, Any] = {"created_at": 1, "vector_store_id": "vs_1"}

LOOKUPS: list[Callable[[Any], object]] = [
    lambda rows: rows.get(id="x"),
    lambda rows: rows.readable(id="x"),
    lambda rows: rows.all(id="x"),
    lambda rows: rows.each(id="x"),
    lambda rows: rows.delete(id="x"),
    lambda rows: rows.write(FILE, id="x"),
    lambda rows: rows.page(Page()),
]


def _tables(tables: Tables) -> list[Any]:
    files = tables.files
    return [
        *(tables.assistants, tables.threads, tables.messages, tables.runs, tables.steps),
        *(files.files, files.stores, files.store_files, files.batches),
    ]


@pytest.mark.parametrize("number", range(9))
@pytest.mark.parametrize("lookup", LOOKUPS)
async def test_a_lookup_that_names_no_owner_is_refused(
    tmp_path: Path, number: int, lookup: Callable[[Any], object]
) -> None:
    async with await EngineStore.open(tmp_path / "engine.db") as store:
        with pytest.raises(TypeError, match="must name its"):
            await store.write(lambda tables: lookup(_tables(tables)[number]))


async def test_a_file_is_found_and_deleted_in_its_own_project_only(tmp_path: Path) -> None:
    async with await EngineStore.open(tmp_path / "engine.db") as store:
        await store.write(lambda tables: tables.files.add_file("theirs", FILE))

        def work(tables: Tables) -> None:
            files = tables.files.files
            with pytest.raises(APIError, match="No file found with id 'file-a'"):
                files.get(id="file-a", project="mine")
            assert not files.delete(id="file-a", project="mine")
            assert files.get(id="file-a", project="theirs") == FILE

        await store.write(work)


async def test_a_batch_has_failed_once_all_its_files_have(tmp_path: Path) -> None:
    async with await EngineStore.open(tmp_path / "engine.db") as store:

        def work(tables: Tables) -> list[str]:
            files, batch = tables.files, VectorStoreFileBatch(**IN_STORE, id="vsfb_1")
            files.stores.insert(VectorStore(id="vs_1", created_at=1), id="vs_1", project="mine")
            files.batches.insert(batch, id=batch.id, store_id="vs_1")
            found: list[str] = []
            for name in ("file-a", "file-b"):
                files.add_file("mine", replace(FILE, id=name))
                files.add_store_file(VectorStoreFile(**IN_STORE, id=name), batch.id)
            for name in ("file-a", "file-b"):
                assert files.move_store_file("vs_1", name, "failed") is not None
                assert files.move_store_file("vs_1", name, "completed") is None
                found.append(files.batch(batch).status)
            assert files.move_store_file("vs_1", "file-c", "completed") is None
            return found

        assert await store.write(work) == ["in_progress", "failed"]


async def test_the_assistants_of_a_project_are_read_beside_the_process_that_has_the_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "engine.db"
    assert assistants_in(path, "mine") == frozenset()
    async with await EngineStore.open(path) as store:

        def work(tables: Tables) -> None:
            for id_, project, name in (("asst_1", "mine", "Ada"), ("asst_2", "theirs", "Bo")):
                assistant = Assistant(id=id_, created_at=1, name=name, model="m")
                tables.assistants.insert(assistant, id=id_, project=project)

        await store.write(work)
        insert = "INSERT INTO assistants (id, project, body) VALUES ('asst_3', 'mine', 'damaged')"
        await execute(path, insert)
        assert assistants_in(path, "mine") == {"asst_1", "Ada"}
    path.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(StoreError, match=r"The assistants in .* can't be read"):
        assistants_in(path, "mine")
