"""Combines the tools of a server's assistant: hosted tools, functions, and tools that it keeps."""

from collections.abc import Collection, Iterable
from typing import Final

from bot.assistants.schema.tools import CodeInterpreterTool, FileSearchTool, FunctionTool, Tool
from bot.assistants.validation import from_raw
from bot.tools.tool import Tool as BotFunction

_HOSTED: Final[dict[str, Tool]] = {
    "code_interpreter": CodeInterpreterTool(),
    "file_search": FileSearchTool(),
}


def tools_of(
    hosted: Collection[str], functions: Iterable[BotFunction] | None, old: Iterable[Tool]
) -> tuple[Tool, ...]:
    """Return the tools of an assistant that a form makes or changes.

    ``hosted`` are types of hosted tools. If ``functions`` is None, the functions in ``old`` stay.
    """
    tools = [tool for kind, tool in _HOSTED.items() if kind in hosted]
    chosen = {*_HOSTED, *([] if functions is None else ["function"])}
    # Tools that neither the form nor the command can choose stay.
    kept = [tool for tool in old if type_of(tool) not in chosen]
    given = [from_raw(FunctionTool, each.definition()) for each in functions or ()]
    return (*tools, *given, *kept)


def type_of(tool: Tool) -> str:
    """Return a tool's type, such as ``file_search``."""
    return str(tool.__struct_config__.tag)
