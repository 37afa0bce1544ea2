"""The served program and its model as processes of their own, and what memory the server takes."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped, unused-ignore]  # it ships no types

from tests.benchmarks.endpoint import child
from tests.hostile.caller import KEYS
from tests.support.program import Program, program

_MIB = 1024 * 1024


class World:
    """A server at ``url`` that knows both projects; its log is the program's."""

    def __init__(self, url: str, server: Program) -> None:
        self.url = url
        self.server = server
        self._process = psutil.Process(server.process.pid)
        self.peak = 0.0
        """The most memory the server had, in MiB, since ``watch`` began."""

    @property
    def memory(self) -> float:
        """The server's resident memory in MiB, its children's left out."""
        return float(self._process.memory_info().rss) / _MIB

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[None]:
        """Keep the peak of the server's memory meanwhile."""
        self.peak = self.memory

        async def look() -> None:
            while True:
                self.peak = max(self.peak, self.memory)
                await asyncio.sleep(0.05)

        looking = asyncio.create_task(look())
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def attacked(self, name: str, seconds: float, ids: dict[str, str]) -> dict[str, Any]:
        """Let another process attack, and return what came of it."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.hostile.attacks",
            self.url,
            name,
            str(seconds),
            json.dumps(ids),
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            told, _ = await process.communicate()
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode:
            raise RuntimeError(f"the attack {name!r} itself failed")
        found: dict[str, Any] = json.loads(told)
        return found


@asynccontextmanager
async def world(directory: Path) -> AsyncIterator[World]:
    """Start the model and the server, which keeps its data in ``directory``."""
    async with child("tests.hostile.model") as (model_url, _):
        config = directory / "config.toml"
        config.write_text(
            f'[models]\nendpoint = "chat"\nurl = "{model_url}"\nmodel = "scripted-model"\n'
            '[storage]\ndirectory = "data"\n'
        )
        keys = ",".join(f"{project}={key}" for project, key in KEYS.items())
        environment = {"ASSISTANTS_API_KEYS": keys}
        async with program(
            "serve", "--config", str(config), "--port", "0", environment=environment
        ) as server:
            line = await server.until_line("The Assistants API is at ")
            yield World(line.split()[5].rstrip("."), server)
