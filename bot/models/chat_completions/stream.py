"""The chunks of a chat completion as model events, the same whichever way a server cuts them."""

import secrets
from typing import Any, NoReturn

import msgspec
from msgspec import Struct

from bot.models.http.stream_reader import StreamFault
from bot.models.types import (
    Finished,
    FinishReason,
    ModelEvent,
    ModelRefusalDelta,
    ModelTextDelta,
    ModelUsage,
    ToolCallDelta,
    ToolCallStarted,
)


class _Part(Struct, gc=False):
    type: str = ""
    text: str | None = None


class _Function(Struct):
    name: str | None = None
    # Text in pieces; some servers send the object itself, whole.
    arguments: str | dict[str, Any] | None = None


class _StreamedCall(Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Delta(Struct):
    content: str | list[_Part] | None = None
    refusal: str | None = None
    tool_calls: list[_StreamedCall] | None = None


class _Choice(Struct):
    index: int | None = 0
    delta: _Delta | None = None
    message: _Delta | None = None  # from a server that answers whole, though asked to stream
    finish_reason: str | None = None


class _Usage(Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None


class _Chunk(Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: dict[str, Any] | str | None = None


_REASONS: dict[str, FinishReason] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}
_MOST_UNNAMED = 100_000
"""Characters of arguments that wait for their function's name, which servers send first."""

_NOTHING: tuple[ModelEvent, ...] = ()


class _OpenCall:
    """A tool call that is being received; started once its name is known."""

    __slots__ = ("arguments", "id", "index", "started")

    def __init__(self, call_id: str | None) -> None:
        self.id = call_id
        self.index = -1
        self.started = False
        self.arguments = ""  # what came before the name did


class CompletionReader:
    """One completion on its way in: `take` each event's data, then `finish`.

    `reason` is None until the server said why it stopped; `size` counts the characters received.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self.usage: ModelUsage | None = None
        self.size = 0
        self._decode = msgspec.json.Decoder(_Chunk).decode
        self._calls: dict[int, _OpenCall] = {}
        self._current: _OpenCall | None = None
        self._ids: set[str] = set()
        self._started = 0
        self._spoke = False  # a choice was seen

    def take(self, data: bytes) -> tuple[ModelEvent, ...] | list[ModelEvent]:
        """The events that the next chunk holds; raises StreamFault when it is none or an error."""
        try:
            chunk = self._decode(data)
        except msgspec.DecodeError as error:
            msg = f"a chunk of the stream is no chat completion: {error}"
            raise StreamFault(msg) from error
        if chunk.error is not None:
            raise StreamFault("the stream carried an error", chunk.error)
        if chunk.usage is not None:
            self._count(chunk.usage)
        if not chunk.choices:
            return _NOTHING
        choice = chunk.choices[0]
        if choice.index:  # only one was asked for
            return _NOTHING
        self._spoke = True
        if choice.finish_reason:
            self.reason = choice.finish_reason
        delta = choice.delta or choice.message
        if delta is None:
            return _NOTHING
        content = delta.content
        if content.__class__ is str and content and not delta.tool_calls and not delta.refusal:
            self.size += len(content)
            return (ModelTextDelta(content),)
        return self._unusual(delta)

    def fail(self, data: bytes) -> NoReturn:
        """Raise the StreamFault that an event of the name "error" is, whatever it holds."""
        try:
            error = self._decode(data).error
        except msgspec.DecodeError:
            error = None
        said = error or data.decode("utf-8", "replace")
        raise StreamFault("the stream carried an error", said)

    def finish(self, prompt_estimate: int) -> list[ModelEvent]:
        """The last events; raises StreamFault when the server ended it before it was whole."""
        if not self._spoke:
            raise StreamFault("the answer holds no choices")
        events: list[ModelEvent] = []
        for call in self._calls.values():
            if not call.started:
                raise StreamFault("a tool call came without a function's name")
        if self.reason == "error":
            raise StreamFault("the endpoint ended the answer with an error")
        reason = _REASONS.get(self.reason or "", "stop")
        if self._started and reason == "stop":
            reason = "tool_calls"
        elif not self._started and reason == "tool_calls":
            reason = "stop"
        usage = self.usage
        if usage is None:
            completion = (self.size + 3) // 4
            usage = ModelUsage(prompt_estimate, completion, prompt_estimate + completion, True)
        events.append(Finished(reason, usage))
        return events

    def _count(self, usage: _Usage) -> None:
        prompt, completion = usage.prompt_tokens or 0, usage.completion_tokens or 0
        total = usage.total_tokens or prompt + completion
        if total:
            self.usage = ModelUsage(prompt, completion, total)

    def _unusual(self, delta: _Delta) -> list[ModelEvent]:
        events: list[ModelEvent] = []
        content = delta.content
        if isinstance(content, list):
            content = "".join(part.text or "" for part in content if part.type == "text")
        if content:
            self.size += len(content)
            events.append(ModelTextDelta(content))
        if delta.refusal:
            self.size += len(delta.refusal)
            events.append(ModelRefusalDelta(delta.refusal))
        for call in delta.tool_calls or ():
            self._take_call(call, events)
        return events

    def _take_call(self, told: _StreamedCall, events: list[ModelEvent]) -> None:
        function = told.function or _Function()
        call = self._find(told, function)
        arguments = function.arguments
        if isinstance(arguments, dict):
            arguments = msgspec.json.encode(arguments).decode()
        if not call.started:
            if function.name:
                call.started = True
                call.index = self._started
                self._started += 1
                call.id = self._own_id(call.id)
                self.size += len(function.name)
                events.append(ToolCallStarted(call.index, call.id, function.name))
                arguments = call.arguments + (arguments or "")
            else:
                call.arguments += arguments or ""
                if len(call.arguments) > _MOST_UNNAMED:
                    raise StreamFault("a tool call came without a function's name")
                return
        if arguments:
            self.size += len(arguments)
            events.append(ToolCallDelta(call.index, arguments))

    def _find(self, told: _StreamedCall, function: _Function) -> _OpenCall:
        """The call a piece belongs to: by its index, unless its id says that it is another one."""
        known = self._current if told.index is None else self._calls.get(told.index)
        another = (
            known is None
            or (told.index is None and bool(function.name))
            or (
                bool(told.id)
                and known.id is not None
                and known.id != told.id
                and bool(function.name)
            )
        )
        if known is None or another:
            known = _OpenCall(told.id or None)
            key = told.index
            if key is None or key in self._calls:
                if key is not None:  # the index is taken over, the call it named stays as it is
                    self._calls[-1 - len(self._calls)] = self._calls[key]
                else:
                    key = -1 - len(self._calls)
            self._calls[key] = known
        elif told.id and known.id is None:
            known.id = told.id
        self._current = known
        return known

    def _own_id(self, told: str | None) -> str:
        """The server's id, or a new one where it gave none or gave it twice."""
        call_id = told if told and told not in self._ids else f"call_{secrets.token_hex(12)}"
        self._ids.add(call_id)
        return call_id
