"""A backup taken while the bot runs, and a bot that goes on from it."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from bot.app.backup import backup
from bot.assistants.schema.files import UploadFile
from bot.assistants.schema.requests import CreateMessage, CreateRun, CreateThread
from bot.config import Config, StorageSettings
from bot.store.backup import Mark, copy_database, copy_files
from bot.store.database import StoreError
from tests.scenarios.community import Community, answer, community
from tests.support.eventually import eventually
from tests.support.model_turns import say


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


async def test_a_backup_has_whole_files_and_no_half_uploaded_ones(
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


async def test_an_empty_directory_is_not_backed_up(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nothing to back up"):
        await backup(config(tmp_path), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


async def test_a_damaged_database_is_not_taken_for_a_backup(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "bot.db").write_bytes(b"no database at all" * 500)
    with pytest.raises(StoreError, match=r"bot\.db is not a sound database"):
        await backup(config(data), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert not (tmp_path / "copy.part").exists()


async def test_a_database_that_is_cut_off_is_not_taken_for_a_backup(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with closing(sqlite3.connect(data / "bot.db")) as db, db:
        db.execute("CREATE TABLE notes (text TEXT)")
        db.execute("INSERT INTO notes VALUES (?)", ("x" * 9_000,))
    (data / "bot.db").write_bytes((data / "bot.db").read_bytes()[:-1_000])
    with pytest.raises(StoreError, match=r"bot\.db is not a sound database"):
        await backup(config(data), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


async def test_a_database_that_is_a_directory_fails_the_backup(
    running: Community, tmp_path: Path
) -> None:
    await running.stop_bot()
    (tmp_path / "data" / "bot.db").unlink()
    (tmp_path / "data" / "bot.db").mkdir()
    with pytest.raises(StoreError, match=r"bot\.db"):
        await backup(config(tmp_path / "data"), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("inside", ["copy", "files/copy", "deep/../copy"])
async def test_a_backup_is_not_written_into_the_directory_it_copies(
    running: Community, tmp_path: Path, inside: str
) -> None:
    with pytest.raises(StoreError, match="inside"):
        await backup(config(tmp_path / "data"), tmp_path / "data" / inside)
    names = {path.name for path in (tmp_path / "data").rglob("*")}
    assert not any("copy" in name for name in names)


async def test_a_file_in_place_of_the_target_is_named_and_stays(
    running: Community, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(StoreError, match="is a file"):
        await backup(config(tmp_path / "data"), tmp_path / "mine")
    assert (tmp_path / "mine").read_text() == "mine"


async def test_a_file_that_comes_and_goes_meanwhile_leaves_no_row_without_its_bytes(
    running: Community, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    (data / "files").mkdir(exist_ok=True)
    copies: list[str] = []

    def copy(source: Path, target: Path, mark: Mark | None) -> None:
        """Upload a file right before the first copy of engine.db, and delete it right after."""
        copies.append(source.name)
        if copies.count("engine.db") != 1:
            return copy_database(source, target, mark)
        with closing(sqlite3.connect(source)) as db:
            (data / "files" / "file-brief").write_bytes(b"brief")
            with db:
                db.execute(
                    "INSERT INTO files (id, project, purpose, body) "
                    "VALUES ('file-brief', 'bot', 'assistants', '{}')"
                )
            copy_database(source, target, mark)
            with db:
                db.execute("DELETE FROM files")
        (data / "files" / "file-brief").unlink()
        return None

    await backup(config(data), tmp_path / "copy", copy)
    assert copies == ["bot.db", "engine.db", "engine.db"]
    with closing(sqlite3.connect(tmp_path / "copy" / "engine.db")) as db:
        assert db.execute("SELECT id FROM files").fetchall() == []


def test_a_copy_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    source, taken = tmp_path / "bot.db", tmp_path / "taken"
    with closing(sqlite3.connect(source)) as db:
        db.execute("CREATE TABLE notes (text TEXT)")
    with pytest.raises(StoreError, match=r"bot\.db could not be copied to .*missing"):
        copy_database(source, tmp_path / "missing" / "bot.db")
    taken.write_text("a file")
    with pytest.raises(StoreError, match=r"could not be copied to .*taken"):
        copy_files(tmp_path, taken)


async def test_a_backup_has_a_hundred_runs_that_write_meanwhile(
    running: Community, tmp_path: Path
) -> None:
    assistant = running.assistant_id
    # One of the runs goes on until the second copy is made.
    held = running.model.gate()
    running.model.otherwise = lambda asked: say(
        asked.question + " word" * 40,
        per_second=100,
        first=held if asked.question == "0.0" else None,
    )

    async def converse(number: int) -> None:
        thread = await running.api.create_thread(CreateThread())
        upload = await running.api.upload_file(
            UploadFile(filename=f"{number}.txt", purpose="assistants"), _pieces(b"text")
        )
        for turn in range(2):
            text = f"{number}.{turn}"
            await running.api.create_message(thread.id, CreateMessage(role="user", content=text))
            stream = await running.api.stream_run(thread.id, CreateRun(assistant_id=assistant))
            async for _ in stream:
                pass
        if number % 3 == 0:
            await running.api.delete_file(upload.id)

    working = asyncio.gather(*(converse(number) for number in range(100)))

    async def wrote(more: int) -> None:
        count = len(running.model.requests) + more
        await eventually(lambda: working.done() or len(running.model.requests) >= count)

    copies = 0
    while not working.done():
        copies += 1
        await backup(config(tmp_path / "data"), tmp_path / f"copy-{copies}")
        if copies == 2:
            held.open()
        if copies > 1:
            # The next copy is made while the runs have written more.
            await wrote(20)
    await working
    for number in range(1, copies + 1):
        copy = tmp_path / f"copy-{number}"
        for name in ("bot.db", "engine.db"):
            with closing(sqlite3.connect(copy / name)) as db:
                assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                assert db.execute("PRAGMA foreign_key_check").fetchall() == []
                if name == "engine.db":
                    rows = {row[0] for row in db.execute("SELECT id FROM files")}
        assert rows <= {path.name for path in (copy / "files").iterdir()}
    # The last one goes on with the runs that it caught on their way.
    await restored(running, tmp_path / f"copy-{copies}")
    with closing(sqlite3.connect(running.directory / "engine.db")) as db:
        active = "SELECT count(*) FROM runs WHERE status IN ('queued', 'in_progress')"
        await eventually(lambda: db.execute(active).fetchone() == (0,))
        ended = db.execute("SELECT DISTINCT status FROM runs").fetchall()
    assert ended == [("completed",)]


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    yield data
