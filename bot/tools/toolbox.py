"""All tools of the bot, found by the name that the model uses or by patterns."""

import logging
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from bot.tools.tool import Tool

_log: Final = logging.getLogger(__name__)


class Toolbox:
    """The tools that assistants may have; a later tool of the same name is left out."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        self.replace(tools)

    def replace(self, tools: Iterable[Tool]) -> None:
        """Have these tools from now on; calls under way keep theirs."""
        found: dict[str, Tool] = {}
        for tool in tools:
            other = found.setdefault(tool.function_name, tool)
            if other is not tool:
                _log.warning(
                    "Two functions are named %s; the second one, %s, is left out",
                    tool.function_name,
                    tool.name,
                )
        self._tools = found

    def get(self, function_name: str) -> Tool | None:
        """Return the tool of a function that a model called; None if there is none."""
        return self._tools.get(function_name)

    def named(self, patterns: Sequence[str]) -> tuple[Tool, ...]:
        """Return the tools that the patterns name, such as ``roll``, ``mcp.github.*`` or ``*``."""
        return tuple(
            tool
            for tool in self._tools.values()
            if any(fnmatchcase(tool.name, pattern) for pattern in patterns)
        )

    def definitions(self, patterns: Sequence[str]) -> list[dict[str, Any]]:
        """Return the tools that the patterns name as the Assistants API takes them."""
        return [tool.definition() for tool in self.named(patterns)]

    def unknown(self, patterns: Sequence[str]) -> list[str]:
        """Return the patterns that name no tool."""
        return [pattern for pattern in patterns if not self.named([pattern])]
