"""Tool calls while the model writes them: of functions and of hosted tools."""

import json
from dataclasses import dataclass, field
from typing import Any, Final, Literal

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
class _WrittenCall:
    """A call that the model writes. Mutable: the arguments grow."""

    id: str
    arguments: list[str] = field(default_factory=list)

    def add_arguments(self, index: int, piece: str) -> ToolCallDelta | None:
        """Add the next piece of the arguments; return the delta of the piece, if it has one."""
        self.arguments.append(piece)
        return None

    @property
    def written(self) -> Any:
        """The value of the arguments; their text where they are not JSON."""
        text = "".join(self.arguments)
        try:
            return json.loads(text, strict=False)
        except (ValueError, RecursionError):
            return text


@dataclass
class StreamedFunctionCall(_WrittenCall):
    """A function call; the API's caller submits its output. The run's feed publishes its pieces."""

    name: str = field(kw_only=True)

    def started_delta(self, index: int) -> ToolCallDelta:
        """Return the delta that begins the call in a stream."""
        function = FunctionDelta(name=self.name, arguments="", output=None)
        return FunctionCallDelta(index=index, id=self.id, function=function)

    def to_tool_call(self) -> ToolCall:
        """Return the call as its run step has it."""
        return FunctionCall(self.id, CalledFunction(self.name, "".join(self.arguments)))


@dataclass
class StreamedCodeCall(_WrittenCall):
    """A code_interpreter call; ``logs`` is set at the end."""

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
        written = self.written
        return encodable(str(written.get("code", "") if isinstance(written, dict) else written))

    def to_tool_call(self) -> ToolCall:
        """Return the call as its run step has it."""
        outputs = (LogsOutput(self.logs),) if self.logs else ()
        return CodeInterpreterCall(self.id, CalledCode(self.code, outputs))


@dataclass
class StreamedSearchCall(_WrittenCall):
    """A file_search call; streams don't show its arguments. ``search`` is set when it is done."""

    search: CalledSearch = field(default_factory=CalledSearch)

    def started_delta(self, index: int) -> ToolCallDelta:
        """Return the delta that begins the call in a stream."""
        return FileSearchCallDelta(index=index, file_search=CalledSearch(), id=self.id)

    @property
    def queries(self) -> tuple[str, ...]:
        """The queries; text that is not JSON is one query."""
        found = self.written
        if isinstance(found, dict):
            found = found.get("queries", found.get("query", ()))
        if isinstance(found, str):
            found = [found]
        return tuple(encodable(str(query)) for query in found) if isinstance(found, list) else ()

    def to_tool_call(self) -> ToolCall:
        """Return the call as its run step has it."""
        return FileSearchCall(self.id, self.search)


StreamedCall = StreamedFunctionCall | StreamedCodeCall | StreamedSearchCall


def new_call(id_: str, name: str, hosted: frozenset[str]) -> StreamedCall:
    """Return a call that the model has begun; ``hosted`` names the tools that the engine runs."""
    if name in hosted:
        return StreamedCodeCall(id_) if name == CODE else StreamedSearchCall(id_)
    return StreamedFunctionCall(id_, name=name)
