"""A run's event stream; after a cut, polling yields the rest."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from types import TracebackType
from typing import Any, Final, get_args

import aiohttp
import msgspec

from bot.assistants.api import EventStream
from bot.assistants.errors import APIError, ErrorBody
from bot.assistants.events import EventName, MessageDelta, RunStepDelta, StreamEvent
from bot.assistants.schema.objects import Message, Run, RunStep, Thread
from bot.assistants.seen_events import SeenEvents
from bot.client.decoding import UnusableError
from bot.client.transport import Transport
from bot.wire import sse
from bot.wire.bodies import pieces


def _kind(name: str) -> type[msgspec.Struct]:
    if name == "thread.created":
        return Thread
    if name.startswith("thread.message."):
        return MessageDelta if name.endswith(".delta") else Message
    if name.startswith("thread.run.step."):
        return RunStepDelta if name.endswith(".delta") else RunStep
    return Run


class _ErrorEvent(msgspec.Struct, frozen=True):
    """The data of an ``error`` event; some servers leave out the outer object."""

    error: ErrorBody | None = None
    message: str | None = None


class _FailedError(Exception):
    """The server sent an ``error`` event."""

    def __init__(self, error: ErrorBody) -> None:
        super().__init__(error.message)
        self.error = error


_EVENTS: Final[dict[str, tuple[EventName, type[msgspec.Struct]]]] = {
    name: (name, _kind(name)) for name in get_args(EventName) if name != "error"
}


class RunEventStream(AsyncGenerator[StreamEvent, None]):
    """The events of an open response; if the response breaks off, ``rest`` yields the others.

    A silent stream is given up once ``rests`` says that the run has ended or waits for outputs.
    Closing disconnects.
    """

    def __init__(
        self,
        transport: Transport,
        response: aiohttp.ClientResponse,
        seen: SeenEvents,
        rest: Callable[[SeenEvents], EventStream],
        rests: Callable[[SeenEvents], Awaitable[bool]],
    ) -> None:
        self._transport = transport
        self._response = response
        self._seen = seen
        self._rest = rest
        self._rests = rests
        self._events = self._read()

    async def asend(self, value: None) -> StreamEvent:
        """Return the next event."""
        return await self._events.asend(value)

    async def athrow(
        self,
        typ: Any,
        val: BaseException | object = None,
        tb: TracebackType | None = None,
    ) -> StreamEvent:
        """Raise an exception where the stream is being read."""
        return await self._events.athrow(typ, val, tb)

    async def aclose(self) -> None:
        """Stop reading, also before the first event."""
        await self._events.aclose()
        self._response.close()

    async def _read(self) -> EventStream:
        decoder = sse.Decoder()
        how = "it was cut"
        error: ErrorBody | None = None
        clock = self._transport.clock
        last_event_at = clock.monotonic()
        try:
            async for chunk in pieces(self._response, self._transport.silence):
                events = decoder.feed(chunk)
                if events:
                    last_event_at = clock.monotonic()
                elif clock.monotonic() - last_event_at > self._transport.silence:
                    if self._seen.run_id is None or await self._rests(self._seen):
                        how = "no event came for too long"
                        break
                    last_event_at = clock.monotonic()
                for event in events:
                    if event.data.startswith(b"[DONE]"):
                        return
                    parsed = self._event(event)
                    if parsed is not None:
                        self._seen.note(parsed)
                        yield parsed
        except _FailedError as failed:
            error = self._transport.failures.scrubbed(failed.error)
        except APIError as refused:
            how = refused.message
        except (aiohttp.ClientError, OSError, TimeoutError) as cut:
            how = str(cut) or type(cut).__name__
        except (UnusableError, sse.EventTooLargeError) as unusable:
            how = f"something came that is {unusable}"
        finally:
            self._response.close()
        if self._seen.rests:
            return
        if self._seen.run_id is None:
            if error is None:
                raise self._transport.failures.cut(how)
            yield StreamEvent("error", error)
            return
        # A failed stream is not a failed run: the run itself says how it goes on.
        rest = self._rest(self._seen)
        try:
            async for event_of_rest in rest:
                yield event_of_rest
        finally:
            await rest.aclose()

    def _event(self, event: sse.ServerSentEvent) -> StreamEvent | None:
        if event.name == "error":
            failure = self._transport.decode(_ErrorEvent, event.data)
            raise _FailedError(
                failure.error or ErrorBody(failure.message or "The stream failed.", "server_error")
            )
        known = _EVENTS.get(event.name)
        if known is None:
            return None
        name, kind = known
        data: Any = self._transport.decode(kind, event.data)
        return StreamEvent(name, data)
