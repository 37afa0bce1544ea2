"""The functions that the bot runs: the operator's files, those of the bot, and MCP servers."""

import asyncio
import logging
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from bot.config.tools import ToolsSettings
from bot.tools import shipped
from bot.tools.mcp_servers import McpServer
from bot.tools.public_session import PublicSession
from bot.tools.python_functions import load, tool_of
from bot.tools.tool import Tool, ToolError
from bot.tools.toolbox import Toolbox

_SHIPPED: Final = (
    shipped.current_time,
    shipped.roll_dice,
    shipped.calculate,
    shipped.recent_messages,
    shipped.search_messages,
    shipped.remind_me,
    shipped.list_reminders,
    shipped.delete_reminder,
    shipped.ask_a_person,
)

_log: Final = logging.getLogger(__name__)


class Functions:
    """All functions of the bot.

    ``tools`` are functions beside the operator's and those that need nothing; ``servers`` are MCP
    servers, which are started when a pattern of an assistant names them, or one that is offered.
    """

    def __init__(
        self,
        settings: ToolsSettings | None = None,
        *,
        tools: Sequence[Tool] = (),
        servers: Sequence[McpServer] = (),
        public: PublicSession | None = None,
    ) -> None:
        self.settings: Final = settings or ToolsSettings()
        self.public: Final = public or PublicSession()
        self.toolbox: Final = Toolbox()
        self._tools = tuple(tools)
        self._servers = tuple(servers)
        self._listed: dict[str, list[Tool]] = {}

    async def reload(self, patterns: Sequence[str] = ("*",)) -> None:
        """Read the operator's files, and list the tools of the MCP servers that patterns name.

        What is broken is logged, and leaves the others working.
        """
        tools, problems = await asyncio.to_thread(load, Path(self.settings.directory))
        for problem in problems:
            _log.error("A function can't be loaded: %s", problem)
        wanted = [*patterns, *self.settings.offered]
        needed = [server for server in self._servers if _is_needed(server.name, wanted)]
        await asyncio.gather(*map(self._list, needed))
        listed = [tool for server in needed for tool in self._listed.get(server.name, [])]
        self.toolbox.replace([*tools, *(tool_of(each) for each in _SHIPPED), *self._tools, *listed])
        if tools or listed:
            count = len(tools), self.settings.directory, len(listed)
            _log.info("%d functions of %s and %d of MCP servers are loaded", *count)

    def definitions(self, patterns: Sequence[str]) -> list[dict[str, Any]]:
        """Return the functions that patterns name as tools of the Assistants API."""
        for pattern in self.toolbox.unknown(patterns):
            _log.warning("There is no function %s, so no assistant gets it", pattern)
        return self.toolbox.definitions(patterns)

    def offered(self, patterns: Sequence[str] = ("*",)) -> list[Tool]:
        """Return the functions that patterns name, among those offered to servers."""
        offered = self.toolbox.named(self.settings.offered)
        return [each for each in self.toolbox.named(patterns) if each in offered]

    async def _list(self, server: McpServer) -> None:
        """List a server's tools; those that were listed earlier stay where the server fails."""
        try:
            self._listed[server.name] = await server.tools()
        except ToolError as error:
            _log.error("%s Send SIGHUP to the bot once it can be.", error)

    async def close(self) -> None:
        """Close the connections of functions, and end the MCP servers."""
        await asyncio.gather(*(server.close() for server in self._servers))
        await self.public.close()


def _is_needed(server: str, patterns: Sequence[str]) -> bool:
    prefix = f"mcp.{server}."
    return any(each.startswith(prefix) or fnmatchcase(f"{prefix}x", each) for each in patterns)
