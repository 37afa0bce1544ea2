"""The events of a Response as model events: each piece once, whatever is repeated or left out."""

import secrets
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from bot.models.estimates import estimate_tokens
from bot.models.http.stream_reader import GoneError, StreamFault
from bot.models.responses.continuation import seal
from bot.models.responses.items import HOSTED, field_of, hosted_call, object_of, text_of
from bot.models.types import (
    Continuation,
    Finished,
    ModelEvent,
    ModelRefusalDelta,
    ModelTextDelta,
    ModelUsage,
    Started,
    ToolCallDelta,
    ToolCallStarted,
)

_ENDS = frozenset({"completed", "incomplete", "failed", "cancelled"})
_END_EVENTS = frozenset(f"response.{status}" for status in _ENDS)


class _Event(Struct):
    """Any event; what its fields hold is looked at where its type is known."""

    type: str = ""
    sequence_number: int | None = None
    output_index: int = 0
    content_index: int = 0
    delta: Any = None
    text: Any = None
    refusal: Any = None
    arguments: Any = None
    item: Any = None
    response: Any = None
    error: Any = None
    code: Any = None
    message: Any = None
    param: Any = None


class _ResponseCall:
    """A function call and how much of its arguments was handed out, in characters."""

    __slots__ = ("id", "index", "sent")

    def __init__(self, index: int, call_id: str) -> None:
        self.index, self.id, self.sent = index, call_id, 0


