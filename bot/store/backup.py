"""Copies of databases and files for a backup: each whole, also while a process holds the originals.

A copy is a snapshot through SQLite itself, which waits for no writer and lets none wait.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from bot.store.database import StoreError


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
            original.backup(copy)
            # One file without a log beside it: what is copied on from there is all of it.
            copy.execute("PRAGMA journal_mode = DELETE").fetchone()
            (verdict,) = copy.execute("PRAGMA quick_check(1)").fetchone()
            if mark is not None:
                with copy:
                    mark(copy)
    except sqlite3.Error as error:
        raise StoreError(
            f"{source} could not be copied to {target} ({error}). Check that there is room, and "
            "that this user may read and write there."
        ) from error
    if verdict != "ok":
        raise StoreError(f"{source} is not a sound database ({verdict}), and was not copied.")
    # Where somebody copies it over what a killed process left, instead of in its place, that one's
    # log would be taken for this database's.
    log = target.with_name(f"{target.name}-wal")
    try:
        log.touch()
        _to_disk(target)
        _to_disk(log)
    except OSError as error:
        raise StoreError(f"{target} could not be written ({error.strerror}).") from error


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
