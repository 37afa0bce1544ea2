"""The private parts of aiosqlite that the store uses: a version without them is refused."""

import asyncio
import sqlite3
import threading
from pathlib import Path

import aiosqlite
import pytest

from bot.store.aiosqlite_internals import ThreadConnection, missing_internals
from bot.store.database import Database, StoreError


class NoExecute:
    """A connection of another version: its ``_execute`` takes SQL instead of a function."""

    async def _execute(self, sql: str) -> None: ...

    @property
    def _conn(self) -> None: ...


class NoConnection:
    """A connection of another version: ``_conn`` is a method."""

    async def _execute(self, fn: object, *args: object) -> None: ...

    def _conn(self) -> None: ...


def names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


def test_the_installed_aiosqlite_has_all_parts() -> None:
    assert missing_internals() == ()


@pytest.mark.parametrize(
    ("connection", "missing"),
    [
        (NoExecute, ("Connection._execute(fn, *args)",)),
        (NoConnection, ("Connection._conn",)),
        (object, ("Connection._execute(fn, *args)", "Connection._conn")),
    ],
)
def test_a_missing_part_is_named(connection: type[object], missing: tuple[str, ...]) -> None:
    assert missing_internals(connection) == missing


async def test_a_database_is_not_opened_with_another_aiosqlite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(aiosqlite.Connection, "_conn")
    with pytest.raises(StoreError, match=r"aiosqlite \S+ lacks Connection\._conn, which this"):
        await Database.open(tmp_path / "bot.db", (), synchronous="FULL")
    assert names(tmp_path) == []


async def test_a_function_runs_to_its_end_on_the_thread_after_its_caller_was_cancelled(
    tmp_path: Path,
) -> None:
    began, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def work(db: sqlite3.Connection) -> None:
        began.set()
        assert go_on.wait(20)
        db.execute("CREATE TABLE t (x)")
        ended.set()

    async with ThreadConnection(lambda: sqlite3.connect(tmp_path / "x.db"), 64) as connection:
        assert isinstance(connection, ThreadConnection)
        running = asyncio.create_task(connection.run(work))
        await asyncio.to_thread(began.wait, 20)
        running.cancel()
        await asyncio.wait({running})
        assert running.cancelled()
        go_on.set()
        assert await asyncio.to_thread(ended.wait, 20)
        tables = await connection.run(
            lambda db: db.execute("SELECT name FROM sqlite_master").fetchall()
        )
        assert tables == [("t",)]
