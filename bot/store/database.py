"""One SQLite file that one process holds: opening, migrations, transactions, closing.

A transaction is a plain function that runs whole on the writer's thread. So a cancelled task cannot
leave a transaction open, and a transaction never waits for the event loop.
"""

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, Literal, Self, TypeVar

import aiosqlite

from bot.runtime.metrics import Metrics
from bot.store.aiosqlite_internals import ThreadConnection, missing_internals
from bot.store.group_commit import Commits, Work
from bot.store.search_readers import SearchReaders, SearchWork

T = TypeVar("T")

Migration = Callable[[sqlite3.Connection], None]
"""Brings the schema to the next version; runs in one transaction with the version number."""

_READERS: Final = 2


def script(*statements: str) -> Migration:
    """Return the migration that executes these statements in their order."""

    def migrate(db: sqlite3.Connection) -> None:
        for statement in statements:
            db.execute(statement)

    return migrate


class StoreError(Exception):
    """A database that can't be used; the text tells the operator the cause and a remedy."""


class HeldError(StoreError):
    """A database that another process holds."""


class StoreUnavailableError(StoreError, sqlite3.OperationalError):
    """A database that can't be used now, but may be later: a full disk, another writer."""


@contextlib.contextmanager
def _unavailable() -> Iterator[None]:
    """Raise ``StoreUnavailableError`` for SQLite's operational errors."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StoreUnavailableError(str(error)) from error


class Database:
    """An open database; make one with ``Database.open``."""

    def __init__(
        self,
        path: Path,
        lock: "FileLock",
        writer: ThreadConnection,
        readers: list[ThreadConnection],
        search_readers: list[ThreadConnection],
        metrics: Metrics,
    ) -> None:
        self.path = path
        self._metrics = metrics
        self._lock = lock
        self._writer = writer
        self._readers = readers
        self._next_reader = 0
        self._search_readers = SearchReaders(search_readers)
        self._commits = Commits(writer.run)

    @classmethod
    async def open(
        cls,
        path: Path,
        migrations: Sequence[Migration],
        *,
        synchronous: Literal["FULL", "NORMAL"],
        search_readers: int = 0,
        busy_seconds: float = 30.0,
        metrics: Metrics | None = None,
    ) -> Self:
        """Open or create the database at ``path``, lock it and bring its schema up to date.

        ``search_readers`` is the number of connections for ``search``; ``busy_seconds`` is how long
        a write waits for another process that writes. Raises ``StoreError``, and changes nothing,
        if the directory can't be written, another process holds the file, the file is not a sound
        database or a newer version wrote it.
        """
        if missing := missing_internals():
            raise StoreError(
                f"The installed aiosqlite {aiosqlite.__version__} lacks {' and '.join(missing)}, "
                "which this program uses. Install this program again: pip then finds one that fits."
            )
        async with contextlib.AsyncExitStack() as undo:
            lock = FileLock.take(path)
            undo.callback(lock.release)

            async def connect(*, writes: bool) -> ThreadConnection:
                connection = await _connect(path, synchronous, busy_seconds, writes=writes)
                undo.push_async_callback(connection.close)
                return connection

            with _explaining(path):
                writer = await connect(writes=True)
                await writer.run(lambda db: _migrate(db, migrations, path))
                readers = [await connect(writes=False) for _ in range(_READERS)]
                searchers = [await connect(writes=False) for _ in range(search_readers)]
            undo.pop_all()
        return cls(path, lock, writer, readers, searchers, metrics or Metrics())

    async def write(self, work: Work[T]) -> T:
        """Run ``work`` in one transaction: committed if it returns, rolled back if it raises.

        Transactions that wait for the writer are committed together. Raises
        ``StoreUnavailableError`` if another process writes for more than ``busy_seconds``.
        """
        with self._measured("write"):
            return await self._commits.write(work)

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` on one snapshot of the committed data, beside any writer."""

        def snapshot(db: sqlite3.Connection) -> T:
            db.execute("BEGIN")
            try:
                return work(db)
            finally:
                db.execute("ROLLBACK")

        self._next_reader = (self._next_reader + 1) % len(self._readers)
        with self._measured("read"):
            return await self._readers[self._next_reader].run(snapshot)

    @contextlib.contextmanager
    def _measured(self, work: Literal["read", "write"]) -> Iterator[None]:
        began = time.perf_counter()
        try:
            with _unavailable():
                yield
        finally:
            self._metrics.database_worked(self.path.name, work, time.perf_counter() - began)

    async def probe(self) -> None:
        """Write to the disk and change nothing; raises ``StoreUnavailableError`` if it fails."""
        await self.write(_rewrite_version)

    async def search(self, work: SearchWork[T], *, group: str, seconds: float) -> T:
        """Run a slow read on the connections for searches, so that other reads do not wait for it.

        ``group`` names for whom the search is, such as a project; groups take turns. Raises
        ``SearchStoppedError`` if the search takes longer than ``seconds``. A cancelled caller stops
        its search.
        """
        with _unavailable():
            return await self._search_readers.run(work, group, seconds)

    async def close(self) -> None:
        """Close the database and release its lock; committed data is in the file."""
        try:
            await self._search_readers.close()
            for reader in self._readers:
                await reader.close()
            with contextlib.suppress(
                sqlite3.OperationalError
            ):  # another process reads, or the disk is full
                await self._writer.run(_checkpoint)
            await self._writer.close()
        finally:
            self._lock.release()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()


