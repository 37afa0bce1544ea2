"""All functions of the bot: the operator's files, those that come with the bot, and MCP servers."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from bot.config.tools import ToolsSettings
from bot.tools.mcp_servers import McpServer
from bot.tools.public_session import PublicSession
from bot.tools.python_functions import load
from bot.tools.shipped import SHIPPED
from bot.tools.tool import Tool, ToolError

_log: Final = logging.getLogger(__name__)


class Functions:
    """Finds functions by the name that a model uses, or by patterns such as ``mcp.github.*``.

    ``tools`` are functions that need a configured service. An MCP server of ``servers`` is started
    when a pattern of an assistant, or of the functions offered to servers, names it.
    """

    def __init__(
        self,
        settings: ToolsSettings | None = None,
        *,
        tools: Sequence[Tool] = (),
        servers: Sequence[McpServer] = (),
    ) -> None:
        self.settings: Final = settings or ToolsSettings()
        self.public: Final = PublicSession()
        self._configured = tuple(tools)
        self._servers = tuple(servers)
        self._listed: dict[str, list[Tool]] = {}
        self._tools: dict[str, Tool] = {}

    async def reload(self, patterns: Sequence[str] = ("*",)) -> None:
        """Read the operator's files, and list the tools of the MCP servers that patterns name.

        A broken file, function or server is logged; the others work.
        """
        tools, problems = await asyncio.to_thread(load, Path(self.settings.directory))
        for problem in problems:
            _log.error("A function can't be loaded: %s", problem)
        wanted = [*patterns, *self.settings.offered]
        needed = [server for server in self._servers if _is_needed(server.name, wanted)]
        await asyncio.gather(*map(self._list, needed))
        listed = [tool for server in needed for tool in self._listed.get(server.name, [])]
        self.replace([*tools, *SHIPPED, *self._configured, *listed])
        if tools or listed:
            count = len(tools), self.settings.directory, len(listed)
            _log.info("%d functions of %s and %d of MCP servers are loaded", *count)

    def replace(self, tools: Iterable[Tool]) -> None:
        """Replace all functions; a call under way keeps its function.

        Of two functions with one name the first one stays.
        """
        found: dict[str, Tool] = {}
        for tool in tools:
            if found.setdefault(tool.function_name, tool) is not tool:
                _log.warning(
                    "Two functions are named %s; the second one, %s, is left out",
                    tool.function_name,
                    tool.name,
                )
        self._tools = found

    def get(self, function_name: str) -> Tool | None:
        """Return the function that a model called; None if there is none of that name."""
        return self._tools.get(function_name)

    def definitions(self, patterns: Sequence[str]) -> list[dict[str, Any]]:
        """Return the functions that patterns name as tools of the Assistants API."""
        for pattern in patterns:
            if not self.named([pattern]):
                _log.warning("There is no function %s, so no assistant gets it", pattern)
        return [tool.definition() for tool in self.named(patterns)]

    def offered(self, patterns: Sequence[str] = ("*",)) -> list[Tool]:
        """Return the functions that patterns name, among those offered to servers."""
        offered = self.named(self.settings.offered)
        return [tool for tool in self.named(patterns) if tool in offered]

    def named(self, patterns: Sequence[str]) -> list[Tool]:
        """Return the functions that patterns name."""
        return [
            tool
            for tool in self._tools.values()
            if any(fnmatchcase(tool.name, pattern) for pattern in patterns)
        ]

    async def close(self) -> None:
        """Close the connections of functions, and end the MCP servers."""
        await asyncio.gather(*(server.close() for server in self._servers))
        await self.public.close()

    async def _list(self, server: McpServer) -> None:
        """List a server's tools; the tools listed earlier stay where the server fails."""
        try:
            self._listed[server.name] = await server.tools()
        except ToolError as error:
            _log.error("%s Send SIGHUP to the bot to try again.", error)


def _is_needed(server: str, patterns: Sequence[str]) -> bool:
    prefix = f"mcp.{server}."
    return any(each.startswith(prefix) or fnmatchcase(f"{prefix}x", each) for each in patterns)
