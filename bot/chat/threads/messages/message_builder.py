"""Builds the message that is posted to a thread for a question: text, images and files.

Parts of a question that can't be read are named in the message. They never delay the question.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, Protocol

import msgspec
from msgspec import Struct

from bot.assistants.schema.content import MAX_CONTENT, ContentInput, TextInput
from bot.assistants.schema.requests import CreateMessage
from bot.assistants.schema.tools import FileSearchTool, NewAttachment
from bot.chat.texts.unread_files import Unread, UnreadReason
from bot.chat.threads.messages.pointers import pointers_of
from bot.store.ledger import NewQuestion, Question

QUESTION_KEY: Final = "question"
"""The metadata key under which a message carries its question's id."""

_REVISION_KEY: Final = "revision"

_REMINDER: Final = (
    "[A reminder that {name} set earlier is due now. Remind them of it in a sentence or two, and "
    "do what it asks for, where you can.]\n"
)

SHORT_TEXT: Final = 20_000
"""The longest text of a file that is shown in the message, in characters.

A longer text becomes a file on the thread, which the model can search.
"""

_IMAGE_ENDINGS: Final = re.compile(r"\.(png|jpe?g|gif|webp)\Z", re.IGNORECASE)
_AUDIO_ENDINGS: Final = re.compile(r"\.(mp3|m4a|ogg|oga|opus|wav|flac|aac)\Z", re.IGNORECASE)
_PACKED_ENDINGS: Final = re.compile(
    r"pdf|doc[mx]|dot[mx]|xl[st][mx]|p[op][ts][mx]|o[dt][pst]|epub", re.IGNORECASE
)
_FENCES: Final = re.compile("`{3,}")
_BETWEEN: Final = len("\n\n")
_LEAST_SHOWN: Final = 1_000
_CUT_OFF: Final = "\n(cut off here: the message is too long)"
_REST_MISSING: Final = "\n(the rest is missing: this server can't search files)"
_SEARCHABLE: Final = "(too long to show here: search it with file_search)"


class AttachedFile(Struct, frozen=True):
    """A file of a question; ``size`` is in bytes, ``url`` works for about a day."""

    id: int
    name: str
    url: str
    size: int
    content_type: str = ""

    @property
    def kind(self) -> Literal["image", "audio", "document"]:
        """The kind of the file according to its name and content type, which may be wrong."""
        if self.content_type.startswith("image/svg"):
            return "document"  # to a model an SVG image is text
        for kind, endings in (("image", _IMAGE_ENDINGS), ("audio", _AUDIO_ENDINGS)):
            claimed = self.content_type.startswith(f"{kind}/")
            if claimed or (not self.content_type and endings.search(self.name)):
                return "image" if kind == "image" else "audio"
        return "document"

    @property
    def heading(self) -> str:
        """The line that names the file to the model."""
        what = "file" if self.kind == "document" else self.kind
        return f"[{what} {' '.join(self.name.split())}, {format_size(self.size)}]"


class UnreadableError(Exception):
    """A file can't be read or used; the exception's text tells the model why."""

    def __init__(self, reason: UnreadReason, text: str, *, limit: str = "") -> None:
        super().__init__(text)
        self.reason: UnreadReason = reason
        self.limit = limit


class AttachmentSource(Protocol):
    """Reads the files of questions, and uploads images and long texts for the thread."""

    async def current(self, question: Question) -> tuple[AttachedFile, ...]:
        """Return a question's files with download addresses that are valid now."""

    async def text(self, question: Question, file: AttachedFile) -> str:
        """Return a document's text or the words of audio; raises ``UnreadableError``."""

    async def image(self, question: Question, file: AttachedFile) -> ContentInput:
        """Return an image as a content part with an uploaded file; raises ``UnreadableError``."""

    async def upload(self, question: Question, file: AttachedFile, text: str) -> str:
        """Upload a document's text to be searched; return the upload's id.

        Raises ``UnreadableError`` where the server refuses it.
        """


