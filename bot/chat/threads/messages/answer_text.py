"""Joins the messages and message deltas of a run into the text that a member reads."""

from collections.abc import Sequence

from msgspec import UNSET, Struct

from bot.assistants.events import MessageDelta
from bot.assistants.schema.content import (
    FileCitation,
    FilePath,
    ImageFilePart,
    ImageUrlPart,
    RefusalDelta,
    RefusalPart,
    TextDelta,
    TextPart,
)
from bot.assistants.schema.objects import DOCUMENTS_CUT, TOOLS_LEFT_OUT, Message
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.chat.threads.messages.citations import readable
from bot.chat.threads.messages.upload_names import without_marks


class Source(Struct, frozen=True):
    """A cited file: its name, or its id where the citation names no file."""

    name: str = ""
    file_id: str = ""


class AnswerText:
    """The text of a run so far, from its messages and message deltas.

    A run writes one message after the other. A message that is incomplete when the next begins was
    abandoned: the server restarted, and ran the model again.
    """

    def __init__(self) -> None:
        self._messages: dict[str, dict[int, list[str]]] = {}
        self._complete: dict[str, Message] = {}
        self._unfinished: str | None = None
        self.characters = 0
        """The number of characters in all deltas."""

    @property
    def is_complete(self) -> bool:
        """Whether all messages are complete."""
        return self._unfinished is None

    def add(self, delta: MessageDelta) -> None:
        """Add a message delta."""
        if delta.id != self._unfinished:
            self._drop_unfinished()
            self._unfinished = delta.id
        parts = self._messages.setdefault(delta.id, {})
        for content in delta.delta.content:
            if isinstance(content, TextDelta):
                piece = content.text.value
                more = "" if piece is UNSET else piece
            elif isinstance(content, RefusalDelta):
                more = content.refusal
            else:
                continue
            parts.setdefault(content.index, []).append(more)
            self.characters += len(more)

    def put(self, message: Message) -> None:
        """Put a complete message in place of its deltas; a second time changes nothing."""
        if message.role != "assistant" or message.id in self._complete:
            return
        if message.id != self._unfinished:
            self._drop_unfinished()
        self._unfinished = None
        self._messages[message.id] = {i: [text] for i, text in enumerate(_texts(message))}
        self._complete[message.id] = message

    def withdraw(self, message_id: str) -> bool:
        """Drop a message's deltas, which were the model's reasoning; return whether it had any."""
        had_deltas = message_id == self._unfinished
        if had_deltas:
            self._drop_unfinished()
        return had_deltas

    def _drop_unfinished(self) -> None:
        if self._unfinished is not None:
            del self._messages[self._unfinished]
            self._unfinished = None

    @property
    def text(self) -> str:
        """The whole text, with an empty line between messages; joined at each access."""
        return self._read({})

    @property
    def sources(self) -> tuple[Source, ...]:
        """The cited files in the order of their numbers in the text."""
        numbers: dict[str, int] = {}
        self._read(numbers)
        ids = self._cited_ids().values()
        return tuple(Source(file_id=key) if key in ids else Source(key) for key in numbers)

    @property
    def file_ids(self) -> tuple[str, ...]:
        """The ids of the answer's files, in order: images, and files that code has written."""
        found: dict[str, None] = {}
        for message in self._complete.values():
            found |= dict.fromkeys(files_of(message))
        return tuple(found)

    def _read(self, numbers: dict[str, int]) -> str:
        ids = self._cited_ids()
        texts = (
            readable("".join(["".join(parts[i]) for i in sorted(parts)]), numbers, ids)
            for parts in self._messages.values()
        )
        return "\n\n".join(text.strip() for text in texts if text.strip())

    def _cited_ids(self) -> dict[str, str]:
        return {
            each.text: each.file_citation.file_id
            for message in self._complete.values()
            for part in message.content
            if isinstance(part, TextPart)
            for each in part.text.annotations
            if isinstance(each, FileCitation)
        }


def answer_text_of(messages: Sequence[Message]) -> AnswerText:
    """Return the text, sources and files of an ended run, from all messages of the run."""
    answer = AnswerText()
    for message in messages:
        answer.put(message)
    return answer


def answer_text(messages: Sequence[Message]) -> str:
    """Return the text of the answer that consists of these messages."""
    return answer_text_of(messages).text


def _texts(message: Message) -> list[str]:
    texts: list[str] = []
    for part in message.content:
        if isinstance(part, TextPart):
            texts.append(part.text.value)
        elif isinstance(part, RefusalPart):
            texts.append(part.refusal)
        elif isinstance(part, ImageUrlPart) and part.image_url.url.startswith("http"):
            texts.append(f"\n\n{part.image_url.url}\n\n")
    metadata = message.metadata or {}
    if DOCUMENTS_CUT in metadata:
        texts.append(f"\n\n{sentences.documents_cut(without_marks(metadata[DOCUMENTS_CUT]))}")
    elif TOOLS_LEFT_OUT in metadata:
        texts.append(f"\n\n{localized('without-tools')}")
    return texts


def files_of(message: Message) -> list[str]:
    """Return the ids of a message's files: images, documents, and files that code has written."""
    found: dict[str, None] = {}
    for part in message.content:
        if isinstance(part, ImageFilePart):
            found[part.image_file.file_id] = None
        elif isinstance(part, TextPart):
            found |= {
                each.file_path.file_id: None
                for each in part.text.annotations
                if isinstance(each, FilePath)
            }
    for attachment in message.attachments or ():
        if isinstance(attachment.file_id, str):
            found[attachment.file_id] = None
    return list(found)
