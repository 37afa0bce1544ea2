"""A backup of all that the program keeps, while it runs or not; it is whole, or it is not there.

To restore one, stop the program and let ``[storage] directory`` be what was backed up.
"""

import asyncio
import shutil
import time
from pathlib import Path
from typing import Final

from bot.config import Config
from bot.store.backup import copy_database, copy_files
from bot.store.database import StoreError
from bot.store.ledger.standing import mark_copied

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
    found = [name for name in (_LEDGER, _ENGINE) if (source / name).is_file()]
    if not found:
        raise StoreError(
            f"There is nothing to back up in {source}. Name the directory in [storage] directory, "
            "or run the bot once."
        )
    part = target.with_name(f"{target.name}.part")
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
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
        # found when the bot goes on, as after a power cut. The files on both sides of the engine:
        # every file it knows of is among those that were there before or after.
        if _LEDGER in found:
            # It has to know that it is a copy: numbers of turns may have been given away since.
            copy_database(source / _LEDGER, part / _LEDGER, lambda db: mark_copied(db, time.time()))
        copy_files(source / _FILES, part / _FILES)
        if _ENGINE in found:
            copy_database(source / _ENGINE, part / _ENGINE)
        copy_files(source / _FILES, part / _FILES)
        part.replace(target)
    except OSError as error:
        raise StoreError(f"{target} can't be written ({error.strerror}). Name another.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