class FileLock:
    """Holds ``<database>.lock``; the system releases the lock when the process dies."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> Self:
        """Create the directory and lock the file; raises ``StoreError`` that names the holder."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                f"The data directory {path.parent} can't be written ({error.strerror}). Let this "
                "user write there, or name another one in [storage] directory."
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 64, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise HeldError(
                f"{path} is held by another process"
                + (f" (process {holder})" if holder else "")
                + ". Stop that one, or name another [storage] directory for this one."
            ) from error
        # The process id is only for people to read: a full disk must not prevent the start.
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Release the lock, so that another process can take it."""
        os.close(self._descriptor)


async def _connect(
    path: Path, synchronous: Literal["FULL", "NORMAL"], busy_seconds: float, *, writes: bool
) -> ThreadConnection:
    def connector() -> sqlite3.Connection:
        return sqlite3.connect(
            path, timeout=busy_seconds, isolation_level=None, check_same_thread=False
        )

    def configure(db: sqlite3.Connection) -> None:
        db.execute("PRAGMA foreign_keys = ON")
        # What is deleted must not stay readable in free pages of the file.
        db.execute("PRAGMA secure_delete = ON" if writes else "PRAGMA query_only = ON")
        db.execute(f"PRAGMA synchronous = {synchronous}")
        db.execute("PRAGMA cache_size = -16384")

    if writes:
        # Created first: aiosqlite can't close a connection whose thread failed to open the file.
        # Only before the first connection: closing any descriptor of the file drops all POSIX
        # locks of this process on it, and the next process to look would delete the WAL.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = ThreadConnection(connector, iter_chunk_size=64)
    await connection
    try:
        await connection.run(configure)
    except BaseException:
        await connection.close()
        raise
    return connection


def _rewrite_version(db: sqlite3.Connection) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    db.execute(f"PRAGMA user_version = {int(version)}")


def _checkpoint(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()


def read_only(path: Path) -> "closing[sqlite3.Connection]":
    """Open a database that another process may hold, to read it in a ``with`` block."""
    return closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True))


@contextlib.contextmanager
def reading(path: Path, what: str) -> Iterator[sqlite3.Connection]:
    """Open a database as ``read_only`` does; raise ``StoreError`` if ``what`` can't be read."""
    try:
        with read_only(path) as db:
            yield db
    except sqlite3.Error as error:
        raise StoreError(
            f"{what} in {path} can't be read ({error}). Check the file and its permissions."
        ) from error


def fault_of(db: sqlite3.Connection, path: Path) -> str | None:
    """Return the fault of an open database; None if the database is sound."""
    (page_size,) = db.execute("PRAGMA page_size").fetchone()
    log = path.with_name(f"{path.name}-wal")
    # SQLite does not notice a file that is cut off. The last page of a killed process may still be
    # in its log. (The file is not opened: closing its descriptor would drop our locks.)
    if path.stat().st_size % page_size and not (log.exists() and log.stat().st_size):
        return "it ends in the middle of a page"
    (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
    return None if verdict == "ok" else str(verdict)


def inspect(path: Path, migrations: Sequence[Migration]) -> None:
    """Raise ``StoreError`` if ``Database.open`` would refuse the file; changes nothing."""
    if not path.exists():
        return
    with _explaining(path), read_only(path) as db:
        _require_usable(db, migrations, path)


def _require_usable(db: sqlite3.Connection, migrations: Sequence[Migration], path: Path) -> int:
    """Return the schema version of a sound file; raises ``StoreError`` for a newer version."""
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > len(migrations):
        raise StoreError(
            f"{path} was written by a newer version of this program (schema {version}, this one "
            f"knows {len(migrations)}). Install the newer version again; nothing was changed."
        )
    # A damaged file is refused before anything is written into it.
    if (fault := fault_of(db, path)) is not None:
        raise sqlite3.DatabaseError(fault)
    return version


def _migrate(db: sqlite3.Connection, migrations: Sequence[Migration], path: Path) -> None:
    version = _require_usable(db, migrations, path)
    db.execute("PRAGMA journal_mode = WAL").fetchone()
    for number, migration in enumerate(migrations[version:], start=version + 1):
        db.execute("BEGIN IMMEDIATE")
        try:
            migration(db)
            db.execute(f"PRAGMA user_version = {number}")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


@contextlib.contextmanager
def _explaining(path: Path) -> Iterator[None]:
    """Raise ``StoreError``, with the cause and a remedy, for errors of SQLite and of the system."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StoreError(
            f"{path} can't be opened ({error}). Check that its directory has room and can be "
            "written by this user."
        ) from error
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"{path} is not a sound database ({error}). Nothing was changed: move it away to start "
            "anew, or put a backup in its place."
        ) from error
    except OSError as error:
        raise StoreError(
            f"{path} can't be opened ({error.strerror}). Let this user read and write it."
        ) from error