class BuiltMessage(Struct, frozen=True, kw_only=True):
    """A message to post; ``unread`` are the parts of the question that it lacks."""

    request: CreateMessage
    unread: tuple[Unread, ...]

    @property
    def has_documents(self) -> bool:
        """Whether the message has texts that the model must search with file_search."""
        return bool(self.request.attachments)


def attached(question: NewQuestion) -> tuple[AttachedFile, ...]:
    """Return a question's files."""
    return msgspec.json.decode(question.attachments, type=tuple[AttachedFile, ...])


def attachments_json(files: Sequence[AttachedFile]) -> str:
    """Return files as JSON for the ledger."""
    return msgspec.json.encode(files).decode()


def unread_of(question: Question) -> tuple[Unread, ...]:
    """Return the parts of a question that could not be read."""
    return msgspec.json.decode(question.unread, type=tuple[Unread, ...])


def unread_json(parts: Sequence[Unread]) -> str:
    """Return unread parts as JSON for the ledger."""
    return msgspec.json.encode(parts).decode()


def wording(question: Question) -> tuple[str, str]:
    """Return the id and the revision of a question, which identify its present wording."""
    return str(question.id), str(question.revision)


def wording_in(metadata: Mapping[str, str] | None) -> tuple[str, str] | None:
    """Return the wording that a message with this metadata has; None if it is no question."""
    if metadata is None or QUESTION_KEY not in metadata:
        return None
    return metadata[QUESTION_KEY], metadata.get(_REVISION_KEY, "0")


def is_same_wording(one: NewQuestion, other: NewQuestion) -> bool:
    """Return whether two states of a question have the same text and the same files."""
    # Discord signs the addresses of files anew.
    files = [[file.id for file in attached(each)] for each in (one, other)]
    return one.content == other.content and files[0] == files[1]


class PointedAt(Struct, frozen=True, kw_only=True):
    """The parts of other messages in a question's message: quotes, files, and unreadable parts."""

    blocks: tuple[str, ...] = ()
    files: tuple[AttachedFile, ...] = ()
    lost: tuple[UnreadReason, ...] = ()


async def message_for(
    question: Question,
    files: AttachmentSource,
    *,
    named: bool,
    pointed_at: PointedAt | None = None,
) -> BuiltMessage:
    """Build the message of a question; ``named`` puts the author's name before the text."""
    asked = asked_by(question, named=named)
    given = await files.current(question) if question.attachments != "[]" else ()
    lost = pointers_of(question).lost
    if pointed_at is not None:
        asked = "\n\n".join(block for block in (asked, *pointed_at.blocks) if block)
        given = tuple({file.id: file for file in (*given, *pointed_at.files)}.values())
        lost += pointed_at.lost
    builder = _Builder(question, files, asked, given, lost)
    if given:
        await builder.add_files()
    return builder.message()


def asked_by(question: Question, *, named: bool) -> str:
    """Return a question's text as the model reads it.

    ``named`` puts the author's name before the text. A reminder gets an instruction.
    """
    name = " ".join(question.author_name.split())
    if question.cause_kind == "reminder":
        return _REMINDER.format(name=name) + question.content
    # The result of a function call was not written by the member who asked for the call.
    if not named or question.cause_kind in ("approval", "denial"):
        return question.content
    # The heading of a quote stands on a line of its own.
    space = "\n\n" if question.content.startswith("[") else " "
    return f"{name}:{space}{question.content}".rstrip()


