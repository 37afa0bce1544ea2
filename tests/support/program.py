"""The program as an operator runs it: a child process with an environment and pipes."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Self

from tests.support.eventually import PATIENCE

PROJECT = Path(__file__).parents[2]
KEPT = ("PATH", "HOME", "LANG")
"""The variables of this environment that the program gets: no secret, no choice of a model."""
COVERAGE = "COVERAGE_PROCESS_CONFIG"
"""With this variable the coverage of the program is measured; its start takes twice as long."""


class Program:
    """A running ``python -m bot …``; ``lines`` is its standard output, ``log`` standard error."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self.log: list[str] = []
        self._news = asyncio.Condition()
        self._readers = [
            asyncio.create_task(self._read(process.stdout, self.lines)),
            asyncio.create_task(self._read(process.stderr, self.log)),
        ]

    @classmethod
    async def start(
        cls,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        measured: bool = False,
    ) -> Self:
        """Start the program with ``environment`` and the variables ``KEPT`` of this process."""
        names = (*KEPT, COVERAGE) if measured else KEPT
        kept = {name: os.environ[name] for name in names if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            *arguments,
            cwd=PROJECT,
            env={**kept, "LOG_FORMAT": "text", **(environment or {})},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        return cls(process)

    @property
    def output(self) -> str:
        """All that went to standard output."""
        return "\n".join(self.lines)

    @property
    def errors(self) -> str:
        """All that went to standard error."""
        return "\n".join(self.log)

    async def until_line(self, part: str) -> str:
        """Return the first line of either stream that contains ``part``."""
        return await self.until_lines(part, 1)

    async def until_lines(self, part: str, count: int) -> str:
        """Return the ``count``-th line that contains ``part``."""

        def found() -> str | None:
            lines = [line for line in (*self.lines, *self.log) if part in line]
            return lines[count - 1] if len(lines) >= count else None

        try:
            async with asyncio.timeout(PATIENCE), self._news:
                await self._news.wait_for(lambda: found() or self._ended)
        except TimeoutError:
            pass
        line = found()
        assert line is not None, f"no {part!r} in:\n{self.output}\n{self.errors}"
        return line

    async def type(self, *lines: str) -> None:
        """Type lines."""
        assert self.process.stdin is not None
        self.process.stdin.write("".join(f"{line}\n" for line in lines).encode())
        await self.process.stdin.drain()

    async def write(self, text: str) -> None:
        """Type something, and end the input."""
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())
        await self.process.stdin.drain()
        self.process.stdin.close()

    async def ended(self, seconds: float = PATIENCE) -> int:
        """Return the exit code; raises ``TimeoutError`` if the program does not end in time."""
        async with asyncio.timeout(seconds):
            code = await self.process.wait()
            await asyncio.gather(*self._readers)
        return code

    async def terminated(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.terminate()
        return await self.ended()

    async def killed(self) -> None:
        """Send SIGKILL, and wait for the end of the program."""
        if self.process.returncode is None:
            self.process.kill()
        await self.ended()

    @property
    def _ended(self) -> bool:
        return all(reader.done() for reader in self._readers)

    async def _read(self, stream: asyncio.StreamReader | None, lines: list[str]) -> None:
        assert stream is not None
        async for line in stream:
            async with self._news:
                lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self._news.notify_all()
        async with self._news:
            self._news.notify_all()


@asynccontextmanager
async def program(
    *arguments: str, environment: Mapping[str, str] | None = None, measured: bool = False
) -> AsyncIterator[Program]:
    """Start the program, and kill it at the end of the block."""
    running = await Program.start(*arguments, environment=environment, measured=measured)
    try:
        yield running
    finally:
        await running.killed()


measured_program = partial(program, measured=True)
"""Start the program where nothing else runs the lines that it runs."""
