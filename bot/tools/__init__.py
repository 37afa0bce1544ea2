"""Functions that the bot runs when a run asks for them."""

from bot.tools.context import Context
from bot.tools.python_functions import tool
from bot.tools.tool import ToolError, ToolFile, ToolResult

__all__ = ["Context", "ToolError", "ToolFile", "ToolResult", "tool"]
