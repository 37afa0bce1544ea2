"""A streamed answer on its way in; it is over only when the server said how it ended."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import aiohttp

from bot.models.types import ModelEvent
from bot.wire.bodies import read_bounded, reading
from bot.wire.sse import Decoder, ServerSentEvent

WHOLE_BYTES = 32 * 1024 * 1024
_DRAIN_SECONDS = 0.05


class CutError(Exception):
    """The answer ended before the server said why."""


class StreamFault(Exception):  # noqa: N818 - no one is told of it as it is: it becomes a ModelError
    """A stream that cannot be read on; `error` is the error object the server sent, if any."""

    def __init__(self, message: str, error: dict[str, Any] | str | None = None) -> None:
        super().__init__(message)
        self.error = error


class GoneError(StreamFault):
    """What was being read is not there any more, or was cancelled there."""


class Receiving(ABC):
    """The answer in `response`; `over` once its last event was handed out.

    What the events mean is the subclass's. `after_finish` is how many seconds the rest is waited
    for once all that matters is here.
    """

    def __init__(self, response: aiohttp.ClientResponse, *, after_finish: float) -> None:
        self._response = response
        self._content = response.content
        self._decoder = Decoder()
        self._after_finish = after_finish
        self._fault: StreamFault | None = None
        self.over = False

    @abstractmethod
    def _take(self, event: ServerSentEvent) -> Iterable[ModelEvent]:
        """What an event of the stream holds; raises StreamFault."""

    @abstractmethod
    def _take_whole(self, body: bytes) -> Iterable[ModelEvent]:
        """What an answer in one piece holds; raises StreamFault."""

    @abstractmethod
    def _enough(self) -> bool:
        """Whether the answer is whole though the connection ended now."""

    @abstractmethod
    def _last(self) -> bool:
        """Whether the event that was just taken is the stream's last."""

    @abstractmethod
    def _finish(self) -> list[ModelEvent]:
        """The events that end the answer; raises StreamFault when it is not whole after all."""

    async def more(self, wait: float | None) -> list[ModelEvent]:
        """The events in the bytes that come within `wait` seconds, often none.

        Raises StreamFault, CutError, EventTooLargeError, TimeoutError and aiohttp's errors.
        """
        if self._fault is not None:
            raise self._fault
        try:
            chunk = self._content.read_nowait()
            if not chunk and not self._content.at_eof():
                with reading():
                    async with asyncio.timeout(self._after_finish if self._enough() else wait):
                        chunk = await self._content.readany()
        except (TimeoutError, aiohttp.ClientError):
            if not self._enough():
                raise
            chunk = b""
        if not chunk:
            if not self._enough():
                raise CutError("the connection was closed")
            return self._end()
        events: list[ModelEvent] = []
        try:
            for event in self._decoder.feed(chunk):
                events += self._take(event)
                if self._last():
                    await self._drain()
                    events += self._end()
                    return events
        except StreamFault as fault:
            if not events:
                raise
            # What came before it counts, even where one read brought both.
            self._fault = fault
        return events

    async def whole(self) -> list[ModelEvent]:
        """The events of an answer that comes in one piece; raises as `more` does, and BodyError.

        It need not be the end: an answer may be told before it is finished.
        """
        events = [*self._take_whole(await read_bounded(self._response, WHOLE_BYTES))]
        return events + self._end() if self._enough() else events

    def close(self) -> None:
        """Give the connection back where the answer was read to its end, else drop it at once."""
        if self._content.at_eof():
            self._response.release()
        else:
            self._response.close()

    def _end(self) -> list[ModelEvent]:
        events = self._finish()
        self.over = True
        return events

    async def _drain(self) -> None:
        """Read what comes after the last event, so that the connection can be used again."""
        try:
            with reading():
                async with asyncio.timeout(_DRAIN_SECONDS):
                    while not self._content.at_eof():
                        await self._content.readany()
        except (TimeoutError, aiohttp.ClientError):
            return  # close() drops it
