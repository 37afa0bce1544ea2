"""From a question to the message that is posted on the thread: its text, its images, its files."""

import re
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from bot.assistants.content import MAX_CONTENT, ContentInput, ImageUrl, ImageUrlPart, TextInput
from bot.assistants.requests import CreateMessage
from bot.store.ledger import Question

QUESTION_KEY: Final = "question"
"""The metadata key under which a message carries its question's id."""

LARGEST_TEXT_FILE: Final = 100_000
"""The largest text file whose text is shown to the model, in bytes."""

_TEXT_ENDINGS: Final = re.compile(
    r"\.(txt|md|markdown|rst|csv|tsv|json|jsonl|ya?ml|toml|ini|cfg|xml|html|css|log|sql|sh|py|[jt]sx?"
    r"|java|kt|go|rs|c|h|cpp|hpp|cs|rb|php|swift|lua|r|diff|patch|tex)$",
    re.IGNORECASE,
)
_CUT_OFF: Final = "\n(cut off here: the message is too long)"


class AttachedFile(Struct, frozen=True):
    """A file of a question; ``size`` is in bytes, ``url`` works for about a day."""

    id: int
    name: str
    url: str
    size: int
    content_type: str = ""

    @property
    def is_image(self) -> bool:
        """Whether a model can be shown it as an image."""
        return self.content_type.startswith("image/") and self.url.startswith(
            ("http://", "https://")
        )

    @property
    def is_text(self) -> bool:
        """Whether its text can stand in the message."""
        known = self.content_type.startswith("text/") or bool(_TEXT_ENDINGS.search(self.name))
        return known and self.size <= LARGEST_TEXT_FILE


class Files(Protocol):
    """Where files of questions are had from."""

    async def current(self, question: Question) -> tuple[AttachedFile, ...]:
        """Return a question's files with addresses that work."""
        ...

    async def download(self, file: AttachedFile) -> bytes | None:
        """Fetch a file; None where it can't be had."""
        ...


def attached(question: Question) -> tuple[AttachedFile, ...]:
    """Return a question's files."""
    return msgspec.json.decode(question.attachments, type=tuple[AttachedFile, ...])


def attachments_json(files: Sequence[AttachedFile]) -> str:
    """Return files as the ledger keeps them."""
    return msgspec.json.encode(files).decode()


async def message_for(question: Question, files: Files, *, named: bool) -> CreateMessage:
    """Make the message of a question; ``named`` puts who speaks before what is said."""
    given = await files.current(question) if question.attachments != "[]" else ()
    name = " ".join(question.author_name.split())
    blocks = [f"{name}: {question.content}".rstrip() if named else question.content]
    blocks += [await _told(file, files) for file in given if not file.is_image]
    text = "\n\n".join(block for block in blocks if block)
    if len(text) > MAX_CONTENT:
        text = text[: MAX_CONTENT - len(_CUT_OFF)] + _CUT_OFF
    images = [ImageUrlPart(ImageUrl(file.url)) for file in given if file.is_image]
    metadata = {QUESTION_KEY: str(question.id), "author": str(question.author_id)}
    content: str | tuple[ContentInput, ...] = text
    if images:
        content = (*([TextInput(text)] if text else []), *images)
    return CreateMessage(role="user", content=content, metadata=metadata)


async def _told(file: AttachedFile, files: Files) -> str:
    """Write a file into the text: whole where it is text and small, else by name and size."""
    heading = f"[file {' '.join(file.name.split())}, {_size(file.size)}]"
    if not file.is_text:
        return heading
    data = await files.download(file)
    if data is None:
        return f"{heading} (could not be read)"
    text = data[:LARGEST_TEXT_FILE].decode("utf-8-sig", "replace").replace("\x00", "\ufffd")
    fence = "```"
    while fence in text:
        fence += "`"
    language = file.name.rsplit(".", 1)[-1] if "." in file.name else ""
    return f"{heading}\n{fence}{language}\n{text.rstrip()}\n{fence}"


def _size(size: int) -> str:
    if size < 1_000:
        return f"{size} bytes"
    return f"{size / 1_000:.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"
