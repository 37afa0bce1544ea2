"""Images in prompts: as ``data:`` URLs, as web URLs, or as a notice that replaces the image.

A thread is part of every later prompt, so an unusable image must not fail a run.
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
"""The largest image in a prompt, in bytes (OpenAI's own limit)."""


MOST_BYTES_TOGETHER: Final = 20 * 1024 * 1024
"""The most bytes of images in one request; each run holds a few copies of them in memory."""

MOST_FETCHED: Final = 20
"""The most images that one run fetches from the web, newest first."""

_FETCHING_SECONDS: Final = 30.0
"""The most seconds that one run spends on fetching images."""


class StoredImage(Struct, frozen=True):
    """An image in an uploaded file that has not been read yet."""

    file_id: str
    detail: Detail = "auto"


class LinkedImage(Struct, frozen=True):
    """An image with the URL that its message has; the endpoint may get the URL or the bytes."""

    url: str
    detail: Detail = "auto"


PromptPart = Text | StoredImage | LinkedImage


class PromptMessage(Struct, frozen=True):
    """A user's message whose images have not been read yet."""

    parts: tuple[PromptPart, ...]


PromptItem = SystemMessage | PromptMessage | AssistantMessage | ToolResult
"""An item of a prompt before ``Images`` has read its images."""

ImageChoice = Literal["all", "newest", "none"]
"""Which images a prompt has; ``newest`` are those of the last question."""

_ABOUT_IMAGES: Final = re.compile(r"\b(?:image|vision|multimodal)", re.IGNORECASE)
_WEB: Final = re.compile(r"https?://", re.IGNORECASE)
_DATA: Final = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)
_DATA_BEGINNING: Final = 64
"""Characters of base64 whose bytes suffice to recognize an image."""


class Images:
    """Reads the images of a run's prompts; only files of the run's project are read."""

    def __init__(
        self, project: str, store: EngineStore, model: Model, fetcher: ImageFetcher
    ) -> None:
        self._project = project
        self._store = store
        self._model = model
        self._fetcher = fetcher
        # A run calls its model many times, but fetches each URL once.
        self._fetched: dict[str, str | FetchError] = {}
        self._seconds_left = _FETCHING_SECONDS
        self._endpoint_fetches: bool | None = None

    async def items(self, prompt: Sequence[PromptItem], choice: ImageChoice) -> tuple[Item, ...]:
        """Return a prompt with its images read; a notice replaces an unusable image."""
        items: list[Item] = []
        left = MOST_BYTES_TOGETHER
        shown_from = {"all": 0, "newest": _newest_question(prompt), "none": len(prompt)}[choice]
        # The newest first: they are the most relevant ones.
        for index, item in reversed(tuple(enumerate(prompt))):
            if not isinstance(item, PromptMessage):
                items.append(item)
                continue
            parts: list[Part] = []
            for part in item.parts:
                if isinstance(part, Text):
                    parts.append(part)
                elif index < shown_from:
                    parts.append(Text(_notice("the endpoint of this model does not take it")))
                else:
                    shown = await self._shown(part, left)
                    left -= len(shown.url) if isinstance(shown, Image) else 0
                    parts.append(shown)
            items.append(UserMessage(tuple(parts)))
        return tuple(reversed(items))

    async def _shown(self, part: StoredImage | LinkedImage, left: int) -> Image | Text:
        """Return an image of at most ``left`` bytes, or a notice that tells why it is missing."""
        try:
            if isinstance(part, StoredImage):
                url = await self._from_file(part.file_id, left)
            elif _WEB.match(part.url):
                url = await self._from_web(part.url, left)
            else:
                url = _checked_data_url(part.url, left)
        except _UnusableImageError as error:
            return Text(_notice(str(error)))
        return Image(url, part.detail)

    async def _from_file(self, file_id: str, left: int) -> str:
        file = await self._store.read(
            lambda tables: tables.files.files.readable(id=file_id, project=self._project)
        )
        if file is None:
            raise _UnusableImageError("it was deleted")
        if file.bytes > min(MOST_BYTES, left):
            raise _UnusableImageError(_TOO_LARGE)
        try:
            data = await self._store.files.read(file)
        except FileNotFoundError:
            _log.warning("The bytes of file %s are lost", file_id)
            raise _UnusableImageError("it is lost") from None
        return await _data_url(data)

    async def _from_web(self, url: str, left: int) -> str:
        """Return the URL if the endpoint fetches images, else the fetched image's ``data:`` URL."""
        if len(url) > MAX_URL:  # messages of earlier versions may have longer URLs
            raise _UnusableImageError("its address is too long")
        if self._endpoint_fetches is None:  # once in a run: it may look up the endpoint's host
            self._endpoint_fetches = await self._model.fetches_images()
        if self._endpoint_fetches:
            return url
        if url not in self._fetched:
            self._fetched[url] = await self._fetch(url, min(MOST_BYTES, left))
        known = self._fetched[url]
        if isinstance(known, FetchError):
            raise _UnusableImageError(str(known))
        if _size(known) > left:
            raise _UnusableImageError(_TOO_LARGE)
        return known

    async def _fetch(self, url: str, most: int) -> str | FetchError:
        if len(self._fetched) >= MOST_FETCHED:
            return FetchError(f"only the newest {MOST_FETCHED} are fetched from their addresses")
        now = asyncio.get_running_loop().time
        began = now()
        try:
            async with asyncio.timeout(max(0.0, self._seconds_left)):
                return await _data_url(await self._fetcher.fetch(url, most))
        except TimeoutError:
            return FetchError("its address did not answer in time")
        except _UnusableImageError as error:
            return FetchError(str(error))
        except FetchError as error:
            _log.info("An image can't be fetched: %s", error)
            return error
        finally:
            self._seconds_left -= now() - began


