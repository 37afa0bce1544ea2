"""The index of chunks: rebuilt where an older version made it, and emptied with its files."""

from pathlib import Path

from bot.assistants.schema.files import File
from bot.assistants.schema.vector_stores import VectorStore, VectorStoreFile
from bot.hosted.search.query import parse_query, searchable
from bot.store.database import Database
from bot.store.engine import EngineStore, Tables
from bot.store.engine.rows import Unreadable
from bot.store.engine.schema import MIGRATIONS
from tests.support.databases import execute

STORE = "vs_1"
BEFORE = MIGRATIONS[:6]
"""The schema of the versions whose index of chunks had no stems."""


def fill(tables: Tables) -> None:
    files = tables.files
    files.stores.insert(VectorStore(id=STORE, created_at=0), id=STORE, project="default")
    for number, text in enumerate(["Cats sleep.", "東京都に住む猫", "A house is gone."]):
        name = f"file-{number}"
        file = File(id=name, bytes=1, created_at=0, filename=name, purpose="assistants")
        files.add_file("default", file)
        place = VectorStoreFile(id=name, created_at=0, vector_store_id=STORE)
        files.add_store_file(place, None)
        files.add_chunks(STORE, name, [(text, searchable(text))])
        files.move_store_file(STORE, name, "completed")


def found(tables: Tables, question: str) -> list[str]:
    return [
        hit.text for hit in tables.files.search("default", [STORE], parse_query(question).match, 10)
    ]


async def test_an_index_without_stems_is_rebuilt_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "engine.db"
    async with await Database.open(path, BEFORE, synchronous="NORMAL") as old:
        await old.write(lambda db: fill(Tables(db, Unreadable())))
        assert await old.read(lambda db: found(Tables(db, Unreadable()), "cat")) == []
    async with await EngineStore.open(path) as store:
        assert await store.read(lambda tables: found(tables, "cat")) == ["Cats sleep."]
        assert await store.read(lambda tables: found(tables, "猫")) == ["東京都に住む猫"]
        assert await store.read(lambda tables: found(tables, "東京")) == ["東京都に住む猫"]
        assert await store.read(lambda tables: found(tables, "houses")) == ["A house is gone."]


async def test_deleted_chunks_leave_the_rebuilt_index_too(tmp_path: Path) -> None:
    path = tmp_path / "engine.db"
    async with await Database.open(path, BEFORE, synchronous="NORMAL") as old:
        await old.write(lambda db: fill(Tables(db, Unreadable())))
    async with await EngineStore.open(path) as store:
        await store.write(lambda tables: tables.files.files.delete(id="file-0", project="default"))
        assert await store.read(lambda tables: found(tables, "cat")) == []
        left = "SELECT count(*) FROM chunk_index"
        assert await execute(path, left) == (2,)


async def test_chunks_of_a_file_are_found_once_it_is_completed_and_not_before(
    tmp_path: Path,
) -> None:
    async with await EngineStore.open(tmp_path / "engine.db") as store:

        def begin(tables: Tables) -> None:
            fill(tables)
            file = File(id="file-9", bytes=1, created_at=0, filename="late", purpose="assistants")
            tables.files.add_file("default", file)
            place = VectorStoreFile(id="file-9", created_at=0, vector_store_id=STORE)
            tables.files.add_store_file(place, None)
            assert tables.files.add_chunks(STORE, "file-9", [("late owls", "late owls")])

        await store.write(begin)
        assert await store.read(lambda tables: found(tables, "owls")) == []
        assert await store.read(lambda tables: tables.files.chunks(STORE, "file-9")) == (
            [],
            False,
        )
        await store.write(lambda tables: tables.files.move_store_file(STORE, "file-9", "completed"))
        assert await store.read(lambda tables: found(tables, "owls")) == ["late owls"]
        # neither added to nor dropped once it is completed
        assert not await store.write(
            lambda tables: tables.files.add_chunks(STORE, "file-9", [("more", "more")])
        )
        await store.write(lambda tables: tables.files.drop_chunks(STORE, "file-9"))
        assert await store.read(lambda tables: found(tables, "owls")) == ["late owls"]
