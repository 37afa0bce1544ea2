"""Searches have separate connections: bounded, fair, and stopped once nobody waits."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.store.database import Database, StoreUnavailableError
from bot.store.search_readers import Check, SearchStoppedError
from tests.support.eventually import PATIENCE

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
LONG = 3600.0
READERS = 3


def _notes(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE notes (text TEXT NOT NULL)")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with await Database.open(
        tmp_path / "notes.db", (_notes,), synchronous="NORMAL", search_readers=READERS
    ) as database:
        yield database


class Endless:
    """A search that SQLite never ends by itself; tells when it has begun, and that it ended."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.ended = threading.Event()

    def __call__(self, db: sqlite3.Connection, check: Check) -> int:
        self.begun.set()
        try:
            return int(db.execute(ENDLESS).fetchone()[0])
        finally:
            self.ended.set()


def count(db: sqlite3.Connection, check: Check) -> int:
    check()
    return int(db.execute("SELECT count(*) FROM notes").fetchone()[0])


async def until(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 20)


async def test_a_search_that_takes_too_long_is_stopped_within_a_statement(
    database: Database,
) -> None:
    with pytest.raises(SearchStoppedError):
        await database.search(Endless(), group="a", seconds=0.05)
    assert await database.search(count, group="a", seconds=LONG) == 0


async def test_a_search_is_stopped_in_a_loop_outside_of_sqlite(database: Database) -> None:
    def loop(_: sqlite3.Connection, check: Check) -> None:
        while True:
            check()

    with pytest.raises(SearchStoppedError):
        await database.search(loop, group="a", seconds=0.05)


async def test_a_search_stops_when_its_caller_goes(database: Database) -> None:
    search = Endless()
    task = asyncio.create_task(database.search(search, group="a", seconds=LONG))
    await until(search.begun)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(search.ended)
    for _ in range(2 * READERS):  # each of the connections is whole again
        assert await database.search(count, group="a", seconds=LONG) == 0


async def test_searches_of_one_group_delay_neither_reads_nor_searches_of_another(
    database: Database,
) -> None:
    searches = [Endless() for _ in range(20)]
    tasks = [
        asyncio.create_task(database.search(search, group="greedy", seconds=LONG))
        for search in searches
    ]
    await until(searches[0].begun)
    async with asyncio.timeout(PATIENCE):
        for _ in range(10):
            assert await database.search(count, group="modest", seconds=LONG) == 0
            await database.write(lambda db: None)
            await database.read(lambda db: db.execute("SELECT 1").fetchone())
    assert sum(search.begun.is_set() for search in searches) <= READERS - 1
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)


async def test_a_search_sees_one_snapshot_and_writes_nothing(database: Database) -> None:
    await database.write(lambda db: db.execute("INSERT INTO notes VALUES ('a')").close())

    def write(db: sqlite3.Connection, check: Check) -> None:
        db.execute("INSERT INTO notes VALUES ('b')")

    with pytest.raises(StoreUnavailableError):
        await database.search(write, group="a", seconds=LONG)
    assert await database.search(count, group="a", seconds=LONG) == 1


async def test_an_error_of_a_search_reaches_its_caller(database: Database) -> None:
    def fail(db: sqlite3.Connection, check: Check) -> None:
        raise LookupError

    for _ in range(2 * READERS):
        with pytest.raises(LookupError):
            await database.search(fail, group="a", seconds=LONG)


async def test_closing_stops_the_searches(tmp_path: Path) -> None:
    database = await Database.open(
        tmp_path / "notes.db", (_notes,), synchronous="NORMAL", search_readers=READERS
    )
    search = Endless()
    task = asyncio.create_task(database.search(search, group="a", seconds=LONG))
    await until(search.begun)
    async with asyncio.timeout(PATIENCE):
        await database.close()
    with pytest.raises(SearchStoppedError):
        await task
