"""The bytes of uploaded files: each is a file in one directory, which is complete or absent."""

import asyncio
import logging
import os
import re
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import BinaryIO, Final

from bot.assistants.schema.files import File

_PIECE: Final = 256 * 1024
_ID: Final = re.compile(r"file-[A-Za-z0-9]+")

_log: Final = logging.getLogger(__name__)


class FileTooLargeError(Exception):
    """The upload is larger than a file may be."""


class FileBox:
    """A directory of files, each named by its id.

    Methods that read take a ``File``, not an id: a caller gets a ``File`` from its own project
    only.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def save(self, file_id: str, content: AsyncIterator[bytes], most: int) -> int:
        """Store a file and return its size in bytes; after an exception nothing is stored.

        Raises ``FileTooLargeError`` for more than ``most`` bytes, ``OSError`` for a disk that
        refuses the write, and any exception of ``content``.
        """
        path = self._path(file_id)
        part = path.with_suffix(".part")
        file = await asyncio.to_thread(self._begin, part)
        try:
            size = 0
            try:
                async for piece in content:
                    size += len(piece)
                    if size > most:
                        raise FileTooLargeError
                    await asyncio.to_thread(file.write, piece)
                await asyncio.to_thread(_finish, file, part, path)
            finally:
                file.close()
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return size

    async def open(self, file: File) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open a file to read it in pieces; raises ``FileNotFoundError``."""
        return _opened(await asyncio.to_thread(self.path(file).open, "rb"))

    async def read(self, file: File) -> bytes:
        """Return a file's bytes; raises ``FileNotFoundError``."""
        return await asyncio.to_thread(self.path(file).read_bytes)

    async def delete(self, file_id: str) -> None:
        """Delete a file if it exists."""
        await asyncio.to_thread(self._path(file_id).unlink, missing_ok=True)

    async def sweep(self, known: Collection[str]) -> None:
        """Delete files not in ``known``: the remains of interrupted uploads and deletions."""
        await asyncio.to_thread(self._sweep, known)

    def _sweep(self, known: Collection[str]) -> None:
        if self._directory.is_dir():
            for path in self._directory.iterdir():
                if path.name in known:
                    continue
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:  # a directory that somebody made, or lost+found
                    _log.warning(
                        "%s is not a file of the engine and can't be deleted: %s", path, error
                    )

    def _begin(self, part: Path) -> BinaryIO:
        self._directory.mkdir(parents=True, exist_ok=True)
        return part.open("wb")

    def path(self, file: File) -> Path:
        """Return the path of a file's bytes; raises ``FileNotFoundError`` for a malformed id."""
        return self._path(file.id)

    def _path(self, file_id: str) -> Path:
        if not _ID.fullmatch(file_id):  # ids are ours; a path never comes from outside
            raise FileNotFoundError(file_id)
        return self._directory / file_id


@asynccontextmanager
async def _opened(file: BinaryIO) -> AsyncIterator[AsyncIterator[bytes]]:
    try:
        yield _pieces(file)
    finally:
        file.close()


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(file.read, _PIECE):
        yield piece


def _finish(file: BinaryIO, part: Path, path: Path) -> None:
    file.flush()
    os.fsync(file.fileno())
    part.replace(path)