class _UnusableImageError(Exception):
    """An image is unusable; the text tells the model why."""


_TOO_LARGE: Final = "it is too large, alone or with the newer ones"
_NO_IMAGE: Final = "it is no PNG, JPEG, GIF or WebP image"


def fewer_images(
    request: ModelRequest, choice: ImageChoice, error: ModelError
) -> ImageChoice | None:
    """Return which images to keep for the next attempt; None if the error is not about images.

    Endpoints word such errors in many ways, so any refused request with images may be meant.
    """
    about = error.kind in ("rejected", "unsupported") or (
        error.kind == "server" and _ABOUT_IMAGES.search(error.message)
    )
    if not about or error.cause == "model" or not _has_images(request.items):
        return None
    older = request.items[: _newest_question(request.items)]
    if choice == "all" and error.kind != "unsupported" and _has_images(older):
        return "newest"
    return "none"


def _has_images(items: Iterable[Item]) -> bool:
    return any(
        isinstance(part, Image)
        for item in items
        if isinstance(item, UserMessage)
        for part in item.parts
    )


def _newest_question(items: Sequence[PromptItem | Item]) -> int:
    """Return the index of the newest question: the user messages after the last answer.

    Only the run's own items follow the newest question.
    """
    index = len(items)
    while index and not isinstance(items[index - 1], PromptMessage | UserMessage):
        index -= 1
    while index and not isinstance(items[index - 1], AssistantMessage):
        index -= 1
    return index


async def _data_url(data: bytes) -> str:
    """Return an image as a ``data:`` URL; raises ``_UnusableImageError`` for other bytes."""
    kind = image_kind(data)
    if kind is None:
        raise _UnusableImageError(_NO_IMAGE)
    encoded = await asyncio.to_thread(lambda: base64.b64encode(data).decode())
    return f"data:image/{kind};base64,{encoded}"


def _checked_data_url(url: str, left: int) -> str:
    """Check a ``data:`` URL that an earlier version stored, and return it."""
    header = _DATA.match(url)
    if header is None:
        raise _UnusableImageError("its address has a scheme that is not supported")
    if _size(url) > min(MOST_BYTES, left):
        raise _UnusableImageError(_TOO_LARGE)
    try:
        beginning = base64.b64decode(url[header.end() :][:_DATA_BEGINNING])
    except (binascii.Error, ValueError):
        beginning = b""
    if image_kind(beginning) is None:
        raise _UnusableImageError(_NO_IMAGE)
    return url


def _size(data_url: str) -> int:
    """Return the approximate bytes of a ``data:`` URL's image."""
    return len(data_url) * 3 // 4


def _notice(why: str) -> str:
    return f"(An image that belongs here can't be shown: {why}.)"


TOO_LARGE_NOTICE: Final = _notice(_TOO_LARGE)
"""The notice that replaces an image that is too large."""
