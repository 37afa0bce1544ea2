"""Answers that come bit by bit: a run's events, and what a model endpoint answers.

A reader of a run's events never decides how the run goes.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final

from aiohttp import web

from bot.assistants.api import EventStream
from bot.assistants.errors import APIError, ErrorBody
from bot.assistants.events import StreamEvent
from bot.server.app_keys import LIMITS, STOPPING
from bot.server.middleware import unexpected
from bot.server.responses import ENCODER, ErrorAnswer, cut, send
from bot.wire import sse

DONE: Final = sse.encode("done", b"[DONE]")
KEEP_ALIVE: Final = b": the run goes on\n\n"
KEEP_ALIVE_SECONDS: Final = 15.0
_LOOK_SECONDS: Final = 1.0
_FAREWELL_SECONDS: Final = 0.5
_FAREWELL: Final = ErrorBody(
    "The server is stopping. The run goes on when it is back: retrieve it then.",
    "server_error",
    code="server_stopping",
)
_RELAY_FAREWELL: Final = ErrorBody(
    "The server is stopping. Send the request again when it is back.",
    "server_error",
    code="server_stopping",
)
_HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
}


async def send_events(request: web.Request, events: EventStream) -> web.StreamResponse:
    """Send ``events`` and then ``done``; ends early when the reader leaves or the server stops."""
    response = web.StreamResponse(headers=_HEADERS)
    try:
        await _deliver(
            request,
            response,
            lambda: _pump(request, response, events),
            farewell=encode_error(_FAREWELL),
            keep_alive=KEEP_ALIVE,
        )
    finally:
        await events.aclose()
    return response


async def relay(
    request: web.Request, content_type: str, pieces: AsyncIterator[bytes]
) -> web.StreamResponse:
    """Send another server's answer as it comes; ends early as ``send_events`` does.

    A stream of events that breaks off ends with an error in the shape of chat completions; any
    other answer is cut off, so that its beginning does not pass for all of it.
    """
    streamed = content_type.partition(";")[0].strip().lower() == "text/event-stream"
    response = web.StreamResponse(
        headers={**(_HEADERS if streamed else {}), **_typed(content_type)}
    )
    await _deliver(
        request,
        response,
        lambda: _copy(request, response, pieces, streamed=streamed),
        farewell=_last_event(_RELAY_FAREWELL) if streamed else None,
    )
    return response


async def _deliver(
    request: web.Request,
    response: web.StreamResponse,
    pump: Callable[[], Coroutine[Any, Any, None]],
    *,
    farewell: bytes | None,
    keep_alive: bytes = b"",
) -> None:
    """Begin a response and run ``pump``, until it ends, the reader leaves or the server stops."""
    pumping: asyncio.Task[None] | None = None
    stopping = asyncio.create_task(request.app[STOPPING].wait())
    try:
        await response.prepare(request)
        pumping = asyncio.create_task(pump())
        await _watch(request, response, pumping, stopping, keep_alive)
        if not pumping.done():
            pumping.cancel()
            await asyncio.wait({pumping})
            if stopping.done():
                await _say_goodbye(request, response, farewell)
    except ConnectionError:
        pass  # the reader left before the first byte
    finally:
        stopping.cancel()
        if pumping is not None:
            pumping.cancel()
            await asyncio.wait({pumping})


async def _watch(
    request: web.Request,
    response: web.StreamResponse,
    pump: asyncio.Task[None],
    stopping: asyncio.Task[Any],
    keep_alive: bytes,
) -> None:
    """Return when all is sent, the reader has left, or the server stops."""
    loop = asyncio.get_running_loop()
    ends: set[asyncio.Task[Any]] = {pump, stopping}
    due = loop.time() + KEEP_ALIVE_SECONDS
    while True:
        done, _ = await asyncio.wait(
            ends, timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        transport = request.transport
        if done or transport is None or transport.is_closing():
            return
        # Proxies cut what is silent; a reader with bytes still to take is not waiting for these.
        if keep_alive and loop.time() >= due and transport.get_write_buffer_size() == 0:
            due = loop.time() + KEEP_ALIVE_SECONDS
            with contextlib.suppress(ConnectionError):
                await response.write(keep_alive)


async def _pump(request: web.Request, response: web.StreamResponse, events: EventStream) -> None:
    try:
        try:
            async for event in events:
                await response.write(encode(event))
            await response.write_eof(DONE)  # in one piece, so that the connection is free at once
        except APIError as error:
            await response.write(encode_error(error.body))
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception:  # noqa: BLE001 - logged by `unexpected`; the reader is owed an end
            await response.write(encode_error(unexpected(request).body))
        await response.write_eof()
    except ConnectionError:
        pass  # the reader has left; the run has not


async def _copy(
    request: web.Request,
    response: web.StreamResponse,
    pieces: AsyncIterator[bytes],
    *,
    streamed: bool,
) -> None:
    silence = request.app[LIMITS].silence_seconds
    try:
        try:
            await send(response, pieces, silence)
        except APIError as error:
            end = _last_event(error.body)
        except (asyncio.CancelledError, ConnectionError, TimeoutError):
            raise
        except Exception:  # noqa: BLE001 - logged by `unexpected`; the reader is owed an end
            end = _last_event(unexpected(request).body)
        else:
            return
        if not streamed:
            cut(request)
            return
        await response.write_eof(end)
    except TimeoutError:
        cut(request)  # the reader does not read
    except ConnectionError:
        pass  # the reader has left


async def _say_goodbye(
    request: web.Request, response: web.StreamResponse, farewell: bytes | None
) -> None:
    """Tell the reader that the server stops; cut off one that does not read or can't be told."""
    if farewell is None:
        cut(request)
        return
    try:
        async with asyncio.timeout(_FAREWELL_SECONDS):
            await response.write(farewell)
            await response.write_eof()
    except (TimeoutError, ConnectionError):
        cut(request)


def _typed(content_type: str) -> dict[str, str]:
    """Return the headers of an answer that is data, whatever a browser would make of the data."""
    return {"Content-Type": content_type, "X-Content-Type-Options": "nosniff"}


def _last_event(error: ErrorBody) -> bytes:
    """Spell an error as the last chunk of chat completions, also behind half an event."""
    return b"\n\n" + sse.encode(None, ENCODER.encode(ErrorAnswer(error)))


def encode(event: StreamEvent) -> bytes:
    """Spell one event of a run."""
    if isinstance(event.data, ErrorBody):
        return encode_error(event.data)
    return sse.encode(event.event, ENCODER.encode(event.data))


def encode_error(error: ErrorBody) -> bytes:
    """Spell a failure after the headers, in the shape that the official clients raise on."""
    return sse.encode("error", ENCODER.encode(ErrorAnswer(error)))
