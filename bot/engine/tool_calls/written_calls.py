"""A tool call while the model writes it: of a function, or of a tool that the engine hosts."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from bot.assistants.schema.tools import (
    CalledCode,
    CalledFunction,
    CalledSearch,
    CodeDelta,
    CodeInterpreterCall,
    CodeInterpreterCallDelta,
    FileSearchCall,
    FileSearchCallDelta,
    FunctionCall,
    FunctionCallDelta,
    FunctionDelta,
    LogsOutput,
    LogsOutputDelta,
    ToolCall,
    ToolCallDelta,
)
from bot.engine.tool_calls.partial_json import PartialText, sayable

CODE: Final[Literal["code_interpreter"]] = "code_interpreter"
SEARCH: Final = "file_search"


@dataclass
class WrittenFunction:
    """A call whose output comes from outside."""

    id: str
    name: str
    arguments: list[str] = field(default_factory=list)

    def started_delta(self, index: int) -> ToolCallDelta:
        """Return how a stream tells that the call began."""
        function = FunctionDelta(name=self.name, arguments="", output=None)
        return FunctionCallDelta(index=index, id=self.id, function=function)

    def add_arguments(self, index: int, piece: str) -> ToolCallDelta | None:
        """Take the next piece of the arguments; a feed tells it as it is."""
        self.arguments.append(piece)
        return None

    def to_tool_call(self) -> ToolCall:
        """Return the call as a step keeps it."""
        return FunctionCall(self.id, CalledFunction(self.name, "".join(self.arguments)))


@dataclass
class WrittenCode:
    """Code that the engine runs."""

    id: str
    arguments: list[str] = field(default_factory=list)
    logs: str | None = None
    _code: PartialText = field(default_factory=lambda: PartialText("code"))

    def started_delta(self, index: int) -> ToolCallDelta:
        """Return how a stream tells that the call began."""
        code = CodeDelta(input="", outputs=())
        return CodeInterpreterCallDelta(index=index, id=self.id, code_interpreter=code)

    def add_arguments(self, index: int, piece: str) -> ToolCallDelta | None:
        """Take the next piece of the arguments; return how a stream tells it."""
        self.arguments.append(piece)
        code = self._code.add(piece)
        if not code:
            return None
        return CodeInterpreterCallDelta(index=index, code_interpreter=CodeDelta(input=code))

    def output_delta(self, index: int, logs: str) -> ToolCallDelta:
        """Return how a stream tells the next piece of what the code prints."""
        outputs = (LogsOutputDelta(index=0, logs=logs),)
        return CodeInterpreterCallDelta(index=index, code_interpreter=CodeDelta(outputs=outputs))

    def full_delta(self, index: int) -> ToolCallDelta:
        """Return how a stream tells the call all at once."""
        outputs = (LogsOutputDelta(index=0, logs=self.logs),) if self.logs else ()
        code = CodeDelta(input=self.code, outputs=outputs)
        return CodeInterpreterCallDelta(index=index, id=self.id, code_interpreter=code)

    @property
    def code(self) -> str:
        """The code; models that write it bare, without the JSON around it, mean the same."""
        text = "".join(self.arguments)
        try:
            arguments = json.loads(text, strict=False)
        except (ValueError, RecursionError):
            return sayable(text)
        if isinstance(arguments, dict):
            arguments = arguments.get("code", "")
        return sayable(str(arguments))

    def to_tool_call(self) -> ToolCall:
        """Return the call as a step keeps it."""
        outputs = (LogsOutput(self.logs),) if self.logs else ()
        return CodeInterpreterCall(self.id, CalledCode(self.code, outputs))


@dataclass
class WrittenSearch:
    """A search that the engine makes."""

    id: str
    arguments: list[str] = field(default_factory=list)
    search: CalledSearch = field(default_factory=CalledSearch)

    def started_delta(self, index: int) -> ToolCallDelta:
        """Return how a stream tells that the call began."""
        return FileSearchCallDelta(index=index, file_search=CalledSearch(), id=self.id)

    def add_arguments(self, index: int, piece: str) -> ToolCallDelta | None:
        """Take the next piece of the arguments; a stream does not tell them."""
        self.arguments.append(piece)
        return None

    @property
    def queries(self) -> tuple[str, ...]:
        """What is searched for; no query at all stands for what the model wrote instead."""
        text = "".join(self.arguments)
        try:
            arguments = json.loads(text, strict=False)
        except (ValueError, RecursionError):
            return (sayable(text),)
        if isinstance(arguments, dict):
            arguments = arguments.get("queries", arguments.get("query", ()))
        if isinstance(arguments, str):
            return (sayable(arguments),)
        return (
            tuple(sayable(str(query)) for query in arguments) if isinstance(arguments, list) else ()
        )

    def to_tool_call(self) -> ToolCall:
        """Return the call as a step keeps it."""
        return FileSearchCall(self.id, self.search)


Written = WrittenFunction | WrittenCode | WrittenSearch

Tell = Callable[[ToolCallDelta], None]


def new_call(id_: str, name: str, hosted: frozenset[str]) -> Written:
    """Return a call that the model began; names in ``hosted`` are the engine's own tools."""
    if name in hosted:
        return WrittenCode(id_) if name == CODE else WrittenSearch(id_)
    return WrittenFunction(id_, name)
