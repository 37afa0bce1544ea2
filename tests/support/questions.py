"""What a test gives to threads: questions with files, one assistant, and no replies to read."""

import discord

from bot.assistants.schema.content import ContentInput, ImageFile, ImageFilePart
from bot.chat.places.assistant_choice import AssistantChoice
from bot.chat.threads.messages.bystander_poster import References
from bot.chat.threads.messages.message_builder import (
    AttachedFile,
    UnreadableError,
    attachments_json,
)
from bot.store.ledger import Ledger, Question, Turn


def one_assistant(assistant_id: str, ledger: Ledger) -> AssistantChoice:
    """Choose one assistant everywhere."""
    return AssistantChoice(discord.Client(intents=discord.Intents.none()), ledger, assistant_id)


class NoReplies:
    """No reply is read again."""

    async def read(self, turn: Turn) -> list[str]:
        return []


class NoReferences:
    """No question points at another message."""

    async def read(self, question: Question, turn: Turn, *, is_first: bool) -> References:
        return References()


class Shelf:
    """Files as a test gives them."""

    def __init__(self, *files: tuple[AttachedFile, bytes | None]) -> None:
        self.files = files
        self.downloaded: list[str] = []
        self.uploaded: dict[str, str] = {}
        self.searchable = True

    async def current(self, question: Question) -> tuple[AttachedFile, ...]:
        return tuple(file for file, _ in self.files)

    async def text(self, question: Question, file: AttachedFile) -> str:
        return (await self._download(file)).decode()

    async def upload(self, question: Question, file: AttachedFile, text: str) -> str:
        if not self.searchable:
            raise UnreadableError("refused", "the server can't search")
        self.uploaded[file.name] = text
        return f"file-{file.id}"

    async def _download(self, file: AttachedFile) -> bytes:
        self.downloaded.append(file.name)
        data = next(data for known, data in self.files if known == file)
        if data is None:
            raise UnreadableError("gone", "it is gone")
        return data

    async def image(self, question: Question, file: AttachedFile) -> ContentInput:
        await self._download(file)
        return ImageFilePart(ImageFile(f"file-{file.id}"))


def file(name: str, size: int, content_type: str = "", number: int = 1) -> AttachedFile:
    return AttachedFile(
        id=number, name=name, url=f"https://cdn/{name}", size=size, content_type=content_type
    )


def question(content: str, shelf: Shelf) -> Question:
    return Question(
        id=7,
        channel_id=1,
        guild_id=2,
        author_id=3,
        author_name="Ada\nLovelace",
        content=content,
        attachments=attachments_json([known for known, _ in shelf.files]),
        home_id=1,
        fallback=False,
        received_at=0.0,
        turn_id=1,
        thread_id=None,
        message_id=None,
    )
