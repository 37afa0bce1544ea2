"""Bodies to and from other servers: sent in pieces, read up to a bound, JSON or a clear error."""

import asyncio
import io
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar, overload

import aiohttp
import msgspec

T = TypeVar("T")

_LARGE: Final = 512 * 1024


class BodyError(Exception):
    """A body that cannot be used; the message says why in words for a person."""


class BodyTooLargeError(BodyError):
    """A body is larger than ``limit`` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the answer is larger than {limit} bytes")
        self.limit = limit


@contextmanager
def reading() -> Iterator[None]:
    """Raise aiohttp's error for a connection that is gone, for which it has a bare RuntimeError."""
    try:
        yield
    except RuntimeError as error:
        raise aiohttp.ClientPayloadError("the connection was closed") from error


def sendable(body: bytes | None) -> bytes | io.BytesIO | None:
    """Return a request's body as aiohttp wants it: a large one is sent in pieces."""
    return body if body is None or len(body) < _LARGE else io.BytesIO(body)


async def pieces(response: aiohttp.ClientResponse, silence: float) -> AsyncGenerator[bytes, None]:
    """A body as it comes; raises TimeoutError after ``silence`` seconds without a byte.

    aiohttp's own timeouts are not enough: past a chunk whose size is no number it lets the
    connection go, wakes no reader and watches no time any more.
    """
    while True:
        with reading():
            async with asyncio.timeout(silence):
                piece = await response.content.readany()
        if not piece:
            return
        yield piece


async def read_bounded(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The whole body; raises BodyTooLargeError past ``limit`` bytes, aiohttp's errors when cut."""
    pieces: list[bytes] = []
    size = 0
    while True:
        with reading():
            piece = await response.content.readany()
        if not piece:
            return b"".join(pieces)
        size += len(piece)
        if size > limit:
            response.close()
            raise BodyTooLargeError(limit)
        pieces.append(piece)


async def read_beginning(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body's first ``limit`` bytes at most, for telling what an error said."""
    pieces: list[bytes] = []
    left = limit
    while left > 0:
        with reading():
            piece = await response.content.read(left)
        if not piece:
            break
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


@overload
def decode_json(body: bytes, kind: type[T]) -> T: ...
@overload
def decode_json(body: bytes) -> Any: ...
def decode_json(body: bytes, kind: Any = Any) -> Any:
    """Decode another server's JSON, ignoring fields ``kind`` does not know; raises BodyError."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        msg = f"the answer is JSON of another shape than agreed: {error}"
        raise BodyError(msg) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = f"the answer is not JSON ({error}); it begins {excerpt(body)}"
        raise BodyError(msg) from error


def excerpt(body: bytes, length: int = 200) -> str:
    """The body's beginning in quotes, white space folded, for a log line."""
    text = " ".join(body[: 4 * length].decode("utf-8", "replace").split())
    return repr(text if len(text) <= length else text[:length] + "…")
