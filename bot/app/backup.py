"""Backs up all data, even while the program runs. A backup is complete or does not exist.

To restore a backup, stop the program and replace ``[storage] directory`` by the copy.
"""

import asyncio
import contextlib
import shutil
import time
from pathlib import Path
from typing import Final

from bot.config import Config
from bot.store.backup import CopyDatabase, copy_database, copy_files, missing_files
from bot.store.database import StoreError
from bot.store.ledger.turns.reconcile import mark_copied

_LEDGER: Final = "bot.db"
_ENGINE: Final = "engine.db"
_FILES: Final = "files"
_NOTE: Final = "last_backup"


async def backup(config: Config, target: Path, copy: CopyDatabase = copy_database) -> None:
    """Copy both databases and the files into ``target``, a new or empty directory.

    ``copy`` copies one database, on a thread. Raises ``StoreError`` if ``target`` is unsuitable,
    there is no data, or the copy fails. A failed backup leaves nothing behind.
    """
    await asyncio.to_thread(_backup, Path(config.storage.directory), target, copy)


def last_backup(config: Config) -> float | None:
    """Return when the newest backup was made, in seconds since 1970; None if that is not known."""
    try:
        return float((Path(config.storage.directory) / _NOTE).read_text())
    except (OSError, ValueError):
        return None


def _backup(source: Path, target: Path, copy: CopyDatabase) -> None:
    found = [name for name in (_LEDGER, _ENGINE) if (source / name).exists()]
    if not found:
        raise StoreError(
            f"There is nothing to back up in {source}. Set [storage] directory to the bot's data "
            "directory, or run the bot once."
        )
    if source.resolve() in target.resolve().parents:
        raise StoreError(
            f"{target} is inside {source} and would be lost with it. Name a directory elsewhere."
        )
    part = target.with_name(f"{target.name}.part")
    try:
        if target.exists() and not target.is_dir():
            raise StoreError(f"{target} is a file. Name a new directory.")
        if target.exists() and any(target.iterdir()):
            raise StoreError(f"{target} is not empty. Name a new directory.")
        part.mkdir(parents=True)
    except FileExistsError:
        raise StoreError(
            f"{part} exists: another backup is running, or one was interrupted. If none is "
            "running, delete it and try again."
        ) from None
    except OSError as error:
        raise StoreError(f"{target} can't be written ({error.strerror}). Name another.") from error
    try:
        # The ledger comes before the engine. The restored bot then finds objects in the engine that
        # its ledger does not know yet, as after a power cut.
        if _LEDGER in found:
            copy(source / _LEDGER, part / _LEDGER, lambda db: mark_copied(db, time.time()))
        if _ENGINE in found:
            _copy_engine(source, part, copy)
        else:
            copy_files(source / _FILES, part / _FILES)
        part.replace(target)
        with contextlib.suppress(OSError):  # the note only tells members how old backups are
            (source / _NOTE).write_text(f"{time.time():.0f}\n")
    except OSError as error:
        raise StoreError(f"{target} can't be written ({error.strerror}). Name another.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _copy_engine(source: Path, part: Path, copy: CopyDatabase) -> None:
    """Copy engine.db and its files, so that each file of the copied database is present."""
    missing: frozenset[str] | None = None
    while True:
        # Files are copied before and after the database, so that files of both moments are present.
        copy_files(source / _FILES, part / _FILES)
        (part / _ENGINE).unlink(missing_ok=True)
        copy(source / _ENGINE, part / _ENGINE, None)
        copy_files(source / _FILES, part / _FILES)
        before, missing = missing, missing_files(part / _ENGINE, part / _FILES)
        # A file that was deleted meanwhile is not in the next copy of the database. A file that was
        # lost before the backup stays missing and must not prevent the backup.
        if not missing or missing == before:
            return
