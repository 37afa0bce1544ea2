"""Text of strangers' files: what has to be parsed is parsed in a child process, never here."""

import asyncio
import json
import os
import sys
from contextlib import suppress

from bot.hosted.extract.child import request
from bot.hosted.extract.limits import ExtractionError, ExtractionLimits
from bot.hosted.extract.parsing import check_kind, read

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    "from bot.hosted.extract.child import main; main()"
)
_BYTES_PER_CHARACTER = 4


async def extract_text(name: str, data: bytes, *, limits: ExtractionLimits | None = None) -> str:
    """The text of the file `name`, without blocking the loop; raises ExtractionError.

    PDF, Office and HTML files are parsed in a child process with bounded time and memory, other
    files are only decoded, in a thread. Cancelling ends the child. How many run at once is the
    caller's to bound: each may take `limits.memory_bytes`.
    """
    limits = limits or ExtractionLimits()
    kind = await asyncio.to_thread(check_kind, name, data, limits)
    if kind in ("text", "json"):
        return await asyncio.to_thread(read, kind, data, limits)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-c",
        _START,
        json.dumps([path or os.getcwd() for path in sys.path]),  # noqa: PTH109 - as sys.path means it
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    try:
        async with asyncio.timeout(limits.seconds):
            answer = await _exchange(child, request(kind, limits), data, limits)
            await child.wait()
    except TimeoutError:
        raise ExtractionError(
            "invalid_file", f"Reading the file takes longer than {limits.seconds:g} seconds."
        ) from None
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
            await asyncio.shield(child.wait())
    head, _, text = answer.partition(b"\n")
    try:
        told = json.loads(head)
        if told:
            raise ExtractionError(told["code"], told["message"])
        return text.decode()
    except (ValueError, KeyError, TypeError) as ended:
        raise ExtractionError(
            "invalid_file", "The file is broken: reading it failed or took too much."
        ) from ended


async def _exchange(
    child: asyncio.subprocess.Process, asked: bytes, data: bytes, limits: ExtractionLimits
) -> bytes:
    assert child.stdin is not None
    assert child.stdout is not None
    # a child that ended early is told by what it answered, not by the pipe that it left
    with suppress(BrokenPipeError, ConnectionResetError):
        child.stdin.write(asked)
        child.stdin.write(data)
        await child.stdin.drain()
        child.stdin.close()
        await child.stdin.wait_closed()
    most = limits.characters * _BYTES_PER_CHARACTER + 4096
    pieces: list[bytes] = []
    size = 0
    while piece := await child.stdout.read(65_536):
        size += len(piece)
        if size > most:
            child.kill()
            break
        pieces.append(piece)
    return b"".join(pieces)
