"""Images on a thread, which every later run is shown: none of them may fail a run for ever."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.assistants.content import ImageFile, ImageFilePart, ImageUrl, ImageUrlPart, TextInput
from bot.assistants.files import UploadFile
from bot.assistants.requests import CreateMessage
from tests.support.assistants import House, house


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, "engine") as whole:
        yield whole


async def _content(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _upload(home: House, data: bytes, name: str = "cat.png") -> str:
    request = UploadFile(filename=name, purpose="vision")
    return (await home.api.upload_file(request, _content(data))).id


async def _ask(home: House, thread_id: str, text: str, *images: str) -> None:
    """Post a question with images, by their file ids or addresses."""
    parts = [
        ImageUrlPart(ImageUrl(image)) if ":" in image else ImageFilePart(ImageFile(image))
        for image in images
    ]
    content = (TextInput(text), *parts)
    await home.api.create_message(thread_id, CreateMessage(role="user", content=content))


def shown(messages: list[dict[str, Any]]) -> list[str]:
    """The addresses of all images in a request."""
    return [
        part["image_url"]["url"]
        for message in messages
        if isinstance(message["content"], list)
        for part in message["content"]
        if part["type"] == "image_url"
    ]


async def test_a_file_that_is_no_image_is_told_in_words(home: House) -> None:
    thread_id = await home.thread()
    await _ask(home, thread_id, "What is this?", await _upload(home, b"just words", "notes.txt"))
    await home.until(await home.run(thread_id), "completed")
    (asked,) = home.model.requests
    assert shown(asked.messages) == []
    assert "no PNG, JPEG, GIF or WebP" in asked.question


@pytest.mark.parametrize(
    ("begins", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
    ],
)
async def test_an_image_is_what_its_bytes_are_and_not_its_name(
    home: House, begins: bytes, kind: str
) -> None:
    thread_id = await home.thread()
    await _ask(home, thread_id, "What is this?", await _upload(home, begins + b"rest", "cat.png"))
    await home.until(await home.run(thread_id), "completed")
    (url,) = shown(home.model.requests[0].messages)
    assert url.startswith(f"data:{kind};base64,")
