"""The images a model is shown: those in uploaded files as ``data:`` URLs, and words for the others.

A thread is shown at every later run, so an image on it that can't be shown must fail none of them.
"""

import asyncio
import base64
import logging
import re
from collections.abc import Sequence
from typing import Final, Literal

from msgspec.structs import replace

from bot.assistants.images import image_kind
from bot.models.types import (
    AssistantMessage,
    Image,
    Item,
    ModelError,
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


Shown = Literal["all", "newest", "none"]
"""Which images a model is shown; ``newest`` are those in what it was asked last."""

_ABOUT_IMAGES: Final = re.compile(r"\b(?:image|vision|multimodal)", re.IGNORECASE)


async def with_images(
    request: ModelRequest, store: EngineStore, which: Shown = "all"
) -> ModelRequest:
    """Return a request with the bytes of its images in it; one that can't be is told in words."""
    if not has_images(request):
        return request
    items: list[Item] = []
    left = MOST_BYTES_TOGETHER
    shown_from = {"all": 0, "newest": _newest_from(request.items), "none": len(request.items)}
    # The newest first: they are what is talked about.
    for index, item in reversed(tuple(enumerate(request.items))):
        if not isinstance(item, UserMessage):
            items.append(item)
            continue
        parts: list[Part] = []
        for part in item.parts:
            if isinstance(part, Image) and index < shown_from[which]:
                parts.append(Text(_told("the endpoint of this model does not take it")))
                continue
            shown = await _resolved(part, store, left)
            left -= len(shown.url) if isinstance(shown, Image) and shown is not part else 0
            parts.append(shown)
        items.append(UserMessage(tuple(parts)))
    return replace(request, items=tuple(reversed(items)))


def fewer(request: ModelRequest, which: Shown, error: ModelError) -> Shown | None:
    """Return which images to try with after a refusal; None where images are not what it is about.

    Endpoints word it in too many ways to tell: with images in it, any refused request may be.
    """
    about = error.kind in ("rejected", "unsupported") or (
        error.kind == "server" and _ABOUT_IMAGES.search(error.message)
    )
    if not about or not has_images(request):
        return None
    older = request.items[: _newest_from(request.items)]
    if which == "all" and error.kind != "unsupported" and any(map(_images, older)):
        return "newest"
    return "none"


def has_images(request: ModelRequest) -> bool:
    """Whether there is an image in a request."""
    return any(map(_images, request.items))


def _images(item: Item) -> bool:
    return isinstance(item, UserMessage) and any(isinstance(part, Image) for part in item.parts)


def _newest_from(items: Sequence[Item]) -> int:
    """Return where the newest that people said begins: what an assistant's words don't follow.

    What the run itself did stands behind it.
    """
    index = len(items)
    while index and not isinstance(items[index - 1], UserMessage):
        index -= 1
    while index and not isinstance(items[index - 1], AssistantMessage):
        index -= 1
    return index


async def _resolved(part: Part, store: EngineStore, left: int) -> Part:
    if not isinstance(part, Image) or not part.url.startswith(FILE_SCHEME):
        return part
    file_id = part.url.removeprefix(FILE_SCHEME)
    file = await store.read(lambda tables: tables.library.files.readable(id=file_id))
    if file is None:
        return Text(_told("it was deleted"))
    if file.bytes > min(MOST_BYTES, left):
        return Text(_told("it is too large, alone or with the newer ones"))
    try:
        data = await store.files.read(file_id)
    except FileNotFoundError:
        _log.warning("The bytes of %s are gone", file_id)
        return Text(_told("it is lost"))
    kind = image_kind(data)
    if kind is None:
        return Text(_told("it is no PNG, JPEG, GIF or WebP image"))
    encoded = await asyncio.to_thread(lambda: base64.b64encode(data).decode())
    return Image(f"data:image/{kind};base64,{encoded}", part.detail)


def _told(why: str) -> str:
    return f"(An image that belongs here can't be shown: {why}.)"
