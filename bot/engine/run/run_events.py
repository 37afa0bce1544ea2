"""The events of one run for all its subscribers; a slow subscriber never delays the run.

Text and arguments that a slow subscriber has not read yet are joined into one event.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator

from bot.assistants.api import EventStream
from bot.assistants.errors import APIError
from bot.assistants.events import (
    LAST_EVENTS,
    MessageDelta,
    MessageDeltaBody,
    RunStepDelta,
    RunStepDeltaBody,
    StreamEvent,
    ToolCallsDelta,
)
from bot.assistants.schema.content import TextDelta, TextValueDelta
from bot.assistants.schema.tools import FunctionCallDelta, FunctionDelta

DeltaKey = tuple[str, int, bool]
"""Where a delta belongs: the id of a message or step, the index in it, and True for a step."""


class RunFeed:
    """Publishes a run's events, in order, to each subscriber."""

    def __init__(self) -> None:
        self._subscribers: set[_Subscriber] = set()

    @property
    def has_subscribers(self) -> bool:
        """Whether anybody subscribes; without subscribers no deltas need to be built."""
        return bool(self._subscribers)

    def publish(self, event: StreamEvent) -> None:
        """Give an event to every subscriber."""
        for subscriber in self._subscribers:
            subscriber.put(event)

    def publish_text(self, message_id: str, index: int, text: str) -> None:
        """Give the next piece of a message's text part to every subscriber."""
        for subscriber in self._subscribers:
            subscriber.put_delta((message_id, index, False), text)

    def publish_arguments(self, step_id: str, index: int, arguments: str) -> None:
        """Give the next piece of a function call's arguments to every subscriber."""
        for subscriber in self._subscribers:
            subscriber.put_delta((step_id, index, True), arguments)

    def subscribe(self, first: tuple[StreamEvent, ...] = ()) -> EventStream:
        """Return ``first`` and all events from now on, until the run ends or needs tool outputs."""
        subscriber = _Subscriber()
        for event in first:
            subscriber.put(event)
        self._subscribers.add(subscriber)
        return self._events_for(subscriber)

    @contextlib.contextmanager
    def subscribed(self) -> Iterator[EventStream]:
        """Subscribe for the ``with`` block, which gets the stream of the events from now on."""
        subscriber = _Subscriber()
        self._subscribers.add(subscriber)
        try:
            yield self._events_for(subscriber)
        finally:
            self._subscribers.discard(subscriber)

    def fail(self, error: APIError) -> None:
        """Raise an error in every subscriber's stream: no more events will come."""
        for subscriber in self._subscribers:
            subscriber.put(error)

    async def _events_for(self, subscriber: "_Subscriber") -> EventStream:
        try:
            while True:
                event = await subscriber.next()
                yield event
                if event.event in LAST_EVENTS:
                    return
        finally:
            self._subscribers.discard(subscriber)


class _JoinedDelta:
    """Pieces of one text, or of one call's arguments, that a subscriber has not read yet."""

    def __init__(self, key: DeltaKey, text: str) -> None:
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


class _Subscriber:
    """The queue of one subscriber."""

    def __init__(self) -> None:
        self._queue: deque[StreamEvent | _JoinedDelta | APIError] = deque()
        self._wake: asyncio.Future[None] | None = None

    def put(self, event: StreamEvent | _JoinedDelta | APIError) -> None:
        self._queue.append(event)
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def put_delta(self, key: DeltaKey, text: str) -> None:
        last = self._queue[-1] if self._queue else None
        if isinstance(last, _JoinedDelta) and last.key == key:
            last.texts.append(text)
        else:
            self.put(_JoinedDelta(key, text))

    async def next(self) -> StreamEvent:
        while not self._queue:
            self._wake = asyncio.get_running_loop().create_future()
            try:
                await self._wake
            finally:
                self._wake = None
        event = self._queue.popleft()
        if isinstance(event, _JoinedDelta):
            return event.event()
        if isinstance(event, APIError):
            raise event
        return event
