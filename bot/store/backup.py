"""Copies databases and files for a backup, also while another process uses the originals.

SQLite copies a snapshot of the database, which neither waits for writers nor delays them.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from bot.store.database import StoreError, fault_of, read_only

Mark = Callable[[sqlite3.Connection], None]
"""Changes the copy of a database, for example to mark it as a copy."""

CopyDatabase = Callable[[Path, Path, Mark | None], None]
"""Copies the database at the first path to the second one, like ``copy_database``."""


def copy_database(source: Path, target: Path, mark: Mark | None = None) -> None:
    """Copy a snapshot of a database, check the copy and ``mark`` it; raises ``StoreError``."""
    try:
        # Closed at once: an open reader keeps SQLite's write-ahead log from shrinking.
        with (
            read_only(source) as original,
            closing(sqlite3.connect(target)) as copy,
        ):
            # Checked before the copy too: the copy of a file that is cut off looks complete.
            fault = fault_of(original, source)
            if fault is None:
                original.backup(copy)
                # Without a log beside it, the one file is the whole backup.
                copy.execute("PRAGMA journal_mode = DELETE").fetchone()
                fault = fault_of(copy, target)
            if fault is None and mark is not None:
                # What ``mark`` removes, such as secrets, is overwritten with zeros.
                copy.execute("PRAGMA secure_delete = ON").fetchone()
                with copy:
                    mark(copy)
    except sqlite3.OperationalError as error:
        raise StoreError(
            f"{source} could not be copied to {target} ({error}). Check that there is room, and "
            "that this user may read and write there."
        ) from error
    except sqlite3.DatabaseError as error:
        fault = str(error)
    if fault is not None:
        raise StoreError(
            f"{source} is not a sound database ({fault}), and was not copied. Keep the backups "
            "that were made before."
        )
    # An empty log: restored over the files of a killed process, the copy must not get its log.
    log = target.with_name(f"{target.name}-wal")
    try:
        log.touch()
        _to_disk(target)
        _to_disk(log)
    except OSError as error:
        raise StoreError(f"{target} could not be written ({error.strerror}).") from error


def missing_files(database: Path, directory: Path) -> frozenset[str]:
    """Return the ids of files that an engine's database has and that a directory lacks."""
    with closing(sqlite3.connect(database)) as db:
        (tables,) = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'files'").fetchone()
        known = {row[0] for row in db.execute("SELECT id FROM files")} if tables else set()
    return frozenset(name for name in known if not (directory / name).is_file())


def copy_files(source: Path, target: Path) -> None:
    """Copy the files of a directory that ``target`` lacks; raises ``StoreError``.

    Unfinished uploads (``.part``) are left out.
    """
    try:
        target.mkdir(parents=True, exist_ok=True)
        for path in sorted(source.iterdir()) if source.is_dir() else ():
            copy = target / path.name
            if path.suffix == ".part" or copy.exists() or not path.is_file():
                continue
            try:
                shutil.copy2(path, copy)
            except FileNotFoundError:
                # Deleted by its owner since the directory was listed.
                continue
            _to_disk(copy)
    except OSError as error:
        raise StoreError(
            f"The files in {source} could not be copied to {target} ({error.strerror}). Check that "
            "there is room, and that this user may read and write there."
        ) from error


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
