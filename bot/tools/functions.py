"""The functions that the bot runs: the operator's files, and those that come with the bot."""

import asyncio
import logging
from pathlib import Path
from typing import Final

from bot.config import ToolsSettings
from bot.tools.public_session import PublicSession
from bot.tools.python_functions import load
from bot.tools.tool import Tool
from bot.tools.toolbox import Toolbox

_log: Final = logging.getLogger(__name__)


class Functions:
    """All functions; ``reload`` reads the operator's files, and again after a change."""

    def __init__(
        self, settings: ToolsSettings | None = None, *, public: PublicSession | None = None
    ) -> None:
        self.settings: Final = settings or ToolsSettings()
        self.public: Final = public or PublicSession()
        self.toolbox: Final = Toolbox()

    async def reload(self) -> None:
        """Read the operator's files; what is broken is logged, and leaves the others working."""
        tools, problems = await asyncio.to_thread(load, Path(self.settings.directory))
        for problem in problems:
            _log.error("A function can't be loaded: %s", problem)
        self.toolbox.replace([*tools, *self._shipped()])
        _log.info("%d functions of %s are loaded", len(tools), self.settings.directory)

    def _shipped(self) -> list[Tool]:
        return []

    async def close(self) -> None:
        """Close the connections of functions."""
        await self.public.close()
