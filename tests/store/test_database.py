"""The database file: one holder, whole transactions, one line when it can't be used."""

import asyncio
import os
import shutil
import sqlite3
import sys
import threading
from pathlib import Path

import pytest

from bot.store.database import Database, Migration, StoreError, inspect


def _notes(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE notes (text TEXT NOT NULL)")


MIGRATIONS: tuple[Migration, ...] = (_notes,)


async def _open(path: Path, migrations: tuple[Migration, ...] = MIGRATIONS) -> Database:
    return await Database.open(path, migrations, synchronous="FULL")


def _texts(db: sqlite3.Connection) -> list[str]:
    return [text for (text,) in db.execute("SELECT text FROM notes ORDER BY rowid")]


async def test_what_is_committed_is_there_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "down" / "notes.db"
    async with await _open(path) as database:
        await database.write(lambda db: db.execute("INSERT INTO notes VALUES ('a')").close())
    async with await _open(path) as database:
        assert await database.read(_texts) == ["a"]


async def test_a_transaction_that_raises_leaves_nothing(tmp_path: Path) -> None:
    async with await _open(tmp_path / "notes.db") as database:

        def work(db: sqlite3.Connection) -> None:
            db.execute("INSERT INTO notes VALUES ('half')")
            raise LookupError

        with pytest.raises(LookupError):
            await database.write(work)
        assert await database.read(_texts) == []
        await database.write(lambda db: db.execute("INSERT INTO notes VALUES ('next')").close())
        assert await database.read(_texts) == ["next"]


async def test_cancelled_writers_leave_no_transaction_open(tmp_path: Path) -> None:
    async with await _open(tmp_path / "notes.db") as database:
        for number in range(50):

            def work(db: sqlite3.Connection, number: int = number) -> None:
                db.execute("INSERT INTO notes VALUES (?)", (str(number),))

            task = asyncio.ensure_future(database.write(work))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await database.write(lambda db: db.execute("INSERT INTO notes VALUES ('end')").close())
        texts = await database.read(_texts)
        assert texts[-1] == "end"
        assert len(set(texts)) == len(texts)


async def test_readers_cannot_write(tmp_path: Path) -> None:
    async with await _open(tmp_path / "notes.db") as database:
        with pytest.raises(sqlite3.OperationalError):
            await database.read(lambda db: db.execute("INSERT INTO notes VALUES ('x')").close())


async def test_a_writer_elsewhere_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    async with await _open(path) as database:
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.ensure_future(
            database.write(lambda db: db.execute("INSERT INTO notes VALUES ('mine')").close())
        )
        assert await database.read(_texts) == []
        other.execute("INSERT INTO notes VALUES ('theirs')")
        other.execute("COMMIT")
        other.close()
        await writing
        assert await database.read(_texts) == ["theirs", "mine"]


async def test_a_second_process_is_refused_and_told_which_process_holds_the_database(
    tmp_path: Path,
) -> None:
    path = tmp_path / "notes.db"
    async with await _open(path):
        with pytest.raises(StoreError, match=f"held by another process .process {os.getpid()}."):
            await _open(path)
    async with await _open(path):
        pass  # let go of when it was closed


async def test_a_killed_process_releases_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    code = (
        "import sys, time; from pathlib import Path; from bot.store.database import FileLock\n"
        "lock = FileLock.take(Path(sys.argv[1])); print('held', flush=True); time.sleep(600)"
    )
    holder = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        str(path),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"held\n"
    with pytest.raises(StoreError, match=f"process {holder.pid}"):
        await _open(path)
    holder.kill()
    await holder.wait()
    async with await _open(path):
        pass


async def test_a_newer_database_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    async with await _open(path, (_notes, lambda db: db.execute("CREATE TABLE more (a)").close())):
        pass
    before = path.read_bytes()
    with pytest.raises(StoreError, match="newer version"):
        await _open(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"this is no database at all" * 100, b"SQLite format 3\0" + b"\1" * 5000]
)
async def test_a_corrupt_file_is_refused_and_not_touched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="not a sound database"):
        await _open(path)
    assert path.read_bytes() == content


async def test_a_database_with_a_damaged_page_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    async with await _open(path) as database:
        await database.write(
            lambda db: db.executemany(
                "INSERT INTO notes VALUES (?)", [("x" * 500,) for _ in range(200)]
            ).close()
        )
    damaged = bytearray(path.read_bytes())
    damaged[8192:12288] = b"\xff" * 4096
    path.write_bytes(damaged)
    with pytest.raises(StoreError, match="not a sound database"):
        await _open(path)
    assert path.read_bytes() == damaged


async def test_a_database_that_ends_in_the_middle_of_a_page_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    async with await _open(path) as database:
        await database.write(
            lambda db: db.execute("INSERT INTO notes VALUES (?)", ("x" * 9_000,)).close()
        )
    cut = path.read_bytes()[:-1_000]
    path.write_bytes(cut)
    with pytest.raises(StoreError, match="not a sound database"):
        await _open(path)
    assert path.read_bytes() == cut


async def test_the_last_page_of_a_killed_process_is_read_from_its_log(
    tmp_path: Path,
) -> None:
    path, left = tmp_path / "notes.db", tmp_path / "left" / "notes.db"
    left.parent.mkdir()
    async with await _open(path) as database:
        await database.write(lambda db: db.execute("INSERT INTO notes VALUES ('a')").close())
        # As it is on disk when the process dies while it moves its log into the file.
        for end in ("", "-wal"):
            shutil.copy(f"{path}{end}", f"{left}{end}")
        with left.open("ab") as file:
            file.write(bytes(100))
    async with await _open(left) as database:
        assert await database.read(_texts) == ["a"]


async def test_a_read_sees_one_moment_whatever_is_written_meanwhile(tmp_path: Path) -> None:
    async with await _open(tmp_path / "notes.db") as database:
        began, written = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def twice(db: sqlite3.Connection) -> tuple[list[str], list[str]]:
            before = _texts(db)
            loop.call_soon_threadsafe(began.set)
            assert written.wait(30)
            return before, _texts(db)

        reading = asyncio.create_task(database.read(twice))
        await began.wait()
        await database.write(lambda db: db.execute("INSERT INTO notes VALUES ('a')").close())
        written.set()
        assert await reading == ([], [])
        assert await database.read(_texts) == ["a"]


async def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="can't be written"):
        await _open(tmp_path / "file" / "notes.db")


async def test_a_failed_migration_leaves_the_version_before_it(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"

    def broken(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE half (a)")
        raise LookupError

    with pytest.raises(LookupError):
        await _open(path, (_notes, broken))
    async with await _open(path) as database:
        tables = await database.read(
            lambda db: [name for (name,) in db.execute("SELECT name FROM sqlite_master")]
        )
        assert tables == ["notes"]


async def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.db").mkdir()
    with pytest.raises(StoreError, match="can't be opened"):
        await _open(tmp_path / "notes.db")
    (tmp_path / "notes.db").rmdir()
    async with await _open(tmp_path / "notes.db"):
        pass  # the lock was released


async def test_an_inspection_refuses_what_opening_refuses(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    inspect(path, MIGRATIONS)
    assert not path.exists()
    async with await _open(path):
        inspect(path, MIGRATIONS)
        with pytest.raises(StoreError, match="newer version"):
            inspect(path, ())
    path.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(StoreError, match="not a sound database"):
        inspect(path, MIGRATIONS)
