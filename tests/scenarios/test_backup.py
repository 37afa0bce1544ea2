"""A backup taken while the bot runs, and a bot that goes on from it."""

import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from bot.app.backup import backup
from bot.config import Config, StorageSettings
from bot.store.backup import copy_files
from bot.store.database import StoreError
from tests.scenarios.community import Community, answer, community


def config(directory: Path) -> Config:
    return msgspec.structs.replace(Config(), storage=StorageSettings(directory=str(directory)))


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Community]:
    (tmp_path / "data").mkdir()
    async with community(tmp_path / "data", "channel") as whole:
        yield whole


async def restored(whole: Community, directory: Path) -> None:
    await whole.stop_bot()
    await whole.stop_engine()
    whole.directory = directory
    await whole.start_engine()
    await whole.start_bot()


async def test_a_bot_goes_on_from_a_backup_that_was_made_while_it_answered(
    running: Community, tmp_path: Path
) -> None:
    await running.ask("one")
    await running.finished(running.general)
    thread_id = await running.thread_id(running.general)
    gate = running.model.stall("Half", then=" and whole.")
    await running.ask("two")
    await running.in_state(2, "running")
    await backup(config(tmp_path / "data"), tmp_path / "copy")
    await restored(running, tmp_path / "copy")
    gate.open()
    assert answer(await running.finished(running.general, 2)) == "two"
    assert await running.thread_id(running.general) == thread_id
    assert await running.on_thread(running.general) == [
        ("user", "one"),
        ("assistant", "one"),
        ("user", "two"),
        ("assistant", "two"),
    ]
    assert len(running.replies(running.general)) == 2


async def test_every_copy_made_while_somebody_writes_is_whole(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with closing(sqlite3.connect(data / "bot.db")) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE pairs (a INTEGER, b INTEGER)")
    stop = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(data / "bot.db", timeout=30)) as db:
            number = 0
            while not stop.is_set():
                number += 1
                with db:
                    db.execute("INSERT INTO pairs VALUES (?, NULL)", (number,))
                    db.execute("UPDATE pairs SET b = a WHERE a = ?", (number,))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(10):
            await backup(config(data), tmp_path / f"copy-{number}")
            with closing(sqlite3.connect(tmp_path / f"copy-{number}" / "bot.db")) as db:
                wrong = db.execute("SELECT count(*) FROM pairs WHERE b IS NOT a").fetchone()
            assert wrong == (0,)
    finally:
        stop.set()
        writer.join()


async def test_files_are_in_it_and_half_uploaded_ones_are_not(
    running: Community, tmp_path: Path
) -> None:
    files = tmp_path / "data" / "files"
    files.mkdir(exist_ok=True)
    (files / "file-abc").write_bytes(b"whole")
    (files / "file-def.part").write_bytes(b"ha")
    await backup(config(tmp_path / "data"), tmp_path / "copy")
    assert [path.name for path in (tmp_path / "copy" / "files").iterdir()] == ["file-abc"]
    assert (tmp_path / "copy" / "files" / "file-abc").read_bytes() == b"whole"
    assert not (tmp_path / "copy.part").exists()
    # Once more only adds what is new.
    (files / "file-ghi").write_bytes(b"new")
    copy_files(files, tmp_path / "copy" / "files")
    assert len(list((tmp_path / "copy" / "files").iterdir())) == 2


async def test_a_directory_that_is_not_empty_is_refused_and_stays_as_it_is(
    running: Community, tmp_path: Path
) -> None:
    target = tmp_path / "mine"
    target.mkdir()
    await backup(config(tmp_path / "data"), target)
    before = sorted(path.name for path in target.iterdir())
    with pytest.raises(StoreError, match="not empty"):
        await backup(config(tmp_path / "data"), target)
    assert sorted(path.name for path in target.iterdir()) == before


async def test_where_there_is_nothing_nothing_is_copied(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nothing to back up"):
        await backup(config(tmp_path), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


async def test_a_damaged_database_is_not_taken_for_a_backup(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "bot.db").write_bytes(b"no database at all" * 500)
    with pytest.raises(StoreError, match=r"bot\.db"):
        await backup(config(data), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert not (tmp_path / "copy.part").exists()
