"""Lists the tool calls of a run while it works, as a member reads them in the reply."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from msgspec import UNSET

from bot.assistants.events import RunStepDelta, ToolCallsDelta
from bot.assistants.schema.objects import RunStep, ToolCallsDetails
from bot.assistants.schema.tools import (
    CodeInterpreterCall,
    CodeInterpreterCallDelta,
    FileSearchCall,
    FileSearchCallDelta,
    FunctionCall,
    FunctionCallDelta,
    ToolCall,
    ToolCallDelta,
)
from bot.assistants.states import StepStatus
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.chat.texts.sentences import CallState, ToolKind

MOST_LINES: Final = 6
"""The most lines for calls; one more line counts the earlier calls."""


@dataclass
class _Call:
    kind: ToolKind
    name: str = ""
    has_output: bool = False
    id: str = ""


@dataclass
class _Step:
    status: StepStatus = "in_progress"
    calls: dict[int, _Call] = field(default_factory=dict)


class RunProgress:
    """Collects the tool calls of a run from its run steps and their deltas."""

    def __init__(self) -> None:
        self._steps: dict[str, _Step] = {}
        self._ended: dict[str, bool] = {}

    @property
    def searches(self) -> bool:
        """Whether the run has searched files."""
        return any(
            call.kind == "file_search"
            for step in self._steps.values()
            for call in step.calls.values()
        )

    def add(self, step: RunStep | RunStepDelta) -> bool:
        """Add a run step in place of its deltas, or a delta; return whether the list changes."""
        return self._put(step) if isinstance(step, RunStep) else self._add_delta(step)

    def _put(self, step: RunStep) -> bool:
        details = step.step_details
        if not isinstance(details, ToolCallsDetails):
            return False
        known = self._steps.setdefault(step.id, _Step())
        known.status = step.status
        if details.tool_calls:
            known.calls = dict(enumerate(map(_call, details.tool_calls)))
        return bool(known.calls)

    def _add_delta(self, delta: RunStepDelta) -> bool:
        details = delta.delta.step_details
        if not isinstance(details, ToolCallsDelta):
            return False
        calls = self._steps.setdefault(delta.id, _Step()).calls
        changed = False
        for piece in details.tool_calls:
            call = calls.get(piece.index)
            if call is None:
                call = calls[piece.index] = _Call(_kind(piece))
                changed = True
                if isinstance(piece.id, str):
                    # Some models use the id of an earlier call again.
                    call.id = piece.id
                    self._ended.pop(piece.id, None)
            if isinstance(piece, FunctionCallDelta) and piece.function is not UNSET:
                name = piece.function.name
                changed = changed or name not in (UNSET, call.name)
                call.name = call.name if name is UNSET else name
                call.has_output = call.has_output or bool(piece.function.output)
        return changed

    def ended(self, call_id: str, *, succeeded: bool) -> bool:
        """Note the end of a call, before a run step shows it; return whether it is listed."""
        self._ended[call_id] = succeeded
        return any(
            call.id == call_id for step in self._steps.values() for call in step.calls.values()
        )

    def lines(self, files: int | None) -> Sequence[str]:
        """Return the list, newest call last; ``files`` is how many files a search covers."""
        lines = [
            line
            for step in self._steps.values()
            for number, call in enumerate(step.calls.values(), 1)
            if (line := _line(step, call, number, files, self._ended.get(call.id)))
        ]
        merged = [(line, len(list(same))) for line, same in groupby(lines)]
        shown = [sentences.repeated(line, count) for line, count in merged]
        earlier = len(shown) - MOST_LINES
        return (
            [localized("earlier-calls", count=earlier), *shown[earlier:]] if earlier > 0 else shown
        )


def _line(step: _Step, call: _Call, number: int, files: int | None, succeeded: bool | None) -> str:
    state: CallState = "active"
    if succeeded is not None:
        state = "done" if succeeded else "stopped"
    elif step.status == "completed" or call.has_output:
        state = "done"
    elif step.status != "in_progress":
        state = "stopped"
    return sentences.tool_call(
        call.kind, state, name=call.name, files=files, number=number, count=len(step.calls)
    )


def _call(call: ToolCall) -> _Call:
    match call:
        case FunctionCall():
            function = call.function
            has_output = function.output is not None
            return _Call("function", function.name, has_output=has_output, id=call.id)
        case CodeInterpreterCall():
            return _Call("code_interpreter")
        case FileSearchCall():
            return _Call("file_search")


def _kind(delta: ToolCallDelta) -> ToolKind:
    match delta:
        case FunctionCallDelta():
            return "function"
        case CodeInterpreterCallDelta():
            return "code_interpreter"
        case FileSearchCallDelta():
            return "file_search"


def answered_calls(steps: Iterable[RunStep]) -> Counter[str]:
    """Return how many function calls of each id have outputs in the steps of a run."""
    return Counter(
        call.id
        for step in steps
        if isinstance(step.step_details, ToolCallsDetails)
        for call in step.step_details.tool_calls
        if isinstance(call, FunctionCall) and call.function.output is not None
    )
