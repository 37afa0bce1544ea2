"""Bodies of HTTP requests and responses: sent in pieces, read up to a bound, decoded."""

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
    """A body can't be used; the message says why."""


class BodyTooLargeError(BodyError):
    """A body has more than ``limit`` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the answer is larger than {limit} bytes")
        self.limit = limit


@contextmanager
def reading() -> Iterator[None]:
    """Turn aiohttp's RuntimeError for a closed connection into ``ClientPayloadError``."""
    try:
        yield
    except RuntimeError as error:
        raise aiohttp.ClientPayloadError("the connection was closed") from error


def sendable(body: bytes | None) -> bytes | io.BytesIO | None:
    """Return a request's body for aiohttp, which sends a large ``BytesIO`` in pieces."""
    return body if body is None or len(body) < _LARGE else io.BytesIO(body)


async def pieces(response: aiohttp.ClientResponse, silence: float) -> AsyncGenerator[bytes, None]:
    """Yield a body as it arrives; raises TimeoutError after ``silence`` seconds without a byte.

    aiohttp's own timeouts are not enough: after a chunk whose size is not a number, it drops the
    connection without waking the reader, and its timeouts stop.
    """
    while True:
        with reading():
            async with asyncio.timeout(silence):
                piece = await response.content.readany()
        if not piece:
            return
        yield piece


async def read_bounded(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Return the whole body; raises ``BodyTooLargeError`` and aiohttp's errors."""
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
    """Return at most the first ``limit`` bytes of a body."""
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
    """Decode JSON as ``kind`` and ignore unknown fields; raises ``BodyError``."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        msg = f"the answer is JSON of another shape than agreed: {error}"
        raise BodyError(msg) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = f"the answer is not JSON ({error}); it begins {excerpt(body)}"
        raise BodyError(msg) from error


def excerpt(body: bytes, length: int = 200) -> str:
    """Return the beginning of a body for a log line: quoted, with white space folded."""
    text = " ".join(body[: 4 * length].decode("utf-8", "replace").split())
    return repr(text if len(text) <= length else text[:length] + "…")
