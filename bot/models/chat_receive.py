"""A chat completion on its way in; it is over only when the server said why it stopped."""

import asyncio

import aiohttp

from bot.models.chat_stream import Answer, StreamFault
from bot.models.types import ModelEvent
from bot.wire.bodies import read_bounded
from bot.wire.sse import Decoder

_WHOLE_BYTES = 32 * 1024 * 1024
_DRAIN_SECONDS = 0.05


class CutError(Exception):
    """The answer ended before the server said why."""


class Receiving:
    """The answer in `response`; `over` once its last event was handed out.

    `prompt_estimate` is what the prompt counts as, in tokens, when the server tells no usage, and
    `after_finish` how many seconds that usage is waited for after all else is here.
    """

    def __init__(
        self, response: aiohttp.ClientResponse, *, prompt_estimate: int, after_finish: float
    ) -> None:
        self._response = response
        self._content = response.content
        self._decoder = Decoder()
        self._answer = Answer()
        self._prompt_estimate = prompt_estimate
        self._after_finish = after_finish
        self._fault: StreamFault | None = None
        self.over = False

    async def more(self, wait: float | None) -> list[ModelEvent]:
        """The events in the bytes that come within `wait` seconds, often none.

        Raises StreamFault, CutError, EventTooLargeError, TimeoutError and aiohttp's errors.
        """
        answer = self._answer
        if self._fault is not None:
            raise self._fault
        try:
            chunk = self._content.read_nowait()
            if not chunk and not self._content.at_eof():
                async with asyncio.timeout(self._after_finish if answer.reason else wait):
                    chunk = await self._content.readany()
        except (TimeoutError, aiohttp.ClientError):
            if not answer.reason:
                raise
            chunk = b""  # all but the usage is here
        if not chunk:
            if not answer.reason:
                raise CutError("the connection was closed")
            return self._end()
        events: list[ModelEvent] = []
        try:
            for event in self._decoder.feed(chunk):
                if event.data == b"[DONE]":
                    answer.reason = answer.reason or "stop"
                    await self._drain()
                    events += self._end()
                    return events
                if event.name == "error":
                    answer.fail(event.data)
                events += answer.take(event.data)
        except StreamFault as fault:
            if not events:
                raise
            # What came before it counts, even where one read brought both.
            self._fault = fault
        return events

    async def whole(self) -> list[ModelEvent]:
        """The events of an answer that comes in one piece; raises as `more` does, and BodyError."""
        events = [*self._answer.take(await read_bounded(self._response, _WHOLE_BYTES))]
        self._answer.reason = self._answer.reason or "stop"
        return events + self._end()

    def close(self) -> None:
        """Give the connection back where the answer was read to its end, else drop it at once."""
        if self._content.at_eof():
            self._response.release()
        else:
            self._response.close()

    def _end(self) -> list[ModelEvent]:
        events = self._answer.finish(self._prompt_estimate)
        self.over = True
        return events

    async def _drain(self) -> None:
        """Read what comes after the last event, so that the connection can be used again."""
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                while not self._content.at_eof():
                    await self._content.readany()
        except (TimeoutError, aiohttp.ClientError):
            return  # close() drops it
