"""The images a model is shown: those in uploaded files as ``data:`` URLs, and words for the others.

A thread is shown at every later run, so an image on it that can't be shown must fail none of them.
"""

import asyncio
import base64
import logging
import re
from typing import Final

from msgspec.structs import replace

from bot.models.types import (
    Image,
    Item,
    ModelRequest,
    Part,
    Text,
    UserMessage,
)
from bot.store.engine import EngineStore

_log: Final = logging.getLogger(__name__)

FILE_SCHEME: Final = "file-id:"
"""How an item names an image whose bytes are still to be read; never leaves the engine."""

MOST_BYTES: Final = 20 * 1024 * 1024
"""The largest image that models are shown (OpenAI's own limit)."""


MOST_BYTES_TOGETHER: Final = 50 * 1024 * 1024
"""How much one request carries in images."""


_KINDS: Final = (
    ("image/png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("image/jpeg", re.compile(rb"\xff\xd8\xff")),
    ("image/gif", re.compile(rb"GIF8[79]a")),
    ("image/webp", re.compile(rb"RIFF....WEBP", re.DOTALL)),
)


async def with_images(request: ModelRequest, store: EngineStore) -> ModelRequest:
    """Return a request with the bytes of its images in it; one that can't be is told in words."""
    if not any(isinstance(part, Image) for item in request.items for part in _parts(item)):
        return request
    items: list[Item] = []
    left = MOST_BYTES_TOGETHER
    for item in reversed(request.items):  # the newest first: they are what is talked about
        if isinstance(item, UserMessage):
            parts: list[Part] = []
            for part in item.parts:
                shown = await _resolved(part, store, left)
                left -= len(shown.url) if isinstance(shown, Image) and shown is not part else 0
                parts.append(shown)
            items.append(UserMessage(tuple(parts)))
        else:
            items.append(item)
    return replace(request, items=tuple(reversed(items)))


def _parts(item: Item) -> tuple[Part, ...]:
    return item.parts if isinstance(item, UserMessage) else ()


async def _resolved(part: Part, store: EngineStore, left: int) -> Part:
    if not isinstance(part, Image) or not part.url.startswith(FILE_SCHEME):
        return part
    file_id = part.url.removeprefix(FILE_SCHEME)
    file = await store.read(lambda tables: tables.library.files.one(id=file_id))
    if file is None:
        return Text(_told("it was deleted"))
    if file.bytes > min(MOST_BYTES, left):
        return Text(_told("it is too large, alone or with the newer ones"))
    try:
        data = await store.files.read(file_id)
    except FileNotFoundError:
        _log.warning("The bytes of %s are gone", file_id)
        return Text(_told("it is lost"))
    kind = next((kind for kind, begins in _KINDS if begins.match(data)), None)
    if kind is None:
        return Text(_told("it is no PNG, JPEG, GIF or WebP image"))
    encoded = await asyncio.to_thread(lambda: base64.b64encode(data).decode())
    return Image(f"data:{kind};base64,{encoded}", part.detail)


def _told(why: str) -> str:
    return f"(An image that belongs here can't be shown: {why}.)"