class _Builder:
    """Collects the blocks of one message; each file gets the room that earlier blocks left."""

    def __init__(
        self,
        question: Question,
        files: AttachmentSource,
        asked: str,
        given: Sequence[AttachedFile],
        lost: Sequence[UnreadReason],
    ) -> None:
        self._question = question
        self._files = files
        self._given = given
        self._blocks = [asked]
        # The characters left after the question and one line for every file.
        self._room = MAX_CONTENT - len(asked)
        self._room -= sum(len(_omitted(file)) + _BETWEEN for file in given)
        self._images: list[ContentInput] = []
        self._attachments: list[NewAttachment] = []
        self._unread = [Unread("", reason) for reason in lost]

    async def add_files(self) -> None:
        """Read the files and add a block or an image for each, in their order."""
        documents = [file for file in self._given if file.kind != "image"]
        texts = await asyncio.gather(*(self._text(file) for file in documents))
        read = dict(zip(documents, texts, strict=True))
        for file in self._given:
            # Plus the room that was reserved for the heading of this file.
            room = self._room + len(_omitted(file))
            if file.kind == "image":
                block = await self._image(file)
            else:
                block = await self._document(file, read[file], room)
            if block:
                self._blocks.append(_shortened(block, room))
                self._room = room - len(self._blocks[-1])

    def message(self) -> BuiltMessage:
        """Return the message with all blocks."""
        text = _shortened("\n\n".join(block for block in self._blocks if block), MAX_CONTENT)
        question = self._question
        metadata = {QUESTION_KEY: str(question.id), "author": str(question.author_id)}
        if question.revision:
            metadata[_REVISION_KEY] = str(question.revision)
        content: str | tuple[ContentInput, ...] = text
        if self._images:
            content = (*([TextInput(text)] if text else []), *self._images)
        request = CreateMessage(
            role="user",
            content=content,
            attachments=tuple(self._attachments) or None,
            metadata=metadata,
        )
        return BuiltMessage(request=request, unread=tuple(self._unread))

    async def _text(self, file: AttachedFile) -> str | UnreadableError:
        try:
            return await self._files.text(self._question, file)
        except UnreadableError as error:
            return error

    async def _image(self, file: AttachedFile) -> str:
        try:
            self._images.append(await self._files.image(self._question, file))
        except UnreadableError as error:
            return self._unreadable(file, error)
        return ""

    async def _document(self, file: AttachedFile, text: str | UnreadableError, room: int) -> str:
        """Return the message's part about a file: the text, a hint to search it, or what failed."""
        if isinstance(text, UnreadableError):
            return self._unreadable(file, text)
        block = _shown(file, text)
        if len(text) <= SHORT_TEXT and len(block) <= room:
            return block
        try:
            upload = await self._files.upload(self._question, file, text)
        except UnreadableError as error:
            if room < _LEAST_SHOWN:
                return self._unreadable(file, error)
            self._unread.append(Unread(file.name, "beginning_only"))
            return _beginning(file, text, min(room, SHORT_TEXT))
        self._attachments.append(NewAttachment(file_id=upload, tools=(FileSearchTool(),)))
        return f"{file.heading} {_SEARCHABLE}"

    def _unreadable(self, file: AttachedFile, error: UnreadableError) -> str:
        self._unread.append(Unread(file.name, error.reason, error.limit))
        return f"{file.heading} (could not be read: {error})"


def _omitted(file: AttachedFile) -> str:
    return f"{file.heading} {_SEARCHABLE}"


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: max(most - len(_CUT_OFF), 0)] + _CUT_OFF


def _shown(file: AttachedFile, text: str) -> str:
    """Return a file with its text: the words of audio as a quote, a document in a fence."""
    if file.kind == "audio":
        words = (f"> {line}".rstrip() for line in text.splitlines())
        return "\n".join((f"{file.heading} Its words:", *words))
    begin, end = _fence(file, text)
    return f"{begin}{text.rstrip()}{end}"


def _beginning(file: AttachedFile, text: str, room: int) -> str:
    begin, end = _fence(file, text)
    shown = text[: room - len(begin) - len(end) - len(_REST_MISSING)]
    return f"{begin}{shown}{end}{_REST_MISSING}"


def _fence(file: AttachedFile, text: str) -> tuple[str, str]:
    """Return the lines before and behind a file's text: a fence that the text can't close."""
    longest = max(map(len, _FENCES.findall(text)), default=2)
    fence = "`" * (longest + 1)
    ending = file.name.rpartition(".")[2] if "." in file.name else ""
    is_code = ending.isalnum() and not _PACKED_ENDINGS.fullmatch(ending)
    language = ending if is_code else ""
    return f"{file.heading}\n{fence}{language}\n", f"\n{fence}"


def format_size(size: int) -> str:
    """Return a size in bytes, kB or MB, as people write it."""
    if size < 1_000:
        return "1 byte" if size == 1 else f"{size} bytes"
    return f"{size / 1_000:.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"
