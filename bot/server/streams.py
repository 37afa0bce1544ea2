"""A run's events as server-sent events; whoever reads them never decides how the run goes."""

import asyncio
import contextlib
from typing import Any, Final

from aiohttp import web

from bot.assistants.api import EventStream
from bot.assistants.errors import APIError, ErrorBody
from bot.assistants.events import StreamEvent
from bot.server.app_keys import STOPPING
from bot.server.middleware import unexpected
from bot.server.responses import ENCODER, ErrorAnswer
from bot.wire import sse

DONE: Final = sse.encode("done", b"[DONE]")
KEEP_ALIVE: Final = b": the run goes on\n\n"
KEEP_ALIVE_SECONDS: Final = 15.0
_LOOK_SECONDS: Final = 1.0
_FAREWELL_SECONDS: Final = 0.5
_HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
}


async def send_events(request: web.Request, events: EventStream) -> web.StreamResponse:
    """Send ``events`` and then ``done``; ends early when the reader leaves or the server stops."""
    response = web.StreamResponse(headers=_HEADERS)
    pump: asyncio.Task[None] | None = None
    stopping = asyncio.create_task(request.app[STOPPING].wait())
    try:
        await response.prepare(request)
        pump = asyncio.create_task(_pump(request, response, events))
        await _watch(request, response, pump, stopping)
        if not pump.done():
            pump.cancel()
            await asyncio.wait({pump})
            if stopping.done():
                await _say_goodbye(request, response)
    except ConnectionError:
        pass  # the reader left before the first byte
    finally:
        stopping.cancel()
        if pump is not None:
            pump.cancel()
            await asyncio.wait({pump})
        await events.aclose()
    return response


async def _watch(
    request: web.Request,
    response: web.StreamResponse,
    pump: asyncio.Task[None],
    stopping: asyncio.Task[Any],
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
        if loop.time() >= due and transport.get_write_buffer_size() == 0:
            due = loop.time() + KEEP_ALIVE_SECONDS
            with contextlib.suppress(ConnectionError):
                await response.write(KEEP_ALIVE)


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


async def _say_goodbye(request: web.Request, response: web.StreamResponse) -> None:
    """Tell the reader that the server stops; one that does not read is cut off."""
    farewell = ErrorBody(
        "The server is stopping. The run goes on when it is back: retrieve it then.",
        "server_error",
        code="server_stopping",
    )
    try:
        async with asyncio.timeout(_FAREWELL_SECONDS):
            await response.write(encode_error(farewell))
            await response.write_eof()
    except (TimeoutError, ConnectionError):
        if request.transport is not None:
            request.transport.abort()


def encode(event: StreamEvent) -> bytes:
    """Spell one event of a run."""
    if isinstance(event.data, ErrorBody):
        return encode_error(event.data)
    return sse.encode(event.event, ENCODER.encode(event.data))


def encode_error(error: ErrorBody) -> bytes:
    """Spell a failure after the headers, in the shape that the official clients raise on."""
    return sse.encode("error", ENCODER.encode(ErrorAnswer(error)))
