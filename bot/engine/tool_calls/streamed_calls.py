"""Tool calls while the model writes them: of functions and of hosted tools."""

import json
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
from bot.engine.tool_calls.partial_json import PartialText, encodable

CODE: Final[Literal["code_interpreter"]] = "code_interpreter"
SEARCH: Final = "file_search"


@dataclass
class StreamedFunctionCall:
    """A function call; the API's caller submits its output. Mutable: the arguments grow."""

    id: str
    name: str
    arguments: list[str] = field(default_factory=list)

    def started_delta(self, index: int) -> ToolCallDelta:
        """Return the delta that begins the call in a stream."""
        function = FunctionDelta(name=self.name, arguments="", output=None)
        return FunctionCallDelta(index=index, id=self.id, function=function)

    def add_arguments(self, index: int, piece: str) -> ToolCallDelta | None:
        """Add the next piece of the arguments; the run's feed publishes the piece itself."""
        self.arguments.append(piece)
        return None

    def to_tool_call(self) -> ToolCall:
        """Return the call as its run step has it."""
        return FunctionCall(self.id, CalledFunction(self.name, "".join(self.arguments)))


@dataclass
class StreamedCodeCall:
    """A code_interpreter call. Mutable: the arguments grow, ``logs`` is set at the end."""

    id: str
    arguments: list[str] = field(default_factory=list)
    logs: str | None = None
    _code: PartialText = field(default_factory=lambda: PartialText("code"))

    def started_delta(self, index: int) -> ToolCallDelta:
        """Return the delta that begins the call in a stream."""
        code = CodeDelta(input="", outputs=())
        return CodeInterpreterCallDelta(index=index, id=self.id, code_interpreter=code)

    def add_arguments(self, index: int, piece: str) -> ToolCallDelta | None:
        """Add the next piece of the JSON arguments; return the delta of its code, if it has any."""
        self.arguments.append(piece)
        code = self._code.add(piece)
        if not code:
            return None
        return CodeInterpreterCallDelta(index=index, code_interpreter=CodeDelta(input=code))

    def output_delta(self, index: int, logs: str) -> ToolCallDelta:
        """Return the delta of the next piece of printed output."""
        outputs = (LogsOutputDelta(index=0, logs=logs),)
        return CodeInterpreterCallDelta(index=index, code_interpreter=CodeDelta(outputs=outputs))

    def full_delta(self, index: int) -> ToolCallDelta:
        """Return one delta with the whole call."""
        outputs = (LogsOutputDelta(index=0, logs=self.logs),) if self.logs else ()
        code = CodeDelta(input=self.code, outputs=outputs)
        return CodeInterpreterCallDelta(index=index, id=self.id, code_interpreter=code)

    @property
    def code(self) -> str:
        """The code, also if the model wrote it without the JSON around it."""
        text = "".join(self.arguments)
        try:
            arguments = json.loads(text, strict=False)
        except (ValueError, RecursionError):
            return encodable(text)
        if isinstance(arguments, dict):
            arguments = arguments.get("code", "")
        return encodable(str(arguments))

    def to_tool_call(self) -> ToolCall:
        """Return the call as its run step has it."""
        outputs = (LogsOutput(self.logs),) if self.logs else ()
        return CodeInterpreterCall(self.id, CalledCode(self.code, outputs))


@dataclass
class StreamedSearchCall:
    """A file_search call. Mutable: the arguments grow, ``search`` is set when it is done."""

    id: str
    arguments: list[str] = field(default_factory=list)
    search: CalledSearch = field(default_factory=CalledSearch)

    def started_delta(self, index: int) -> ToolCallDelta:
        """Return the delta that begins the call in a stream."""
        return FileSearchCallDelta(index=index, file_search=CalledSearch(), id=self.id)

    def add_arguments(self, index: int, piece: str) -> ToolCallDelta | None:
        """Add the next piece of the arguments, which streams do not have."""
        self.arguments.append(piece)
        return None

    @property
    def queries(self) -> tuple[str, ...]:
        """The queries; text that is not JSON is one query."""
        text = "".join(self.arguments)
        try:
            arguments = json.loads(text, strict=False)
        except (ValueError, RecursionError):
            return (encodable(text),)
        if isinstance(arguments, dict):
            arguments = arguments.get("queries", arguments.get("query", ()))
        if isinstance(arguments, str):
            arguments = [arguments]
        queries = arguments if isinstance(arguments, list) else ()
        return tuple(encodable(str(query)) for query in queries)

    def to_tool_call(self) -> ToolCall:
        """Return the call as its run step has it."""
        return FileSearchCall(self.id, self.search)


StreamedCall = StreamedFunctionCall | StreamedCodeCall | StreamedSearchCall


def new_call(id_: str, name: str, hosted: frozenset[str]) -> StreamedCall:
    """Return a call that the model has begun; ``hosted`` names the tools that the engine runs."""
    if name in hosted:
        return StreamedCodeCall(id_) if name == CODE else StreamedSearchCall(id_)
    return StreamedFunctionCall(id_, name)
