"""Turns the events of a Response into model events: each piece once, whatever is repeated.

The reader is as lenient as that of chat completions: it skips unreadable events, and ignores
numbers and ids that make no sense.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct

from bot.models.http.answer_reader import AnswerReader, usage_in
from bot.models.http.leniency import (
    END,
    CallIds,
    error_in,
    integer,
    parse,
    says_something,
    stop_reason,
    text_in,
)
from bot.models.http.stream_reader import GoneError, StreamFault
from bot.models.responses.continuation import seal
from bot.models.responses.items import (
    HOSTED,
    ResponseEvent,
    arguments_of,
    failure_of,
    field_of,
    hosted_call,
    kind_of,
    object_of,
    same_arguments,
    status_of,
)
from bot.models.responses.slots import OutputSlots
from bot.models.responses.thoughts import Thoughts
from bot.models.types import (
    Continuation,
    Finished,
    ModelEvent,
    ModelRefusalDelta,
    ModelTextDelta,
    ModelThoughts,
    ModelUsage,
    Started,
    ToolCallDelta,
    ToolCallStarted,
)
from bot.wire.bodies import BodyError, excerpt
from bot.wire.sse import ServerSentEvent

_ENDS: Final = frozenset({"completed", "incomplete", "failed", "cancelled"})
_END_EVENTS: Final = frozenset({*(f"response.{status}" for status in _ENDS), "response.done"})
_FAILURES: Final = frozenset({"error", "response.error", "response.failed"})
_WORKING: Final = frozenset({"queued", "in_progress", "pending", "running", "processing"})


class _ResponseCall(Struct):
    """A function call and the arguments yielded so far; it starts once its name is known."""

    index: int
    id: str
    arguments: str = ""


class ResponseReader(AnswerReader):
    """Reads one Response, over one or more connections.

    ``sequence`` is the last event's number. ``id`` is the response's id; a background response
    yields it as ``Started``. ``ended_remotely`` says that the endpoint no longer works on the
    response. ``progress`` grows with each new piece.
    """

    def __init__(
        self,
        response_id: str | None = None,
        *,
        prompt_estimate: int,
        background: bool = False,
        thoughts: bool = False,
    ) -> None:
        super().__init__(prompt_estimate=prompt_estimate, thoughts=thoughts)
        self.id = response_id
        self.background = background
        self.sequence: int | None = None
        self.ended_remotely = False
        self.progress = 0
        self._numbered = True  # whether the events' numbers make sense
        self._seen: dict[int, int] = {}  # the hash of this connection's event of each number
        self._marked = False  # whether the last event was an end marker or lacks a response
        self._slots = OutputSlots()
        self._thoughts = Thoughts(keep=thoughts)
        self._decode = msgspec.json.Decoder(ResponseEvent).decode
        self._response: dict[str, Any] = {}
        self._sent: dict[tuple[int, int, str], list[str]] = {}  # the pieces of each part
        self._speaking: int | None = None  # the output index of the latest message
        self._calls: dict[int, _ResponseCall] = {}
        self._nameless: set[int] = set()
        self._hosted: set[int] = set()
        self._items: dict[int, dict[str, Any]] = {}  # finished items as received
        self._ids = CallIds()

    def take_event(self, event: ServerSentEvent) -> list[ModelEvent]:
        """Return the model events of an SSE event; raises ``StreamFault``."""
        if event.name == "error" and not event.data.startswith(b"{"):
            if not says_something(event.text.strip('" ')):
                return []
            raise StreamFault("the stream carried an error", event.text)
        return self.take(event.data, event.name)

    @property
    def is_complete(self) -> bool:
        """Whether the last event was taken."""
        return self.done

    def take(self, data: bytes, name: str = "message") -> list[ModelEvent]:
        """Return the model events of the next SSE event; ``name`` is its type if data has none.

        Raises ``StreamFault`` for an error in it.
        """
        taken: list[ModelEvent] = []
        for event in self._decoded(data):
            event.type = event.type or (name if name != "message" else "")
            if self._is_new(event, data):
                self.progress += 1
                taken += self._events(event)
        return taken

    def _decoded(self, data: bytes) -> list[ResponseEvent]:
        try:
            event = self._decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            values = parse(self._halves.joined(data))
        else:
            self._marked = event.type in _END_EVENTS and event.response is None
            return [event]
        self._marked = END in values
        known = [value for value in values if isinstance(value, dict)]
        if data.strip() and not known and END not in values:
            self._skip(data)
        fields = frozenset(ResponseEvent.__struct_fields__)
        return [ResponseEvent(**{key: each[key] for key in fields & each.keys()}) for each in known]

    def connected(self) -> None:
        """Note a new connection: the endpoint may repeat earlier events."""
        self._seen.clear()

    def _is_new(self, event: ResponseEvent, data: bytes) -> bool:
        """Return whether an event is new, by its number: a new connection may repeat events."""
        number = integer(event.sequence_number)
        if number is None or not self._numbered:
            return True
        if self.sequence is None or number > self.sequence:
            self.sequence = number
            self._seen[number] = hash(data)
            return True
        if self._seen.get(number, hash(data)) != hash(data):
            # Two events of one connection have this number: the numbers make no sense.
            self._numbered, self.sequence = False, None
            return True
        return event.type in _END_EVENTS

    def stream_ended(self) -> None:
        """Treat an end marker at the end of the stream as the end of the response.

        An end marker in the middle of a stream is a proxy's mistake.
        """
        if self._marked and not self.done and self.size:
            self._response = {"status": "completed"}
            self.done = self.ended_remotely = True

    def take_whole(self, body: bytes) -> list[ModelEvent]:
        """Return the new events in a body that is a Response object.

        Raises ``BodyError`` for other text, ``StreamFault`` for an error.
        """
        values = [value for value in parse(body) if isinstance(value, dict)]
        if not values:
            raise BodyError(f"the answer is not a JSON object; it begins {excerpt(body)}")
        response = field_of(values[-1], "response", dict) or values[-1]
        if "status" not in response:
            if error := error_in(response):
                raise StreamFault("it answered an error", error)
            if response.get("output") or response.get("output_text"):
                response = {**response, "status": "completed"}
        self.progress += 1
        return list(self._whole(response))

    def finish(self) -> list[ModelEvent]:
        """Return the last events of an ended response; raises ``StreamFault`` for a bad call."""
        incomplete = self._response.get("status") == "incomplete"
        events: list[ModelEvent] = []
        if not self._calls:
            events += self._show(self.thinking.end(cut=incomplete))
        ordered = (item for _, item in sorted(self._items.items()))
        if thoughts := self._thoughts.text(ordered, self.thinking.thoughts):
            events.append(ModelThoughts(thoughts))
        if self._nameless and not incomplete:
            raise StreamFault("a function call came without a function's name")
        if incomplete:
            reason = (field_of(self._response, "incomplete_details", dict) or {}).get("reason")
            filtered = stop_reason(reason) == "content_filter"
            events.append(Finished("content_filter" if filtered else "length", self._usage()))
        elif self._calls:
            ids = {index: call.id for index, call in self._calls.items()}
            if sealed := seal(self._items, ids):
                events.append(Continuation(sealed))
            events.append(Finished("tool_calls", self._usage()))
        else:
            events.append(Finished("stop", self._usage()))
        return events

    def _events(self, event: ResponseEvent) -> Iterator[ModelEvent]:
        kind = event.type if isinstance(event.type, str) else ""
        self._thoughts.take(kind, event.delta)
        if kind == "response.output_text.delta":
            yield from self._piece(self._key(event, "text"), text_in(event.delta or event.text))
        elif kind == "response.refusal.delta":
            yield from self._piece(
                self._key(event, "refusal"), text_in(event.delta or event.refusal)
            )
        elif kind == "response.function_call_arguments.delta":
            yield from self._arguments(self._call_slot(event), arguments_of(event.delta))
        elif kind == "response.output_text.done":
            yield from self._rest(self._key(event, "text"), text_in(event.text))
        elif kind == "response.refusal.done":
            yield from self._rest(self._key(event, "refusal"), text_in(event.refusal))
        elif kind == "response.content_part.done":
            yield from self._rest(self._key(event, "text"), text_in(object_of(event.part)))
        elif kind == "response.function_call_arguments.done":
            yield from self._all_arguments(self._call_slot(event), arguments_of(event.arguments))
        elif kind == "response.output_item.added":
            item = object_of(event.item)
            slot = self._slots.of_item(event.output_index, item) if item else 0
            if kind_of(item) == "function_call":
                yield from self._call(slot, item)
        elif kind == "response.output_item.done":
            if not (item := object_of(event.item)):
                return
            yield from self._item(self._slots.of_item(event.output_index, item, done=True), item)
        elif kind in ("response.created", "response.queued", "response.in_progress"):
            yield from self._name(object_of(event.response))
        elif kind in _END_EVENTS and event.response is not None:
            response = object_of(event.response)
            status = status_of(response)
            if not status or status in _WORKING:  # the event's type outweighs the object's status
                status = "completed" if kind == "response.done" else kind.removeprefix("response.")
            yield from self._whole({**response, "status": status})
        elif kind in _FAILURES or (not kind and says_something(event.error)):
            fault = event.error or {
                "code": event.code,
                "message": event.message,
                "param": event.param,
            }
            if says_something(fault):
                raise StreamFault("the stream carried an error", fault)

    def _call_slot(self, event: ResponseEvent) -> int:
        return self._slots.of(event.output_index, event.item_id, "function_call")

    def _key(self, event: ResponseEvent, kind: str) -> tuple[int, int, str]:
        slot = self._slots.of(event.output_index, event.item_id, "message")
        return slot, integer(event.content_index) or 0, kind

    def _whole(self, response: object) -> Iterator[ModelEvent]:
        response = object_of(response)
        yield from self._name(response)
        items = response.get("output")
        output = [object_of(item) for item in (items if isinstance(items, list) else [items])]
        for slot, item in zip(self._slots.of_output(output), output, strict=True):
            yield from self._item(slot, item)
        if not self.size and (text := text_in(response.get("output_text"))):
            yield from self._piece((0, 0, "text"), text)
        status = status_of(response)
        if status not in _ENDS:
            return
        self.ended_remotely = True
        if status == "failed":
            raise StreamFault("the response failed", failure_of(response))
        if status == "cancelled":
            raise GoneError("it was cancelled there")
        self._response = {**response, "status": status}
        self.done = True

    def _name(self, response: dict[str, Any]) -> Iterator[ModelEvent]:
        response_id = field_of(response, "id", str)
        if self.id is None and response_id:
            self.id = response_id
            if self.background:
                yield Started(response_id)

    def _item(self, index: int, item: dict[str, Any]) -> Iterator[ModelEvent]:
        """Yield the events of an item that were not yielded yet; the item may be unfinished."""
        kind = kind_of(item)
        done = field_of(item, "status", str) not in ("in_progress", "searching", "interpreting")
        if kind == "message":
            content = item.get("content")
            for at, each in enumerate(content if isinstance(content, list) else [content]):
                part = object_of({"text": each} if isinstance(each, str) else each)
                if part.get("type") in ("output_text", "text", None):
                    yield from self._rest((index, at, "text"), text_in(part.get("text")))
                elif part.get("type") == "refusal":
                    yield from self._rest((index, at, "refusal"), text_in(part.get("refusal")))
        elif kind == "function_call":
            yield from self._call(index, item)
            yield from self._all_arguments(index, arguments_of(item.get("arguments")))
        elif kind in HOSTED and done and index not in self._hosted:
            self._hosted.add(index)
            yield hosted_call(HOSTED[kind], item)
        if done:
            self._items[index] = item

    def _piece(self, key: tuple[int, int, str], piece: str) -> Iterator[ModelEvent]:
        if not piece:
            return
        index, _, kind = key
        said = self._sent.setdefault(key, [])
        said.append(piece)
        self.size += len(piece)
        if kind == "refusal":
            yield ModelRefusalDelta(piece)
            return
        if self._speaking not in (None, index):
            yield ModelTextDelta("\n\n")  # between what the model says before and after a step
        self._speaking = index
        yield from self._say(piece)

    def _rest(self, key: tuple[int, int, str], whole: str) -> Iterator[ModelEvent]:
        """Yield the rest of a complete part: one of its pieces may have been unreadable."""
        said = "".join(self._sent.get(key, ()))
        if whole.startswith(said):
            yield from self._piece(key, whole[len(said) :])

    def _call(self, index: int, item: dict[str, Any]) -> Iterator[ModelEvent]:
        if index in self._calls:
            return
        name = text_in(item.get("name"))
        if not name:
            self._nameless.add(index)
            return
        self._nameless.discard(index)
        if not self._calls:
            yield from self._show(self.thinking.end(cut=True))
        call = _ResponseCall(len(self._calls), self._ids.of(item.get("call_id")))
        self._calls[index] = call
        self.size += len(name)
        yield ToolCallStarted(call.index, call.id, name)

    def _all_arguments(self, index: int, whole: str) -> Iterator[ModelEvent]:
        """Return the rest of complete arguments; raises ``StreamFault`` if the pieces differ."""
        call = self._calls.get(index)
        if call is None or not whole:
            return
        if whole.startswith(call.arguments):
            yield from self._arguments(index, whole[len(call.arguments) :])
        elif not same_arguments(whole, call.arguments):
            raise StreamFault("a function call's arguments came in two versions")

    def _arguments(self, index: int, piece: str) -> Iterator[ModelEvent]:
        call = self._calls.get(index)
        if call is not None and piece:  # an unknown call arrives whole with its item
            call.arguments += piece
            self.size += len(piece)
            yield ToolCallDelta(call.index, piece)

    def _usage(self) -> ModelUsage:
        return usage_in(self._response.get("usage")) or self._estimated_usage(self.size)
