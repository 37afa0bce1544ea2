"""Streams responses: the events of a run, and forwarded answers of a model endpoint.

A slow or disconnected reader of a run's events never affects the run.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final

from aiohttp import web

from bot.assistants.api import EventStream
from bot.assistants.errors import APIError, ErrorBody
from bot.assistants.events import StreamEvent
from bot.server.context import CONTEXT
from bot.server.middleware import unexpected
from bot.server.responses import ENCODER, ErrorAnswer, cut, send
from bot.wire import sse

DONE: Final = sse.encode("done", b"[DONE]")
KEEP_ALIVE: Final = b": the run goes on\n\n"
_LOOK_SECONDS: Final = 1.0
"""The seconds between two checks whether the reader is still connected."""

_FAREWELL_SECONDS: Final = 0.5
_FAREWELL: Final = ErrorBody(
    "The server is stopping. The run continues when the server is back; retrieve the run then.",
    "server_error",
    code="server_stopping",
)
_RELAY_FAREWELL: Final = ErrorBody(
    "The server is stopping. Send the request again when the server is back.",
    "server_error",
    code="server_stopping",
)
_HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
}


async def send_events(request: web.Request, events: EventStream) -> web.StreamResponse:
    """Send ``events`` and ``done``; stop early if the reader leaves or the server stops."""
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
    """Relay the answer of a model endpoint; stops early like ``send_events``.

    A broken event stream ends with an error in the format of chat completions. For any other
    answer the connection is aborted, so that the incomplete answer does not look complete.
    """
    streamed = content_type.partition(";")[0].strip().lower() == "text/event-stream"
    response = web.StreamResponse(
        headers={**(_HEADERS if streamed else {}), **_content_headers(content_type)}
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
    """Send a response, whose body ``pump`` writes, until it ends or the reader leaves.

    If the server stops, ``farewell`` ends the body; without a farewell the connection is aborted.
    ``keep_alive`` is sent while ``pump`` is silent.
    """
    pumping: asyncio.Task[None] | None = None
    stopping = asyncio.create_task(request.app[CONTEXT].stopping.wait())
    try:
        await response.prepare(request)
        pumping = asyncio.create_task(pump())
        await _watch(request, response, pumping, stopping, keep_alive)
        if not pumping.done():
            pumping.cancel()
            await asyncio.wait({pumping})
            if stopping.done():
                await _send_farewell(request, response, farewell)
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
    """Return when ``pump`` has ended, the reader has left, or the server stops."""
    loop = asyncio.get_running_loop()
    ends: set[asyncio.Task[Any]] = {pump, stopping}
    silence = request.app[CONTEXT].limits.keep_alive_seconds
    due = loop.time() + silence
    while True:
        done, _ = await asyncio.wait(
            ends, timeout=min(_LOOK_SECONDS, silence), return_when=asyncio.FIRST_COMPLETED
        )
        transport = request.transport
        if done or transport is None or transport.is_closing():
            return
        # Proxies close silent connections; a reader with unread bytes needs no keep-alive.
        if keep_alive and loop.time() >= due and transport.get_write_buffer_size() == 0:
            due = loop.time() + silence
            with contextlib.suppress(ConnectionError):
                await response.write(keep_alive)


async def _pump(request: web.Request, response: web.StreamResponse, events: EventStream) -> None:
    try:
        try:
            async for event in events:
                await response.write(encode(event))
            await response.write_eof(DONE)  # one write, so that the connection is free at once
        except APIError as error:
            await response.write(encode_error(error.body))
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception:  # noqa: BLE001 - `unexpected` logs the exception; the reader must get an end
            await response.write(encode_error(unexpected(request).body))
        await response.write_eof()
    except ConnectionError:
        pass  # the reader has left; the run continues


async def _copy(
    request: web.Request,
    response: web.StreamResponse,
    pieces: AsyncIterator[bytes],
    *,
    streamed: bool,
) -> None:
    silence = request.app[CONTEXT].limits.silence_seconds
    try:
        try:
            await send(response, pieces, silence)
        except APIError as error:
            end = _last_event(error.body)
        except (asyncio.CancelledError, ConnectionError, TimeoutError):
            raise
        except Exception:  # noqa: BLE001 - `unexpected` logs the exception; the reader must get an end
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


async def _send_farewell(
    request: web.Request, response: web.StreamResponse, farewell: bytes | None
) -> None:
    """Tell the reader that the server stops; abort if it does not read or no message fits."""
    if farewell is None:
        cut(request)
        return
    try:
        async with asyncio.timeout(_FAREWELL_SECONDS):
            await response.write(farewell)
            await response.write_eof()
    except (TimeoutError, ConnectionError):
        cut(request)


def _content_headers(content_type: str) -> dict[str, str]:
    """Return headers that make a browser treat the answer as data of this type."""
    return {"Content-Type": content_type, "X-Content-Type-Options": "nosniff"}


def _last_event(error: ErrorBody) -> bytes:
    """Encode an error as the last event of chat completions, even after half an event."""
    return b"\n\n" + sse.encode(None, ENCODER.encode(ErrorAnswer(error)))


def encode(event: StreamEvent) -> bytes:
    """Encode one event of a run."""
    if isinstance(event.data, ErrorBody):
        return encode_error(event.data)
    return sse.encode(event.event, ENCODER.encode(event.data))


def encode_error(error: ErrorBody) -> bytes:
    """Encode a failure as the ``error`` event, on which the official clients raise."""
    return sse.encode("error", ENCODER.encode(ErrorAnswer(error)))
