"""A tool: a function that the bot runs when a run asks for it."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import Struct

from bot.tools.context import PreparedCall

_LONGEST_NAME: Final = 64
_LONGEST_DESCRIPTION: Final = 4_000
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9_-]")


class ToolError(Exception):
    """A call failed; the model reads the message, which holds no secret."""


class ArgumentsError(ToolError):
    """The arguments of a call do not fit the tool's schema; the call was not made."""


class ToolFile(Struct, frozen=True):
    """A picture or another file that the reply shows."""

    name: str
    data: bytes


class FunctionResult(Struct, frozen=True):
    """A result with files for the reply; ``text`` is for the model."""

    text: str
    files: tuple[ToolFile, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A function as an assistant gets it.

    Patterns and rules use ``name``, such as ``mcp.github.search``. ``parameters`` is a JSON schema.
    ``prepare`` validates arguments (JSON text) and returns the call; it raises ``ArgumentsError``.
    A ``read_only`` tool changes nothing. The call of an ``idempotent`` tool may be repeated after a
    crash. ``seconds`` is the tool's own time limit.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    prepare: Callable[[str], PreparedCall]
    read_only: bool = False
    idempotent: bool = False
    seconds: float | None = None

    @property
    def function_name(self) -> str:
        """The name that the model uses: at most 64 letters, digits, ``_`` and ``-``."""
        name = _NOT_IN_NAMES.sub("_", self.name)
        if len(name) <= _LONGEST_NAME:
            return name
        return f"{name[:55]}_{hashlib.sha256(self.name.encode()).hexdigest()[:8]}"

    def definition(self) -> dict[str, Any]:
        """Return the tool in the form of the Assistants API."""
        return {
            "type": "function",
            "function": {
                "name": self.function_name,
                "description": self.description[:_LONGEST_DESCRIPTION],
                "parameters": self.parameters,
            },
        }


def result_of(value: object) -> FunctionResult:
    """Convert the value that a function returned: text stays, other values become JSON.

    Raises ``TypeError`` for a value that is no JSON.
    """
    if isinstance(value, FunctionResult):
        return value
    if isinstance(value, ToolFile):
        return FunctionResult(f"The file {value.name} is shown below the answer.", (value,))
    if isinstance(value, str):
        return FunctionResult(value)
    if value is None:
        return FunctionResult("Done.")
    return FunctionResult(msgspec.json.encode(value).decode())
