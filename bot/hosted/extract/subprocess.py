"""Extracts text from untrusted files, each in a child process with limited time and memory."""

import asyncio
import json
import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from bot.hosted.child_process import end_child, start_child
from bot.hosted.extract.child import request
from bot.hosted.extract.extract import check_size
from bot.hosted.extract.limits import ExtractionError, ExtractionLimits

_BYTES_PER_CHARACTER: Final = 4
_PIECE: Final = 256 * 1024


async def extract_text(
    name: str,
    source: bytes | Path,
    *,
    limits: ExtractionLimits | None = None,
    keep_source: bool = False,
) -> str:
    """Return the text of the file ``name`` without blocking the event loop.

    ``source`` is the file's bytes or its path; ``keep_source`` keeps the source of HTML and the
    escapes of JSON. Cancellation ends the child. The caller limits the number of children: each
    may use ``limits.memory_bytes``. Raises ExtractionError; OSError if a path can't be opened.
    """
    limits = limits or ExtractionLimits()
    asked = request(name, limits, keep_source=keep_source)
    if isinstance(source, bytes):
        check_size(len(source), limits)
        answer = await _read_outside(asked, source, limits)
    else:
        with _opened(source) as file:
            check_size(os.fstat(file.fileno()).st_size, limits)
            answer = await _read_outside(asked, file, limits)
    try:
        head = answer.index(b"\n")
        header = json.loads(answer[:head])
        if header:
            raise ExtractionError(header["problem"], header["message"])
        return str(memoryview(answer)[head + 1 :], "utf-8")
    except (ValueError, KeyError, TypeError) as ended:
        raise ExtractionError(
            "broken", "The file is broken: reading it failed or took too much."
        ) from ended


def _opened(path: Path) -> BinaryIO:
    # on the loop: opening is quick, and a cancelled caller would lose a thread's open file
    return path.open("rb")


async def _read_outside(
    asked: str, source: bytes | BinaryIO, limits: ExtractionLimits
) -> bytearray:
    """Run a child that reads ``source``; return its output."""
    stdin = subprocess.PIPE if isinstance(source, bytes) else source
    child = await start_child("bot.hosted.extract.child", asked, stdin=stdin)
    try:
        async with asyncio.timeout(limits.seconds):
            if isinstance(source, bytes):
                await _send(child, source)
            answer = await _receive(child, limits)
            await child.wait()
    except TimeoutError:
        raise ExtractionError(
            "too_large", f"Reading the file takes longer than {limits.seconds:g} seconds."
        ) from None
    finally:
        await end_child(child)
    return answer


async def _send(child: asyncio.subprocess.Process, data: bytes) -> None:
    assert child.stdin is not None
    # if the child ended early, its answer says why; the broken pipe does not
    with suppress(BrokenPipeError, ConnectionResetError):
        # in pieces: asyncio copies the bytes that the pipe does not take at once
        for start in range(0, len(data), _PIECE):
            child.stdin.write(data[start : start + _PIECE])
            await child.stdin.drain()
        child.stdin.close()
        await child.stdin.wait_closed()


async def _receive(child: asyncio.subprocess.Process, limits: ExtractionLimits) -> bytearray:
    assert child.stdout is not None
    most = limits.characters * _BYTES_PER_CHARACTER + 4096
    answer = bytearray()
    while piece := await child.stdout.read(_PIECE):
        answer += piece
        if len(answer) > most:
            child.kill()
            break
    return answer
