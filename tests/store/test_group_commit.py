"""Transactions that wait together: one commit, an outcome for each, in their order."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.store.database import Database, StoreUnavailableError
from bot.store.group_commit import Commits, Work
from tests.support.eventually import PATIENCE


def _notes(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE notes (text TEXT NOT NULL)")


def _texts(db: sqlite3.Connection) -> list[str]:
    return [text for (text,) in db.execute("SELECT text FROM notes ORDER BY rowid")]


def _note(text: str) -> Work[str]:
    def work(db: sqlite3.Connection) -> str:
        db.execute("INSERT INTO notes VALUES (?)", (text,))
        return text

    return work


def _refused(text: str) -> Work[str]:
    def work(db: sqlite3.Connection) -> str:
        _note(text)(db)
        raise LookupError(text)

    return work


def _ended(db: sqlite3.Connection) -> str:
    """Do what SQLite does on a full disk or a failing one: the whole transaction is gone."""
    db.execute("ROLLBACK")
    raise sqlite3.OperationalError("database or disk is full")


@asynccontextmanager
async def _busy(database: Database) -> AsyncIterator[threading.Event]:
    """Have the writer's thread at work until the event is set, so that others wait together."""
    began, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def work(db: sqlite3.Connection) -> None:
        loop.call_soon_threadsafe(began.set)
        assert go_on.wait(30)

    busy = asyncio.create_task(database.write(work))
    await began.wait()
    try:
        yield go_on
    finally:
        go_on.set()
        await busy


async def _open(path: Path) -> Database:
    return await Database.open(path, (_notes,), synchronous="FULL")


async def test_transactions_that_wait_together_share_one_commit(tmp_path: Path) -> None:
    statements: list[str] = []
    async with await _open(tmp_path / "notes.db") as database:
        await database.write(lambda db: db.set_trace_callback(statements.append))
        async with _busy(database) as go_on:
            waiting = [asyncio.create_task(database.write(_note(str(n)))) for n in range(100)]
            await asyncio.sleep(0)
            go_on.set()
        assert await asyncio.gather(*waiting) == [str(n) for n in range(100)]
        assert await database.read(_texts) == [str(n) for n in range(100)]
    assert statements.count("COMMIT") == 3  # of who set the trace, the busy one, and theirs


async def test_a_transaction_that_raises_fails_alone(tmp_path: Path) -> None:
    async with await _open(tmp_path / "notes.db") as database:
        async with _busy(database):
            before = asyncio.create_task(database.write(_note("before")))
            refused = asyncio.create_task(database.write(_refused("refused")))
            behind = asyncio.create_task(database.write(_note("behind")))
            await asyncio.sleep(0)
        with pytest.raises(LookupError, match="refused"):
            await refused
        assert [await before, await behind] == ["before", "behind"]
        assert await database.read(_texts) == ["before", "behind"]


async def test_a_transaction_that_sqlite_ended_fails_the_whole_group(
    tmp_path: Path,
) -> None:
    async with await _open(tmp_path / "notes.db") as database:
        async with _busy(database):
            waiting = [
                asyncio.create_task(database.write(work))
                for work in (_note("before"), _ended, _note("behind"))
            ]
            await asyncio.sleep(0)
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [StoreUnavailableError] * 3
        assert {str(outcome) for outcome in outcomes} == {"database or disk is full"}
        assert await database.read(_texts) == []
        assert await database.write(_note("next")) == "next"


async def test_the_group_is_committed_though_its_first_caller_is_cancelled(tmp_path: Path) -> None:
    async with await _open(tmp_path / "notes.db") as database:
        async with _busy(database):
            first = asyncio.create_task(database.write(_note("first")))
            others = [asyncio.create_task(database.write(_note(str(n)))) for n in range(3)]
            await asyncio.sleep(0)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            assert first.cancelled()
        assert await asyncio.gather(*others) == ["0", "1", "2"]
        assert await database.read(_texts) == ["first", "0", "1", "2"]


async def test_writes_to_a_closed_database_all_raise(tmp_path: Path) -> None:
    database = await _open(tmp_path / "notes.db")
    await database.close()
    waiting = [asyncio.create_task(database.write(_note(str(n)))) for n in range(3)]
    outcomes = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), PATIENCE)
    assert [type(outcome) for outcome in outcomes] == [ValueError] * 3


async def test_a_writer_that_is_closed_before_it_begins_raises_for_all_who_wait() -> None:
    async def gone(work: Work[None]) -> None:
        await asyncio.sleep(0)  # others come meanwhile
        raise ValueError("closed")

    commits = Commits(gone)
    waiting = [asyncio.create_task(commits.write(_note(str(n)))) for n in range(3)]
    outcomes = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), PATIENCE)
    assert [str(outcome) for outcome in outcomes] == ["closed"] * 3


@settings(max_examples=40, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(("kept", "refused", "cancelled", "later")), max_size=40),
)
async def test_each_caller_gets_its_own_outcome_and_the_file_has_what_was_committed(
    kinds: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with await _open(tmp_path_factory.mktemp("commits") / "notes.db") as database:
        tasks: list[asyncio.Task[str]] = []
        for number, kind in enumerate(kinds):
            work = _refused(str(number)) if kind == "refused" else _note(str(number))
            tasks.append(asyncio.create_task(database.write(work)))
            await asyncio.sleep(0)
            if kind == "cancelled":
                tasks[-1].cancel()
            if kind == "later":
                await asyncio.wait(tasks)
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        expected = [n for n, kind in enumerate(kinds) if kind in ("kept", "later")]
        for number, kind in enumerate(kinds):
            outcome = outcomes[number]
            if kind == "refused":
                assert isinstance(outcome, LookupError)
                assert str(outcome) == str(number)
            elif kind != "cancelled":
                assert outcome == str(number)
        held = [int(text) for text in await database.read(_texts)]
        # One that was cancelled had begun already: it is whole or not there, and in its place.
        assert [n for n in held if kinds[n] != "cancelled"] == expected
        assert held == sorted(held)
