"""Reads a streamed answer; it is complete only once the server said how it ended."""

import asyncio
from typing import Any, Final, Generic, TypeVar

import aiohttp

from bot.models.http.answer_reader import AnswerReader
from bot.models.types import ModelEvent
from bot.wire.bodies import BodyTooLargeError, excerpt, reading
from bot.wire.sse import Decoder, EventTooLargeError, ServerSentEvent

R = TypeVar("R", bound=AnswerReader)

WHOLE_BYTES: Final = 32 * 1024 * 1024
_DRAIN_SECONDS: Final = 0.05
_PAGE_BYTES: Final = 1000
_BOM: Final = b"\xef\xbb\xbf"
_FIELDS: Final = (b":", b"data", b"event", b"id", b"retry", b"{", b"[")


class CutError(Exception):
    """The answer ended without a finish reason."""


class StreamFault(Exception):  # noqa: N818 - internal: it always becomes a ModelError
    """The stream can't be read further; ``error`` is the server's error object, if any."""

    def __init__(self, message: str, error: Any = None) -> None:
        super().__init__(message)
        self.error = error


class GoneError(StreamFault):
    """The response was deleted or cancelled at the endpoint."""


class PageError(StreamFault):
    """The response is a web page: the URL belongs to another program."""


class AnswerStream(Generic[R]):
    """Feeds the body of ``response`` to ``reader``; ``ended`` once its last event was returned.

    ``after_finish`` is how many seconds to wait for the rest after a complete answer. The first
    character tells a stream, JSON in one piece and a web page apart: content types are wrong too
    often.
    """

    def __init__(
        self, response: aiohttp.ClientResponse, reader: R, *, after_finish: float = 0.0
    ) -> None:
        self.reader = reader
        self.ended = False
        self._response = response
        self._content = response.content
        self._decoder = Decoder(lenient=True)
        self._after_finish = after_finish
        self._body: list[bytes] | None = []  # None once it is known to be a stream
        self._body_bytes = 0
        self._beginning = b""
        self._fault: StreamFault | None = None

    async def more(self, wait: float | None) -> list[ModelEvent]:
        """Return the events in the bytes of the next ``wait`` seconds, often none.

        Raises StreamFault, CutError, EventTooLargeError, TimeoutError and aiohttp's errors.
        """
        if self._fault is not None:
            raise self._fault
        try:
            chunk = self._content.read_nowait()
            if not chunk and not self._content.at_eof():
                with reading():
                    async with asyncio.timeout(
                        self._after_finish if self.reader.is_complete else wait
                    ):
                        chunk = await self._content.readany()
        except (TimeoutError, aiohttp.ClientError):
            if not self.reader.is_complete:
                raise
            chunk = b""
        if not chunk:
            return self._at_end()
        events: list[ModelEvent] = []
        try:
            for event in self._decoded(chunk):
                events += self.reader.take_event(event)
                if self.reader.done:
                    await self._drain()
                    events += self._end()
                    return events
        except EventTooLargeError:
            if not self.reader.is_complete:
                raise
            return events + self._end()
        except StreamFault as fault:
            if not events:
                raise
            # Events before the fault count, even if one read brought both.
            self._fault = fault
        return events

    def _decoded(self, chunk: bytes) -> list[ServerSentEvent]:
        """Return the events that the next bytes complete; none for a body in one piece."""
        if self._body is None:
            return self._decoder.feed(chunk)
        self._body.append(chunk)
        self._body_bytes += len(chunk)
        if self._body_bytes > WHOLE_BYTES:
            raise BodyTooLargeError(WHOLE_BYTES)
        self._beginning = self._beginning or self._first_character()
        if self._beginning in (b"", b"{", b"["):
            return []
        if self._beginning == b"<":
            if self._body_bytes >= _PAGE_BYTES:
                self._refuse_page()
            return []
        body, self._body = self._body, None
        self._beginning = b"".join(body).removeprefix(_BOM).lstrip()[:_PAGE_BYTES]
        return self._decoder.feed(b"".join(body))

    def _first_character(self) -> bytes:
        """Return the body's first character that is not white space; empty before it arrives."""
        body = b"".join(self._body or ())
        if len(body) < len(_BOM) and _BOM.startswith(body):
            return b""
        return body.removeprefix(_BOM).lstrip()[:1]

    def _refuse_page(self) -> None:
        raise PageError(excerpt(b"".join(self._body or ()), 80))

    def _at_end(self) -> list[ModelEvent]:
        """Return the events at the end of a stream, or those of a body in one piece.

        A response in one piece may hold an answer that is still being written.
        """
        events: list[ModelEvent] = []
        body = b"".join(self._body or ())
        if self._body is None:
            for event in self._decoder.end():
                events += self.reader.take_event(event)
        elif self._beginning == b"<":
            self._refuse_page()
        elif body.strip():
            self._body = []
            events += self.reader.take_whole(body)
        self.reader.stream_ended()
        if self.reader.is_complete:
            return events + self._end()
        if events:
            return events
        if self._beginning and not self._beginning.lower().startswith(_FIELDS):
            raise StreamFault(f"it is no stream of events; it begins {excerpt(self._beginning)}")
        raise CutError("the connection was closed")

    def close(self) -> None:
        """Keep the connection for reuse if the body was read to its end, else close it."""
        if self._content.at_eof():
            self._response.release()
        else:
            self._response.close()

    def _end(self) -> list[ModelEvent]:
        events = self.reader.finish()
        self.ended = True
        return events

    async def _drain(self) -> None:
        """Read the rest after the last event, so that the connection can be reused."""
        try:
            with reading():
                async with asyncio.timeout(_DRAIN_SECONDS):
                    while not self._content.at_eof():
                        await self._content.readany()
        except (TimeoutError, aiohttp.ClientError):
            return  # close() closes the connection
