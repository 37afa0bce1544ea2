"""The events of one run, to all who read along; a reader that is slow or gone holds up nobody.

What a slow reader has not taken yet is kept small: pieces of one text are joined into one.
"""

import asyncio
from collections import deque
from typing import Final

from bot.assistants.api import EventStream
from bot.assistants.errors import APIError
from bot.assistants.events import (
    MessageDelta,
    MessageDeltaBody,
    RunStepDelta,
    RunStepDeltaBody,
    StreamEvent,
    ToolCallsDelta,
)
from bot.assistants.schema.content import TextDelta, TextValueDelta
from bot.assistants.schema.tools import FunctionCallDelta, FunctionDelta

_LAST: Final = frozenset(
    {
        "thread.run.requires_action",
        "thread.run.completed",
        "thread.run.incomplete",
        "thread.run.failed",
        "thread.run.cancelled",
        "thread.run.expired",
    }
)
"""With these a stream ends: the run has, or waits for tool outputs."""


class RunFeed:
    """Where a run's events are told, in order."""

    def __init__(self) -> None:
        self._readers: set[_FeedReader] = set()

    @property
    def followed(self) -> bool:
        """Whether anybody reads along, so that deltas are worth making."""
        return bool(self._readers)

    def tell(self, event: StreamEvent) -> None:
        """Tell an event to everybody who reads along."""
        for reader in self._readers:
            reader.take(event)

    def tell_text(self, message_id: str, index: int, text: str) -> None:
        """Tell the next piece of a message's text part."""
        for reader in self._readers:
            reader.take_piece((message_id, index, False), text)

    def tell_arguments(self, step_id: str, index: int, arguments: str) -> None:
        """Tell the next piece of the arguments of a function call."""
        for reader in self._readers:
            reader.take_piece((step_id, index, True), arguments)

    def follow(self, first: tuple[StreamEvent, ...] = ()) -> EventStream:
        """Return all events from now on, after ``first``; it ends as the run ends or waits."""
        reader = _FeedReader()
        for event in first:
            reader.take(event)
        self._readers.add(reader)
        return self._read(reader)

    def fail(self, error: APIError) -> None:
        """End every reader with an error: nothing more will be told here."""
        for reader in self._readers:
            reader.fail(error)

    async def _read(self, reader: "_FeedReader") -> EventStream:
        try:
            while True:
                event = await reader.next()
                yield event
                if event.event in _LAST:
                    return
        finally:
            self._readers.discard(reader)


Key = tuple[str, int, bool]
"""What pieces belong to: the id of a message or step, the index in it, and whether it is a step."""


class _FeedPieces:
    """Pieces of one text, or of one call's arguments, that nobody has taken yet."""

    def __init__(self, key: Key, text: str) -> None:
        self.key = key
        self.texts = [text]

    def event(self) -> StreamEvent:
        id_, index, is_step = self.key
        text = "".join(self.texts)
        if is_step:
            call = FunctionCallDelta(index=index, function=FunctionDelta(arguments=text))
            body = RunStepDeltaBody(step_details=ToolCallsDelta(tool_calls=(call,)))
            return StreamEvent("thread.run.step.delta", RunStepDelta(id=id_, delta=body))
        value = TextValueDelta(value=text, annotations=())
        delta = MessageDeltaBody(content=(TextDelta(index=index, text=value),))
        return StreamEvent("thread.message.delta", MessageDelta(id=id_, delta=delta))


class _FeedReader:
    def __init__(self) -> None:
        self._waiting: deque[StreamEvent | _FeedPieces | APIError] = deque()
        self._wake: asyncio.Future[None] | None = None

    def take(self, event: StreamEvent) -> None:
        self._put(event)

    def take_piece(self, key: Key, text: str) -> None:
        last = self._waiting[-1] if self._waiting else None
        if isinstance(last, _FeedPieces) and last.key == key:
            last.texts.append(text)
        else:
            self._put(_FeedPieces(key, text))

    def fail(self, error: APIError) -> None:
        self._put(error)

    async def next(self) -> StreamEvent:
        while not self._waiting:
            self._wake = asyncio.get_running_loop().create_future()
            try:
                await self._wake
            finally:
                self._wake = None
        event = self._waiting.popleft()
        if isinstance(event, _FeedPieces):
            return event.event()
        if isinstance(event, APIError):
            raise event
        return event

    def _put(self, event: StreamEvent | _FeedPieces | APIError) -> None:
        self._waiting.append(event)
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