class Reading:
    """One Response on its way in, over as many connections as it takes.

    `take` each event's data, or `take_response` an object that was retrieved, then `finish` once
    `ended`. `sequence` is the last event's number, `id` the response's, which comes as `Started`
    too where a background response was not known by it before. `over_there` says that the endpoint
    works on it no more, well or not, and `progress` grows with all that is new. `prompt_estimate`,
    in tokens, is used where no usage is told.
    """

    def __init__(
        self, response_id: str | None = None, *, prompt_estimate: int, background: bool = False
    ) -> None:
        self.id = response_id
        self.background = background
        self.sequence: int | None = None
        self.ended = False
        self.over_there = False
        self.progress = 0
        self._prompt_estimate = prompt_estimate
        self._decode = msgspec.json.Decoder(_Event).decode
        self._response: dict[str, Any] = {}
        self._sent: dict[tuple[int, int, str], int] = {}  # characters handed out of each part
        self._size = 0
        self._speaking: int | None = None  # the output index of the message that spoke last
        self._calls: dict[int, _ResponseCall] = {}
        self._hosted: set[int] = set()
        self._items: dict[int, dict[str, Any]] = {}  # finished, as they came
        self._ids: set[str] = set()

    def take(self, data: bytes) -> list[ModelEvent]:
        """The events that the next one holds; raises StreamFault when it is none or an error."""
        try:
            event = self._decode(data)
        except msgspec.DecodeError as error:
            msg = f"an event of the stream is none of a response: {error}"
            raise StreamFault(msg) from error
        number = event.sequence_number
        if number is not None:
            if self.sequence is not None and number <= self.sequence:
                return []  # it was here before the connection was cut
            self.sequence = number
        self.progress += 1
        return list(self._events(event))

    def take_response(self, response: object) -> list[ModelEvent]:
        """The events that are new in a Response object; raises StreamFault where it failed."""
        self.progress += 1
        return list(self._whole(response))

    def finish(self) -> list[ModelEvent]:
        """The last events of a response that `ended`."""
        reason = (field_of(self._response, "incomplete_details", dict) or {}).get("reason")
        events: list[ModelEvent] = []
        if self._response.get("status") == "incomplete" and reason == "content_filter":
            events.append(Finished("content_filter", self._usage()))
        elif self._response.get("status") == "incomplete":
            events.append(Finished("length", self._usage()))
        elif self._calls:
            ids = {index: call.id for index, call in self._calls.items()}
            if sealed := seal(self._items, ids):
                events.append(Continuation(sealed))
            events.append(Finished("tool_calls", self._usage()))
        else:
            events.append(Finished("stop", self._usage()))
        return events

    def _events(self, event: _Event) -> Iterator[ModelEvent]:
        kind = event.type
        if kind == "response.output_text.delta":
            yield from self._piece(event, text_of(event.delta), "text")
        elif kind == "response.refusal.delta":
            yield from self._piece(event, text_of(event.delta), "refusal")
        elif kind == "response.function_call_arguments.delta":
            yield from self._arguments(event.output_index, text_of(event.delta))
        elif kind == "response.output_text.done":
            yield from self._rest(event, text_of(event.text), "text")
        elif kind == "response.refusal.done":
            yield from self._rest(event, text_of(event.refusal), "refusal")
        elif kind == "response.function_call_arguments.done":
            call, whole = self._calls.get(event.output_index), text_of(event.arguments)
            if call is not None:
                yield from self._arguments(event.output_index, whole[call.sent :])
        elif kind == "response.output_item.added":
            item = object_of(event.item)
            if item.get("type") == "function_call":
                yield from self._call(event.output_index, item)
        elif kind == "response.output_item.done":
            yield from self._item(event.output_index, object_of(event.item))
        elif kind in ("response.created", "response.queued", "response.in_progress"):
            yield from self._name(object_of(event.response))
        elif kind in _END_EVENTS:
            response = object_of(event.response)
            yield from self._whole({"status": kind.removeprefix("response."), **response})
        elif kind == "error" or (not kind and event.error is not None):
            told = event.error or {
                "code": event.code,
                "message": event.message,
                "param": event.param,
            }
            raise StreamFault("the stream carried an error", told)

    def _whole(self, response: object) -> Iterator[ModelEvent]:
        response = object_of(response)
        yield from self._name(response)
        output = response.get("output")
        for index, item in enumerate(output if isinstance(output, list) else ()):
            yield from self._item(index, object_of(item))
        status = field_of(response, "status", str)
        if status not in _ENDS:
            return
        self.over_there = True
        if status == "failed":
            told = response.get("error") or {"code": "server_error", "message": "it failed there"}
            raise StreamFault("the response failed", told)
        if status == "cancelled":
            raise GoneError("it was cancelled there")
        self._response = response
        self.ended = True

    def _name(self, response: dict[str, Any]) -> Iterator[ModelEvent]:
        response_id = field_of(response, "id", str)
        if self.id is None and response_id:
            self.id = response_id
            if self.background:
                yield Started(response_id)

    def _item(self, index: int, item: dict[str, Any]) -> Iterator[ModelEvent]:
        """What of an item was not handed out yet; it may be an unfinished one."""
        kind = field_of(item, "type", str) or ""
        done = field_of(item, "status", str) not in ("in_progress", "searching", "interpreting")
        if kind == "message":
            content = item.get("content")
            for at, part in enumerate(content if isinstance(content, list) else ()):
                part = object_of(part)
                where = _Event(output_index=index, content_index=at)
                if part.get("type") == "output_text":
                    yield from self._rest(where, text_of(part.get("text")), "text")
                elif part.get("type") == "refusal":
                    yield from self._rest(where, text_of(part.get("refusal")), "refusal")
        elif kind == "function_call":
            yield from self._call(index, item)
        elif kind in HOSTED and done and index not in self._hosted:
            self._hosted.add(index)
            yield hosted_call(HOSTED[kind], item)
        if done:
            self._items[index] = item

    def _piece(self, event: _Event, piece: str, kind: str) -> Iterator[ModelEvent]:
        if not piece:
            return
        index = event.output_index
        if kind == "text":
            if self._speaking not in (None, index):
                yield ModelTextDelta("\n\n")  # between what the model says before and after a step
            self._speaking = index
        key = (index, event.content_index, kind)
        self._sent[key] = self._sent.get(key, 0) + len(piece)
        self._size += len(piece)
        yield ModelTextDelta(piece) if kind == "text" else ModelRefusalDelta(piece)

    def _rest(self, event: _Event, whole: str, kind: str) -> Iterator[ModelEvent]:
        sent = self._sent.get((event.output_index, event.content_index, kind), 0)
        yield from self._piece(event, whole[sent:], kind)

    def _call(self, index: int, item: dict[str, Any]) -> Iterator[ModelEvent]:
        call = self._calls.get(index)
        if call is None:
            name = text_of(item.get("name"))
            if not name:
                raise StreamFault("a function call came without a function's name")
            call = self._calls[index] = _ResponseCall(
                len(self._calls), self._own_id(item.get("call_id"))
            )
            self._size += len(name)
            yield ToolCallStarted(call.index, call.id, name)
        yield from self._arguments(index, text_of(item.get("arguments"))[call.sent :])

    def _arguments(self, index: int, piece: str) -> Iterator[ModelEvent]:
        call = self._calls.get(index)
        if call is not None and piece:  # of an unknown call all comes with its item
            call.sent += len(piece)
            self._size += len(piece)
            yield ToolCallDelta(call.index, piece)

    def _own_id(self, told: object) -> str:
        """The server's id, or a new one where it gave none or gave it twice."""
        known = isinstance(told, str) and told and told not in self._ids
        call_id = str(told) if known else f"call_{secrets.token_hex(12)}"
        self._ids.add(call_id)
        return call_id

    def _usage(self) -> ModelUsage:
        told = field_of(self._response, "usage", dict) or {}
        prompt, completion = (
            field_of(told, f"{kind}_tokens", int) or 0 for kind in ("input", "output")
        )
        total = field_of(told, "total_tokens", int) or prompt + completion
        if total:
            return ModelUsage(prompt, completion, total)
        prompt, completion = self._prompt_estimate, estimate_tokens(self._size)
        return ModelUsage(prompt, completion, prompt + completion, estimated=True)
