"""A backup of all that the program keeps, while it runs or not; it is whole, or it is not there.

To restore one, stop the program and let ``[storage] directory`` be what was backed up.
"""

import asyncio
import shutil
import time
from pathlib import Path
from typing import Final

from bot.config import Config
from bot.store.backup import copy_database, copy_files, missing_files
from bot.store.database import StoreError
from bot.store.ledger.reconcile import mark_copied

_LEDGER: Final = "bot.db"
_ENGINE: Final = "engine.db"
_FILES: Final = "files"


async def backup(config: Config, target: Path) -> None:
    """Copy both databases and the files into ``target``, which is made, or is an empty directory.

    Raises ``StoreError`` where it is not, where there is nothing to copy, and where that fails;
    nothing is left of it then.
    """
    await asyncio.to_thread(_backup, Path(config.storage.directory), target)


def _backup(source: Path, target: Path) -> None:
    found = [name for name in (_LEDGER, _ENGINE) if (source / name).exists()]
    if not found:
        raise StoreError(
            f"There is nothing to back up in {source}. Name the directory in [storage] directory, "
            "or run the bot once."
        )
    if source.resolve() in target.resolve().parents:
        raise StoreError(
            f"{target} is inside {source}, and would be lost with it. Name a directory elsewhere."
        )
    part = target.with_name(f"{target.name}.part")
    try:
        if target.exists() and not target.is_dir():
            raise StoreError(f"{target} is there already, as a file. Name a directory that is new.")
        if target.exists() and any(target.iterdir()):
            raise StoreError(f"{target} is not empty. Name a directory that is new.")
        part.mkdir(parents=True)
    except FileExistsError:
        raise StoreError(
            f"{part} is there: another backup is being made, or one was cut off. Delete it if none "
            "is, and try again."
        ) from None
    except OSError as error:
        raise StoreError(f"{target} can't be written ({error.strerror}). Name another.") from error
    try:
        # The ledger before the engine: what the engine has and the ledger does not know of yet is
        # found when the bot goes on, as after a power cut.
        if _LEDGER in found:
            # It has to know that it is a copy: numbers of turns may have been given away since.
            copy_database(source / _LEDGER, part / _LEDGER, lambda db: mark_copied(db, time.time()))
        if _ENGINE in found:
            _copy_engine(source, part)
        else:
            copy_files(source / _FILES, part / _FILES)
        part.replace(target)
    except OSError as error:
        raise StoreError(f"{target} can't be written ({error.strerror}). Name another.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _copy_engine(source: Path, part: Path) -> None:
    """Copy the engine and its files, so that every file it knows of is among them."""
    missing: frozenset[str] | None = None
    while True:
        # On both sides of the engine: what it knows of was there before or is there after.
        copy_files(source / _FILES, part / _FILES)
        (part / _ENGINE).unlink(missing_ok=True)
        copy_database(source / _ENGINE, part / _ENGINE)
        copy_files(source / _FILES, part / _FILES)
        before, missing = missing, missing_files(part / _ENGINE, part / _FILES)
        # A file that came and went meanwhile is in no engine that is copied now. One that was lost
        # before is no reason to have no backup.
        if not missing or missing == before:
            return
