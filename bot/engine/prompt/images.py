"""The images a model is shown: their bytes as ``data:`` URLs, or addresses, or words instead.

A thread is shown at every later run, so an image on it that can't be shown must fail none of them.
"""

import asyncio
import base64
import binascii
import logging
import re
from collections.abc import Iterable, Sequence
from typing import Final, Literal

from msgspec import Struct

from bot.assistants.images import image_kind
from bot.assistants.schema.content import MAX_URL, Detail
from bot.models.http.image_fetcher import FetchError, ImageFetcher
from bot.models.types import (
    AssistantMessage,
    Image,
    Item,
    Model,
    ModelError,
    ModelRequest,
    Part,
    SystemMessage,
    Text,
    ToolResult,
    UserMessage,
)
from bot.store.engine import EngineStore

_log: Final = logging.getLogger(__name__)

MOST_BYTES: Final = 20 * 1024 * 1024
"""The largest image that models are shown (OpenAI's own limit)."""


MOST_BYTES_TOGETHER: Final = 20 * 1024 * 1024
"""How much one request carries in images; each run at work holds a few copies of that much."""

MOST_FETCHED: Final = 20
"""How many images are fetched from their addresses for one run, the newest first."""

_FETCHING_SECONDS: Final = 30.0
"""How long a run waits for images from their addresses, all together."""


class StoredImage(Struct, frozen=True):
    """An image in an uploaded file, whose bytes are still to be read; never leaves the engine."""

    file_id: str
    detail: Detail = "auto"


class LinkedImage(Struct, frozen=True):
    """An image by the address that a message keeps; whether an endpoint is given it is open."""

    url: str
    detail: Detail = "auto"


PromptPart = Text | StoredImage | LinkedImage


class PromptMessage(Struct, frozen=True):
    """What a person said, its images not read yet."""

    parts: tuple[PromptPart, ...]


PromptItem = SystemMessage | PromptMessage | AssistantMessage | ToolResult
"""An item of a prompt before ``Images`` has made a model's item of it."""

Shown = Literal["all", "newest", "none"]
"""Which images a model is shown; ``newest`` are those in what it was asked last."""

_ABOUT_IMAGES: Final = re.compile(r"\b(?:image|vision|multimodal)", re.IGNORECASE)
_WEB: Final = re.compile(r"https?://", re.IGNORECASE)
_DATA: Final = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)
_DATA_BEGINNING: Final = 64
"""Characters of base64 that hold the beginning which tells an image's kind."""


class Images:
    """Makes a run's prompts ready for a model; only files of the run's project are read."""

    def __init__(
        self, project: str, store: EngineStore, model: Model, fetcher: ImageFetcher
    ) -> None:
        self._project = project
        self._store = store
        self._model = model
        self._fetcher = fetcher
        # A run asks its model many times; each address is fetched once.
        self._fetched: dict[str, str | FetchError] = {}
        self._seconds_left = _FETCHING_SECONDS
        self._gives_addresses: bool | None = None

    async def items(self, prompt: Sequence[PromptItem], which: Shown) -> tuple[Item, ...]:
        """Return a prompt with the bytes of its images in it; words stand for what can't be."""
        items: list[Item] = []
        left = MOST_BYTES_TOGETHER
        shown_from = {"all": 0, "newest": _newest_from(prompt), "none": len(prompt)}[which]
        # The newest first: they are what is talked about.
        for index, item in reversed(tuple(enumerate(prompt))):
            if not isinstance(item, PromptMessage):
                items.append(item)
                continue
            parts: list[Part] = []
            for part in item.parts:
                if isinstance(part, Text):
                    parts.append(part)
                elif index < shown_from:
                    parts.append(Text(_told("the endpoint of this model does not take it")))
                else:
                    shown = await self._shown(part, left)
                    left -= len(shown.url) if isinstance(shown, Image) else 0
                    parts.append(shown)
            items.append(UserMessage(tuple(parts)))
        return tuple(reversed(items))

    async def _shown(self, part: StoredImage | LinkedImage, left: int) -> Image | Text:
        """Return an image of at most ``left`` bytes, or words that say why it is not shown."""
        try:
            if isinstance(part, StoredImage):
                url = await self._of_file(part.file_id, left)
            elif _WEB.match(part.url):
                url = await self._of_address(part.url, left)
            else:
                url = _of_data_url(part.url, left)
        except _NotShownError as error:
            return Text(_told(str(error)))
        return Image(url, part.detail)

    async def _of_file(self, file_id: str, left: int) -> str:
        file = await self._store.read(
            lambda tables: tables.library.files.readable(id=file_id, project=self._project)
        )
        if file is None:
            raise _NotShownError("it was deleted")
        if file.bytes > min(MOST_BYTES, left):
            raise _NotShownError(_TOO_LARGE)
        try:
            data = await self._store.files.read(file)
        except FileNotFoundError:
            _log.warning("The bytes of %s are gone", file_id)
            raise _NotShownError("it is lost") from None
        return await _data_url(data)

    async def _of_address(self, url: str, left: int) -> str:
        """Return an address as it is for an endpoint elsewhere, else what is fetched from it."""
        if len(url) > MAX_URL:  # messages of earlier versions hold longer ones
            raise _NotShownError("its address is too long")
        if self._gives_addresses is None:  # may look up the endpoint's name: once a run
            self._gives_addresses = await self._model.fetches_images()
        if self._gives_addresses:
            return url
        if url not in self._fetched:
            self._fetched[url] = await self._fetch(url, min(MOST_BYTES, left))
        known = self._fetched[url]
        if isinstance(known, FetchError):
            raise _NotShownError(str(known))
        if _size(known) > left:
            raise _NotShownError(_TOO_LARGE)
        return known

    async def _fetch(self, url: str, most: int) -> str | FetchError:
        if len(self._fetched) >= MOST_FETCHED:
            return FetchError(f"only the newest {MOST_FETCHED} are fetched from their addresses")
        now = asyncio.get_running_loop().time
        begun = now()
        try:
            async with asyncio.timeout(max(0.0, self._seconds_left)):
                return await _data_url(await self._fetcher.fetch(url, most))
        except TimeoutError:
            return FetchError("its address did not answer in time")
        except _NotShownError as error:
            return FetchError(str(error))
        except FetchError as error:
            _log.info("An image can't be fetched: %s", error)
            return error
        finally:
            self._seconds_left -= now() - begun


