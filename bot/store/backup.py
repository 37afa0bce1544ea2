"""Copies of databases and files for a backup: each whole, also while a process holds the originals.

A copy is a snapshot through SQLite itself, which waits for no writer and lets none wait.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from bot.store.database import StoreError, fault_of


def copy_database(
    source: Path, target: Path, mark: Callable[[sqlite3.Connection], None] | None = None
) -> None:
    """Copy a database as it is at one moment, and check the copy; raises ``StoreError``.

    ``mark`` may write something into the copy.
    """
    try:
        # Immediately closed connections matter: a reader that stays keeps the log from shrinking.
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as original,
            closing(sqlite3.connect(target)) as copy,
        ):
            # Before it is copied: a copy is whole pages, whatever it is a copy of.
            fault = fault_of(original, source)
            if fault is None:
                original.backup(copy)
                # One file without a log beside it: what is copied on from there is all of it.
                copy.execute("PRAGMA journal_mode = DELETE").fetchone()
                fault = fault_of(copy, target)
            if fault is None and mark is not None:
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
    # Copied over what a killed process left, and not into its place, it would get that one's log.
    log = target.with_name(f"{target.name}-wal")
    try:
        log.touch()
        _to_disk(target)
        _to_disk(log)
    except OSError as error:
        raise StoreError(f"{target} could not be written ({error.strerror}).") from error


def missing_files(database: Path, directory: Path) -> frozenset[str]:
    """Return which of the files that an engine's database knows of are not in a directory."""
    with closing(sqlite3.connect(database)) as db:
        (tables,) = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'files'").fetchone()
        known = {row[0] for row in db.execute("SELECT id FROM files")} if tables else set()
    return frozenset(name for name in known if not (directory / name).is_file())


def copy_files(source: Path, target: Path) -> None:
    """Copy the files of a directory that are whole and not there yet; ``StoreError``."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        for path in sorted(source.iterdir()) if source.is_dir() else ():
            copy = target / path.name
            if path.suffix == ".part" or copy.exists() or not path.is_file():
                continue
            try:
                shutil.copy2(path, copy)
            except FileNotFoundError:
                # Deleted this moment, as its owner wanted.
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
