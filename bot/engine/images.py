"""Images in uploaded files, put into a request where the model can see them: as ``data:`` URLs."""

import asyncio
import base64
import logging
import mimetypes
from typing import Final

from msgspec.structs import replace

from bot.models.types import Image, Item, ModelRequest, Part, Text, UserMessage
from bot.store.engine import EngineStore

_log: Final = logging.getLogger(__name__)

FILE_SCHEME: Final = "file-id:"
"""How an item names an image whose bytes are still to be read; never leaves the engine."""

MOST_BYTES: Final = 20 * 1024 * 1024
"""The largest image that models are shown (OpenAI's own limit)."""


MOST_BYTES_TOGETHER: Final = 50 * 1024 * 1024
"""How much one request carries in images."""


async def with_images(request: ModelRequest, store: EngineStore) -> ModelRequest:
    """Return a request with the bytes of its images in it; one that is gone is told in words."""
    if not any(_named(part) for item in request.items for part in _parts(item)):
        return request
    items: list[Item] = []
    left = MOST_BYTES_TOGETHER
    for item in reversed(request.items):  # the newest first: they are what is talked about
        if isinstance(item, UserMessage):
            parts = []
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


def _named(part: Part) -> bool:
    return isinstance(part, Image) and part.url.startswith(FILE_SCHEME)


async def _resolved(part: Part, store: EngineStore, left: int) -> Part:
    if not isinstance(part, Image) or not _named(part):
        return part
    file_id = part.url.removeprefix(FILE_SCHEME)
    file = await store.read(lambda tables: tables.library.files.one(id=file_id))
    if file is None or file.bytes > min(MOST_BYTES, left):
        why = "was deleted" if file is None else "and those after it are too large"
        return Text(f"(An image that belongs here can't be shown: it {why}.)")
    try:
        data = await store.files.read(file_id)
    except FileNotFoundError:
        _log.warning("The bytes of %s are gone", file_id)
        return Text("(An image that belongs here can't be shown: it is lost.)")
    encoded = await asyncio.to_thread(lambda: base64.b64encode(data).decode())
    kind = _kind(data, file.filename)
    return Image(f"data:{kind};base64,{encoded}", part.detail)


def _kind(data: bytes, name: str) -> str:
    """Return the media type by the first bytes, else by the name."""
    for begins, kind in (
        (b"\x89PNG", "image/png"),
        (b"\xff\xd8", "image/jpeg"),
        (b"GIF8", "image/gif"),
        (b"RIFF", "image/webp"),
    ):
        if data.startswith(begins):
            return kind
    guessed, _ = mimetypes.guess_type(name)
    return guessed or "image/png"
