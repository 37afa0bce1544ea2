"""Builds the message that is posted to a thread for a question: text, images and files.

Whatever can't be read of a question is named in the message; it never holds the question back.
"""

import re
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from bot.assistants.schema.content import MAX_CONTENT, ContentInput, TextInput
from bot.assistants.schema.requests import CreateMessage
from bot.store.ledger import Question

QUESTION_KEY: Final = "question"
"""The metadata key under which a message carries its question's id."""

LARGEST_TEXT_FILE: Final = 100_000
"""The largest text file whose text is shown to the model, in bytes."""

_IMAGE_ENDINGS: Final = re.compile(r"\.(png|jpe?g|gif|webp)\Z", re.IGNORECASE)
_FENCES: Final = re.compile("`{3,}")
_BETWEEN: Final = len("\n\n")
_LEAST_SHOWN: Final = 1_000
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
        """Whether the file claims to be an image; only its bytes show whether it is one."""
        if not self.content_type:
            return bool(_IMAGE_ENDINGS.search(self.name))
        # To a model an SVG image is text.
        return self.content_type.startswith("image/") and not self.content_type.startswith(
            "image/svg"
        )

    @property
    def heading(self) -> str:
        """The line that names the file to the model."""
        what = "image" if self.is_image else "file"
        return f"[{what} {' '.join(self.name.split())}, {format_size(self.size)}]"


class UnreadableError(Exception):
    """A file can't be read or used; the text tells the model why."""


class AttachmentSource(Protocol):
    """Reads the files of questions, and uploads images for the thread."""

    async def current(self, question: Question) -> tuple[AttachedFile, ...]:
        """Return a question's files with addresses that work."""
        ...

    def is_text(self, file: AttachedFile) -> bool:
        """Return whether a file's text can be part of the message."""
        ...

    async def text(self, question: Question, file: AttachedFile, most: int) -> str:
        """Return the text of a file of at most ``most`` bytes; raises ``UnreadableError``."""
        ...

    async def image(self, question: Question, file: AttachedFile) -> ContentInput:
        """Return an image as a content part that does not expire; raises ``UnreadableError``."""
        ...


def attached(question: Question) -> tuple[AttachedFile, ...]:
    """Return a question's files."""
    return msgspec.json.decode(question.attachments, type=tuple[AttachedFile, ...])


def attachments_json(files: Sequence[AttachedFile]) -> str:
    """Return files as JSON for the ledger."""
    return msgspec.json.encode(files).decode()


async def message_for(question: Question, files: AttachmentSource, *, named: bool) -> CreateMessage:
    """Build the message of a question; ``named`` puts the author's name before the text."""
    given = await files.current(question) if question.attachments != "[]" else ()
    name = " ".join(question.author_name.split())
    asked = f"{name}: {question.content}".rstrip() if named else question.content
    # The characters left for each file, after the question and one line for every other file.
    room = MAX_CONTENT - len(asked) - sum(len(_omitted(file)) + _BETWEEN for file in given)
    blocks = [asked]
    images: list[ContentInput] = []
    for file in given:
        line = len(_omitted(file))
        if not file.is_image:
            block = await _file_text(question, file, files, room + line)
            blocks.append(block)
            room -= len(block) - line
            continue
        try:
            images.append(await files.image(question, file))
        except UnreadableError as error:
            blocks.append(_shortened(f"{file.heading} (can't be shown: {error})", room + line))
            room -= len(blocks[-1]) - line
    text = _shortened("\n\n".join(block for block in blocks if block), MAX_CONTENT)
    metadata = {QUESTION_KEY: str(question.id), "author": str(question.author_id)}
    content: str | tuple[ContentInput, ...] = text
    if images:
        content = (*([TextInput(text)] if text else []), *images)
    return CreateMessage(role="user", content=content, metadata=metadata)


def _omitted(file: AttachedFile) -> str:
    return f"{file.heading} (left out: the message is too long)"


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: max(most - len(_CUT_OFF), 0)] + _CUT_OFF


async def _file_text(
    question: Question, file: AttachedFile, files: AttachmentSource, most: int
) -> str:
    """Return a file as part of the text: its contents if short text, else name and size.

    Text is cut off behind ``most`` characters; a file of which little could be shown is left out.
    """
    if file.size > LARGEST_TEXT_FILE or not files.is_text(file):
        return file.heading
    if most < min(file.size, _LEAST_SHOWN):
        return _omitted(file)
    try:
        text = await files.text(question, file, LARGEST_TEXT_FILE)
    except UnreadableError as error:
        return f"{file.heading} (could not be read: {error})"
    longest = max(map(len, _FENCES.findall(text)), default=2)
    fence = "`" * (longest + 1)
    language = file.name.rsplit(".", 1)[-1] if "." in file.name else ""
    begin, end = f"{file.heading}\n{fence}{language}\n", f"\n{fence}"
    if len(begin) + len(text.rstrip()) + len(end) <= most:
        return f"{begin}{text.rstrip()}{end}"
    shown = most - len(begin) - len(end) - len(_CUT_OFF)
    return f"{begin}{text[:shown]}{end}{_CUT_OFF}" if shown > 0 else _omitted(file)


def format_size(size: int) -> str:
    """Return a size in bytes, kB or MB, as people write it."""
    if size < 1_000:
        return f"{size} bytes"
    return f"{size / 1_000:.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"
