"""Keeps the bot of the demo running: after a kill, after a revoked token, on another model."""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from bot.app import StartError
from bot.app.demo.bot_process import BotOrder, BotProcess
from bot.config import Config, ModelsSettings
from bot.sandbox import Sandbox

_FOREVER: Final = 10.0**9
RESTART_SECONDS: Final = 3.0
"""Seconds between a kill and the restart: long enough to see that the bot is gone."""

_MODEL_LINE: Final = re.compile(r"Model: (.*)")


class BotKeeper:
    """Starts the bot's process and starts it again whenever it ends.

    ``models`` are the models that can be chosen, by name. ``model_changed`` gets, at each start,
    the chosen name and what the bot printed about the model.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        config: Config,
        databases: str,
        environment: Mapping[str, str],
        *,
        models: Mapping[str, ModelsSettings],
        chosen: str,
        say: Callable[[str], None],
        model_changed: Callable[[str, str], None],
    ) -> None:
        self._sandbox = sandbox
        self._config = config
        self._databases = databases
        self._environment = environment
        self._models = models
        self._chosen = chosen
        self._say = say
        self._model_changed = model_changed
        self._changing = asyncio.Lock()
        self._process: BotProcess | None = None
        self._watcher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the bot; raises ``StartError``."""
        async with self._changing:
            await self._start()
        self._watcher = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Stop the bot for good."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait({self._watcher})
        if self._process is not None:
            await self._process.stop()

    async def choose(self, name: str) -> None:
        """Restart the bot on another model.

        Raises ``StartError`` if that model can't be used; the bot then has the former one again.
        """
        if name not in self._models:
            raise StartError(f"There is no model named {name!r}.")
        async with self._changing:
            former, self._chosen = self._chosen, name
            if self._process is not None:
                await self._process.stop()
            try:
                await self._start()
            except StartError:
                self._chosen = former
                await self._start()
                raise

    async def kill(self) -> None:
        """Kill the bot's process; it is started again after ``RESTART_SECONDS``."""
        if self._process is not None:
            self._process.kill()
            await self._process.ended()

    async def _start(self) -> None:
        config = msgspec.structs.replace(self._config, models=self._models[self._chosen])
        order = BotOrder(config, self._databases)
        self._process = await BotProcess.start(
            order, self._environment, token=self._sandbox.token, say=self._heard
        )
        await self._sandbox.bot_ready()

    def _heard(self, line: str) -> None:
        self._say(line)
        if model := _MODEL_LINE.fullmatch(line):
            self._model_changed(self._chosen, model[1])

    async def _watch(self) -> None:
        """Start the bot again each time its process has ended by itself or by a kill."""
        while True:
            process = self._process
            assert process is not None
            await process.ended()
            async with self._changing:
                if process is self._process:
                    await self._come_back(process)

    async def _come_back(self, process: BotProcess) -> None:
        control = self._sandbox.troubles
        while True:
            if control.token_revoked:
                self._say(
                    f"The bot left Discord: {process.last_line} Press “End all troubles” in the "
                    "browser: the token becomes valid again, and the bot returns."
                )
                await self._sandbox.until(lambda: not control.token_revoked, timeout=_FOREVER)
            else:
                self._say(f"The bot's process ended. It starts again in {RESTART_SECONDS:.0f} s.")
                await asyncio.sleep(RESTART_SECONDS)
            try:
                await self._start()
            except (StartError, TimeoutError) as error:
                self._say(f"The bot did not start: {error}")
                await asyncio.sleep(RESTART_SECONDS)
            else:
                return
