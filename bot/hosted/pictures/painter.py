"""Draws pictures in a child process, which is started at the first picture and after each failure.

A formula of a hundred characters can keep the libraries busy for hours, so a thread would not do:
only a process can be ended from outside.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Final

import msgspec

from bot.hosted.child_process import end_child, start_child
from bot.hosted.pictures.request import Answer, ChartRequest, FormulaRequest, PictureError, Request

PICTURE_SECONDS: Final = 3.0
"""How long one picture may take, in seconds, without the start of the process."""

_START_SECONDS: Final = 30.0
_MEMORY_BYTES: Final = 768 * 2**20
_MOST_BYTES: Final = 8 * 2**20

_BROKEN: Final = (asyncio.IncompleteReadError, OSError, ValueError, msgspec.MsgspecError)
"""The errors of a child that ended, or whose answer makes no sense."""

_log: Final = logging.getLogger(__name__)


class Painter:
    """Draws one picture at a time; ``close`` ends its process."""

    def __init__(self, *, seconds: float = PICTURE_SECONDS) -> None:
        self._seconds = seconds
        self._child: asyncio.subprocess.Process | None = None
        self._one_at_a_time = asyncio.Lock()
        self._closed = False

    async def formula(self, tex: str) -> bytes | None:
        """Return a display formula as PNG; None if it does not parse or takes too long."""
        try:
            return await self.draw(FormulaRequest(tex))
        except PictureError as error:
            _log.debug("A formula is not drawn: %s", error)
            return None

    async def draw(self, request: Request) -> bytes:
        """Return the PNG that a request asks for; raises ``PictureError``."""
        async with self._one_at_a_time:
            if self._closed:
                raise PictureError("The program is stopping.")
            if self._child is not None:
                # A child that was idle may have ended itself.
                with suppress(*_BROKEN):
                    return await self._try(request)
            try:
                return await self._try(request)
            except _BROKEN:
                raise PictureError("Drawing it takes too much.") from None

    async def _try(self, request: Request) -> bytes:
        """Return the child's picture; a child that does not answer in full and in time is ended."""
        try:
            child = await self._started(request)
            async with asyncio.timeout(self._seconds):
                return await _ask(child, request)
        except PictureError:
            raise
        except BaseException as error:
            await self._end()
            if isinstance(error, TimeoutError):
                raise PictureError("Drawing it takes too long.") from None
            raise

    async def close(self) -> None:
        """End the process; later pictures are refused."""
        self._closed = True
        await self._end()

    async def _started(self, request: Request) -> asyncio.subprocess.Process:
        if self._child is not None:
            return self._child
        child = self._child = await start_child(
            "bot.hosted.pictures.child",
            f"{_MEMORY_BYTES},{max(1, round(self._seconds))}",
            f"bot.hosted.pictures.{'chart' if isinstance(request, ChartRequest) else 'formula'}",
        )
        assert child.stdout is not None
        async with asyncio.timeout(_START_SECONDS):
            msgspec.json.decode(await child.stdout.readline(), type=Answer)
        return child

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            await end_child(child)


async def _ask(child: asyncio.subprocess.Process, request: Request) -> bytes:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(msgspec.json.encode(request) + b"\n")
    await child.stdin.drain()
    head = msgspec.json.decode(await child.stdout.readline(), type=Answer)
    if head.error:
        raise PictureError(head.error)
    if not 0 < head.size <= _MOST_BYTES:
        raise ValueError(head.size)
    return await child.stdout.readexactly(head.size)
