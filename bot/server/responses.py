"""Builds and sends responses from results and errors."""

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from typing import Final

import msgspec
from aiohttp import web

from bot.assistants.errors import APIError, ErrorBody

ENCODER: Final = msgspec.json.Encoder()
JSON: Final = "application/json"
_PIECE: Final = 64 * 1024


class ErrorAnswer(msgspec.Struct, frozen=True):
    """The JSON body of every error."""

    error: ErrorBody


def answer(result: object, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a 200 response with ``result`` as its JSON body."""
    return web.Response(body=ENCODER.encode(result), content_type=JSON, headers=headers)


def error_answer(error: APIError, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an error response in the API's format."""
    response = web.Response(
        body=ENCODER.encode(ErrorAnswer(error.body)),
        status=error.status,
        content_type=JSON,
        headers=headers,
    )
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(math.ceil(error.retry_after))
    return response


async def send_in_pieces(
    request: web.Request, response: web.StreamResponse, silence: float
) -> web.StreamResponse:
    """Send a response with a large body piece by piece; return any other response as it is.

    aiohttp writes a whole body at once and waits without a timeout for a slow reader.
    """
    body = response.body if isinstance(response, web.Response) else None
    if not isinstance(body, bytes) or len(body) <= _PIECE:
        return response

    async def pieces() -> AsyncIterator[memoryview]:
        for start in range(0, len(body), _PIECE):
            yield memoryview(body)[start : start + _PIECE]

    streamed = web.StreamResponse(status=response.status, headers=response.headers)
    streamed.content_length = len(body)
    await streamed.prepare(request)
    try:
        await send(streamed, pieces(), silence)
    except (ConnectionError, TimeoutError):
        cut(request)
    return streamed


async def send(
    response: web.StreamResponse, pieces: AsyncIterator[bytes | memoryview], silence: float
) -> None:
    """Write ``pieces`` as the body of a prepared response, to its end.

    Raises ``ConnectionError`` if the reader disconnects, and ``TimeoutError`` if it reads nothing
    for ``silence`` seconds.
    """
    async for piece in pieces:
        async with asyncio.timeout(silence):
            await response.write(piece)
    await response.write_eof()


def cut(request: web.Request) -> None:
    """Abort the connection, so that an incomplete body does not look complete."""
    if request.transport is not None:
        request.transport.abort()
