"""Functions that the bot runs when a run asks for them."""

from bot.tools.context import Context
from bot.tools.python_functions import tool
from bot.tools.tool import FunctionResult, ToolError, ToolFile

__all__ = ["Context", "FunctionResult", "ToolError", "ToolFile", "tool"]
