"""Turns the chunks of a chat completion into model events, for every endpoint alike.

The reader skips a chunk that can't be decoded, and reads a field of an odd type as far as
possible. After the finish reason, nothing makes an answer fail.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from bot.models.chat_completions.chunk import (
    CompletionChoice,
    CompletionDelta,
    chunk_of,
    decoder,
    parts_of,
    text_decoder,
)
from bot.models.chat_completions.continuation import ReasoningFields
from bot.models.chat_completions.tool_calls import ToolCallAssembler
from bot.models.http.answer_reader import AnswerReader, usage_in
from bot.models.http.leniency import (
    END,
    WORDS,
    StopReason,
    error_in,
    integer,
    is_end,
    parse,
    says_something,
    stop_reason,
    text_in,
)
from bot.models.http.stream_reader import CutError, StreamFault
from bot.models.types import (
    Continuation,
    Finished,
    FinishReason,
    ModelEvent,
    ModelRefusalDelta,
    ModelTextDelta,
    ModelThoughts,
    ModelUsage,
)
from bot.wire.sse import ServerSentEvent

_UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_LENIENT_CHUNKS: Final = 16
"""How many chunks are only decoded leniently after one whose strict decoding failed."""


class CompletionReader(AnswerReader):
    """Reads one completion; only the usage follows the finish reason.

    ``reason`` is the finish reason, None before it arrives. ``tools`` are the names of the
    functions offered.
    """

    def __init__(
        self,
        *,
        tools: frozenset[str] = frozenset(),
        prompt_estimate: int = 0,
        unopened: bool = False,
        thoughts: bool = False,
    ) -> None:
        super().__init__(prompt_estimate=prompt_estimate, unopened=unopened, thoughts=thoughts)
        self.reason: StopReason | None = None
        self.usage: ModelUsage | None = None
        self._unreadable = False  # whether a skipped event is no JSON
        self._note = self.thinking.note
        self._decode = decoder.decode
        self._decode_text = text_decoder.decode
        self._lenient_for = 0
        self._calls = ToolCallAssembler(tools)
        self._thoughts = ReasoningFields()
        self._tells_thoughts = thoughts
        self._index: Any = None  # the index of the choice that is read
        self._latest = 0  # the latest index, if indexes count the chunks
        self._counts: bool | None = None  # whether indexes count the chunks; None: unknown
        self._stray: CompletionChoice | None = None
        self._whole: str | None = None  # the whole text of a `message`, if the endpoint sent one

    def take_event(self, event: ServerSentEvent) -> Iterable[ModelEvent]:
        """Return the model events of an SSE event; raises ``StreamFault``."""
        if event.name == "message":  # almost every event
            return self.take(event.data)
        if event.name == "error":
            self._fail(event.data)
        elif is_end(event.name, event.data):
            return self.take(b"[DONE]")
        return self.take(event.data)

    def take_whole(self, body: bytes) -> Iterable[ModelEvent]:
        """Return the model events of an answer in one piece; raises ``StreamFault``."""
        events = self.take(body)
        if len(parse(body)) < 2:  # one chunk per line: a stream, which may have been cut
            self.reason = self.reason or "stop"
        return events

    @property
    def is_complete(self) -> bool:
        """Whether the finish reason arrived."""
        return self.reason is not None

    def take(self, data: bytes) -> Iterable[ModelEvent]:
        """Return the events in the next chunk; raises ``StreamFault`` for an error in it."""
        if self._lenient_for:
            self._lenient_for -= 1
        else:
            try:
                text = self._decode_text(data).choices[0]
            except (*_UNDECODABLE, IndexError):
                self._lenient_for = _LENIENT_CHUNKS
            else:
                content = text.delta.content
                if (
                    content
                    and text.index == self._index
                    and self.thinking.passes
                    and ">" not in content
                    and "]" not in content
                ):
                    self.size += len(content)
                    self._note(content)
                    return (ModelTextDelta(content),)
        try:
            chunk = self._decode(data)
        except _UNDECODABLE:
            return self._take_malformed(data)
        if chunk.error is not None or not chunk.choices:
            return self._take_malformed(data)
        if chunk.usage is not None:
            self.usage = usage_in(chunk.usage, self.usage)
        return self._take_choices(chunk.choices)

    def _quote(self) -> str:
        return f"; it sent {self.first_skipped}" if self.first_skipped else ""

    def stream_ended(self) -> None:
        """Raise ``CutError`` with a quote if other text came instead of an answer."""
        if self.reason is None and self._index is None and self.first_skipped:
            raise CutError(f"the connection was closed{self._quote()}")

    def _fail(self, data: bytes) -> None:
        """Take an event named "error"; raises ``StreamFault`` unless it is empty."""
        values = parse(data)
        value = values[0] if values else data.decode("utf-8", "replace")
        if self.reason is None and says_something(value):
            error = error_in(value) if isinstance(value, dict) else None
            raise StreamFault("the stream carried an error", error or value)

    def finish(self) -> list[ModelEvent]:
        """Return the last events; raises ``StreamFault`` for an incomplete answer."""
        if self._index is None:
            raise StreamFault(f"the answer holds no choices{self._quote()}")
        events = self._calls.finish()
        if self._unreadable and not self.size and not self._calls:
            raise StreamFault(f"none of the answer can be read; it sent {self.first_skipped}")
        if self.reason == "error":
            raise StreamFault("the endpoint ended the answer with an error")
        reason: FinishReason = self.reason or "stop"
        if not self._calls:
            if self._halves.pending:
                events += self._speak("\ufffd")
            events += self._show(self.thinking.end(cut=reason == "length"))
        if self._calls and reason == "stop":
            reason = "tool_calls"
        elif not self._calls and reason == "tool_calls":
            if not self._spoke:
                raise StreamFault("the model was to call a tool, but no call came")
            reason = "stop"
        if self._calls and (sealed := self._thoughts.sealed(self._calls.extras)):
            events.append(Continuation(sealed))
        thoughts = "\n\n".join(filter(None, (self._thoughts.text, self.thinking.thoughts)))
        if thoughts and self._tells_thoughts:
            events.append(ModelThoughts(thoughts))
        usage = self.usage or self._estimated_usage(self.size + self._calls.size)
        events.append(Finished(reason, usage))
        return events

    def _take_malformed(self, data: bytes) -> list[ModelEvent]:
        """Return the events of an unusual chunk, read as far as possible."""
        events: list[ModelEvent] = []
        values = parse(self._halves.joined(data))
        if not values and data.strip(b"\x00 \t"):
            self._skip(data)
            self._unreadable = True
        for value in values:
            if value is END:
                self.done = True
                continue
            for one in value if isinstance(value, list) else (value,):
                if isinstance(one, dict):
                    events += self._take_value(one)
                else:
                    self._skip(data)
        if self.done:
            self.reason = self.reason or "stop"
        return events

    def _take_value(self, value: dict[str, Any]) -> list[ModelEvent]:
        chunk = chunk_of(_unwrapped(value))
        self.usage = usage_in(chunk.usage, self.usage)
        if not chunk.choices:
            self._fail_with(error_in(value))
            if value.get("done") is True:
                self.done = True
            elif "choices" not in value and chunk.usage is None:
                words = next(filter(None, (text_in(value.get(key)) for key in WORDS)), "")
                self._skip(words.encode() or msgspec.json.encode(list(value)))
            return []
        events = self._take_choices(chunk.choices)
        self._fail_with(error_in({"error": chunk.error}))
        return events

    def _fail_with(self, error: object) -> None:
        if self.reason in (None, "error") and says_something(error):
            raise StreamFault("the stream carried an error", error)

    def _take_choices(self, choices: list[CompletionChoice]) -> list[ModelEvent]:
        """Return the events of the choice whose index came first: only one was requested."""
        indexes = [integer(choice.index) or 0 for choice in choices]
        if self._index is None:
            self._index = self._latest = 0 if 0 in indexes else indexes[0]
        if self._index not in indexes:
            return self._take_stray(choices[0], indexes[0]) if len(choices) == 1 else []
        if self._stray is not None:
            self._counts = False
        return self._take_choice(choices[indexes.index(self._index)])

    def _take_stray(self, choice: CompletionChoice, index: int) -> list[ModelEvent]:
        """Return the events of a choice with another index if the indexes number the chunks."""
        if self._counts is False or index != self._latest + 1:
            self._counts = False
            return []
        self._latest = index
        before, self._stray = self._stray, choice
        if before is None:
            return []  # the next chunk shows whether this is a second answer
        events = [] if self._counts else self._take_choice(before)
        self._counts = True
        return events + self._take_choice(choice)

    def _take_choice(self, choice: CompletionChoice) -> list[ModelEvent]:
        if choice.error is not None:
            self._fail_with(error_in({"error": choice.error}))
        if choice.usage is not None:
            self.usage = usage_in(choice.usage, self.usage)
        events: list[ModelEvent] = []
        delta = choice.delta
        if delta is not None and _holds_something(delta):
            self._take_delta(delta, events)
        elif choice.message is not None:
            self._take_message(choice.message, events)
        elif delta is None and choice.text is not None:
            events += self._speak(text_in(choice.text))
        if ended := choice.finish_reason or choice.stop_reason:
            reason = stop_reason(ended)
            # A later "stop" does not replace a more specific reason.
            if reason is not None and (self.reason is None or reason != "stop"):
                self.reason = reason
        return events

    def _take_message(self, message: CompletionDelta, events: list[ModelEvent]) -> None:
        """Take a whole answer; if parts of it came before, only the rest is new."""
        text = parts_of(message.content)[0]
        if self._whole is None and (self._spoke or self._calls):
            message = CompletionDelta(tool_calls=None if self._calls else message.tool_calls)
        elif self._whole is not None and text.startswith(self._whole):
            events += self._speak(text[len(self._whole) :])
            self._whole = text
            message = CompletionDelta(tool_calls=None if self._calls else message.tool_calls)
        else:
            self._whole = (self._whole or "") + text
        self._take_delta(message, events)

    def _take_delta(self, delta: CompletionDelta, events: list[ModelEvent]) -> None:
        self._thoughts.add(delta)
        content = delta.text if delta.content is None else delta.content
        if content.__class__ is str:
            text, refusal, thoughts = content, "", ""
        else:
            text, refusal, thoughts = parts_of(content)
        if thoughts or any(getattr(delta, name) for name in _THOUGHTS):
            self.size += sum(len(text_in(getattr(delta, name))) for name in _THOUGHTS[:2])
            events += self._show(self.thinking.release())
        events += self._speak(text)
        refusal += text_in(delta.refusal)
        if refusal:
            self._spoke = True
            self.size += len(refusal)
            events.append(ModelRefusalDelta(refusal))
        calls = delta.tool_calls or delta.function_call
        if calls and not self._calls:
            events += self._show(self.thinking.end(cut=True))
        for call in calls if isinstance(calls, list) else (calls,) if calls else ():
            events += self._calls.take(call)

    def _speak(self, text: str) -> list[ModelEvent]:
        """Count a piece of text and return its events."""
        self.size += len(text)
        return self._say(text) if text else []


def _unwrapped(value: dict[str, Any]) -> dict[str, Any]:
    """Return the chunk in an event; gateways put it into an object of their own."""
    if "choices" not in value:
        for key in ("data", "output", "result"):
            inner = value.get(key)
            if isinstance(inner, dict) and inner.get("choices"):
                return {**value, **inner}
    return value


_THOUGHTS: Final = ("reasoning_content", "reasoning", "reasoning_details", "thinking_blocks")


def _holds_something(delta: CompletionDelta) -> bool:
    return bool(
        delta.content
        or delta.text
        or delta.tool_calls
        or delta.function_call
        or delta.refusal
        or delta.reasoning
        or delta.reasoning_content
        or delta.reasoning_details
        or delta.thinking_blocks
    )