class _NotShownError(Exception):
    """An image can't be shown; the message says why, for the model to read."""


_TOO_LARGE: Final = "it is too large, alone or with the newer ones"
_NO_IMAGE: Final = "it is no PNG, JPEG, GIF or WebP image"


def fewer(request: ModelRequest, which: Shown, error: ModelError) -> Shown | None:
    """Return which images to try with after a refusal; None where images are not what it is about.

    Endpoints word it in too many ways to tell: with images in it, any refused request may be.
    """
    about = error.kind in ("rejected", "unsupported") or (
        error.kind == "server" and _ABOUT_IMAGES.search(error.message)
    )
    if not about or error.cause == "model" or not _has_images(request.items):
        return None
    older = request.items[: _newest_from(request.items)]
    if which == "all" and error.kind != "unsupported" and _has_images(older):
        return "newest"
    return "none"


def _has_images(items: Iterable[Item]) -> bool:
    return any(
        isinstance(part, Image)
        for item in items
        if isinstance(item, UserMessage)
        for part in item.parts
    )


def _newest_from(items: Sequence[PromptItem | Item]) -> int:
    """Return where the newest that people said begins: what an assistant's words don't follow.

    What the run itself did stands behind it.
    """
    index = len(items)
    while index and not isinstance(items[index - 1], PromptMessage | UserMessage):
        index -= 1
    while index and not isinstance(items[index - 1], AssistantMessage):
        index -= 1
    return index


async def _data_url(data: bytes) -> str:
    """Return an image as a ``data:`` URL; raises ``_NotShownError`` for what is none."""
    kind = image_kind(data)
    if kind is None:
        raise _NotShownError(_NO_IMAGE)
    encoded = await asyncio.to_thread(lambda: base64.b64encode(data).decode())
    return f"data:image/{kind};base64,{encoded}"


def _of_data_url(url: str, left: int) -> str:
    """Return a ``data:`` URL that an earlier version let a message hold, if it is an image's."""
    header = _DATA.match(url)
    if header is None:
        raise _NotShownError("its address is none that images are shown from")
    if _size(url) > min(MOST_BYTES, left):
        raise _NotShownError(_TOO_LARGE)
    try:
        beginning = base64.b64decode(url[header.end() :][:_DATA_BEGINNING])
    except (binascii.Error, ValueError):
        beginning = b""
    if image_kind(beginning) is None:
        raise _NotShownError(_NO_IMAGE)
    return url


def _size(data_url: str) -> int:
    """Return about how many bytes the image of a ``data:`` URL has."""
    return len(data_url) * 3 // 4


def too_large() -> str:
    """Return the words for an image that there is no room for."""
    return _told(_TOO_LARGE)


def _told(why: str) -> str:
    return f"(An image that belongs here can't be shown: {why}.)"
