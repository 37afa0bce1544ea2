"""The bot of the demo as a child process, so that a kill is a real one."""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Final, Self, TextIO

import msgspec

from bot.app import StartError
from bot.app.container import Container
from bot.app.model_endpoints import model_settings
from bot.config import Config
from bot.models.factory import alternatives

_log: Final = logging.getLogger(__name__)

_READY: Final = "The bot of the demo is ready."
_STOP_SECONDS: Final = 6.0
"""Seconds between SIGTERM and SIGKILL; the process itself takes at most 4.5."""


class BotOrder(msgspec.Struct, frozen=True):
    """The settings of the child process, sent on its standard input as one line of JSON."""

    config: Config
    databases: str


class BotProcess:
    """A running bot; ``last_line`` is the last line that it printed, such as its error."""

    def __init__(self, process: asyncio.subprocess.Process, say: Callable[[str], None]) -> None:
        self._process = process
        self._say = say
        self._ready = asyncio.Event()
        self._reader = asyncio.create_task(self._read())
        self.last_line = ""

    @classmethod
    async def start(
        cls,
        order: BotOrder,
        environment: Mapping[str, str],
        *,
        token: str,
        say: Callable[[str], None],
    ) -> Self:
        """Start the bot and return once it is on Discord.

        ``say`` gets each line that the bot prints. Raises ``StartError`` with the bot's own reason
        if it ends before.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "bot", "demo-bot"),
            *(("--verbose",) if _log.isEnabledFor(logging.INFO) else ()),
            cwd=Path.cwd(),
            env={**environment, "DISCORD_TOKEN": token},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        running = cls(process, say)
        try:
            assert process.stdin is not None
            process.stdin.write(msgspec.json.encode(order) + b"\n")
            with suppress(ConnectionError):  # the reason follows on standard output
                await process.stdin.drain()
            ready = asyncio.create_task(running._ready.wait())
            await asyncio.wait({ready, running._reader}, return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
        except BaseException:
            await running.stop()
            raise
        if not running._ready.is_set():
            await running.stop()
            raise StartError(running.last_line or "The bot's process ended without a reason.")
        return running

    async def _read(self) -> None:
        """Pass on what the bot prints, until its end."""
        assert self._process.stdout is not None
        async for data in self._process.stdout:
            line = data.decode("utf-8", "replace").rstrip("\n")
            if line == _READY:
                self._ready.set()
                continue
            self.last_line = line.removeprefix("assistants-bot: ")
            if not line.startswith("assistants-bot: "):
                self._say(line)

    async def ended(self) -> None:
        """Return once the process has ended and everything that it printed was read."""
        await self._process.wait()
        await self._reader

    def kill(self) -> None:
        """Send SIGKILL: the bot can't save or say anything any more."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def stop(self) -> None:
        """Ask the bot to stop, and kill it where it does not."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self.kill()
        await self.ended()


async def run_ordered_bot(
    environment: Mapping[str, str], *, say: Callable[[str], None], terminal: TextIO
) -> None:
    """Run the bot by the ``BotOrder`` on standard input, until the sender stops or kills it.

    The process ends also when its standard input ends: the demo is gone then. Raises what
    ``run_bot`` raises.
    """
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=BotOrder)
    threading.Thread(target=_end_with_input, name="input", daemon=True).start()
    config = order.config
    async with AsyncExitStack() as stack:
        container = Container(
            config,
            environment,
            stack=stack,
            say=say,
            terminal=terminal,
            databases=Path(order.databases),
        )
        engine = None
        if config.assistants.url == "embedded":
            engine = await container.engine(with_bot=True)
            if others := await alternatives(model_settings(config, environment)):
                say(f"Also found: {', '.join(others)}. [models] endpoint in config.toml chooses.")
        ledger = await container.ledger()
        api = await container.api(engine)
        bot_task = await container.bot(api, ledger, environment["DISCORD_TOKEN"])
        say(_READY)
        await bot_task


def _end_with_input() -> None:
    # By descriptor: a thread that holds the lock of sys.stdin would break the interpreter's end.
    while os.read(0, 65_536):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
