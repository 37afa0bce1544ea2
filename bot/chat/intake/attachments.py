"""Reads the files of questions: downloads files from Discord, reads documents, uploads images.

An address that has expired is looked up again. Images are uploaded because a thread shows them to
the model in every later turn, when Discord's addresses no longer work.
"""

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import discord
import yarl

from bot.assistants.errors import APIError
from bot.assistants.images import image_kind
from bot.assistants.schema.content import ContentInput, ImageFile, ImageFilePart
from bot.assistants.schema.files import FilePage, UploadFile, UploadPurpose
from bot.chat.intake.question_text import attachments_of
from bot.chat.texts.plain_text import well_formed
from bot.chat.threads.messages.message_builder import (
    AttachedFile,
    UnreadableError,
    attached,
    format_size,
)
from bot.chat.threads.messages.upload_names import upload_mark, upload_name
from bot.chat.threads.threads import AssistantThreads
from bot.chat.transport.login import own_user
from bot.chat.transport.rest_retry import RestRetry
from bot.config import DiscordSettings
from bot.runtime.clock import Clock
from bot.runtime.newest_entries import NewestEntries
from bot.store.ledger import Question

FRESH_SECONDS: Final = 12 * 3_600.0
"""How long a file's address is used, in seconds; Discord's addresses work for about a day."""

LARGEST_DOCUMENT: Final = 20 * 1024 * 1024
"""The largest document whose text is read, in bytes."""

LARGEST_AUDIO: Final = 25_000_000
"""The largest audio file that is transcribed, in bytes: the limit of OpenAI's endpoint."""

LARGEST_GUESS: Final = 1_000_000
"""The largest file of an unknown kind that is downloaded to see whether it is text, in bytes."""

LARGEST_IMAGE: Final = 20 * 1024 * 1024
"""The largest image that is put on a thread, in bytes: the limit of models."""

_AT_ONCE: Final = 4
"""The most files that are in memory at the same time."""

_MOST_UPLOADS_READ: Final = 100
"""How many of the newest uploads are searched for an upload by an earlier try."""

_MOST_UPLOADS: Final = 1_000
_ENDING: Final = re.compile(r"[a-z0-9]{1,10}")
_CHUNK_BYTES: Final = 256 * 1024
_NEVER_TEXT: Final = ("video/", "font/", "application/zip", "application/x-msdownload")

_log: Final = logging.getLogger(__name__)


class DocumentReader(Protocol):
    """Extracts the text of documents of many formats; ``app`` implements it."""

    def is_text(self, name: str) -> bool:
        """Return whether a file of that name is plain text."""

    def is_document(self, name: str) -> bool:
        """Return whether a file of that name is of a known format."""

    async def read(self, name: str, data: bytes) -> str:
        """Return a file's text, HTML and JSON as source; raises ``UnreadableError``."""


class Transcriber(Protocol):
    """Transcribes audio; ``app`` implements it where an endpoint is configured."""

    async def transcribe(self, name: str, data: bytes) -> str:
        """Return the words of an audio file; raises ``UnreadableError``."""


class Downloader(Protocol):
    """Downloads files; ``app`` implements it."""

    async def get(self, url: str, most: int) -> bytes:
        """Return the file at ``url``, of at most ``most`` bytes.

        Raises ``FileGoneError`` where the address no longer works, and ``UnreadableError``.
        """


@dataclass(frozen=True)
class FileReaders:
    """The readers of files; ``transcriber`` is None where audio is not transcribed."""

    documents: DocumentReader
    downloads: Downloader
    transcriber: Transcriber | None = None


class FileGoneError(Exception):
    """The address of a file does not work, or no longer works."""


class AttachmentReader:
    """Reads the files of questions, and uploads images and long texts."""

    def __init__(
        self,
        client: discord.Client,
        rest: RestRetry,
        clock: Clock,
        threads: AssistantThreads,
        settings: DiscordSettings,
        readers: FileReaders,
    ) -> None:
        self._client = client
        self._rest = rest
        self._clock = clock
        self._threads = threads
        # A sandbox serves its files itself.
        self._origins = frozenset(
            yarl.URL(address).origin()
            for address in (settings.api_url, *(f"https://{h}" for h in settings.attachment_hosts))
        )
        self._readers = readers
        self._started_at = clock.now()
        # The newest uploads that this process began, by the ids of question and file. Only of
        # these, and of questions before the start, an earlier upload is looked for.
        self._uploads = NewestEntries[tuple[int, int], None](_MOST_UPLOADS)
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def current(self, question: Question) -> tuple[AttachedFile, ...]:
        """Return a question's files with addresses that work."""
        files = attached(question)
        if self._clock.now() - question.received_at < FRESH_SECONDS:
            return files
        return await self._current_files(question) or files

    async def text(self, question: Question, file: AttachedFile) -> str:
        """Return a document's text or the words of audio; raises ``UnreadableError``."""
        if file.kind == "audio":
            return await self._transcribe(question, file)
        most = LARGEST_DOCUMENT
        if not (
            file.content_type.startswith("text/") or self._readers.documents.is_document(file.name)
        ):
            # A file without a known ending may be text: a log, a Makefile.
            most = LARGEST_GUESS
            if file.size > most or file.content_type.startswith(_NEVER_TEXT):
                raise UnreadableError("unsupported", "this kind of file is not supported")
        async with self._slots:
            data = await self.download(file, most, question)
            return await self._readers.documents.read(file.name, data)

    async def _transcribe(self, question: Question, file: AttachedFile) -> str:
        transcriber = self._readers.transcriber
        if transcriber is None:
            raise UnreadableError("no_transcription", "this bot can't listen to audio")
        async with self._slots:
            data = await self.download(file, LARGEST_AUDIO, question)
            return await transcriber.transcribe(file.name, data)

    async def upload(self, question: Question, file: AttachedFile, text: str) -> str:
        """Upload a document's text for file search, or find an earlier upload of the text.

        Raises ``UnreadableError``, and ``TurnError`` where the server can't be reached.
        """
        file_id = await self._known_upload(question, file, "assistants")
        if file_id is not None:
            return file_id
        ending = file.name.rpartition(".")[2].lower()
        if not (self._readers.documents.is_text(file.name) and _ENDING.fullmatch(ending)):
            ending = "txt"
        return await self._upload(question, file, ending, "assistants", text.encode())

    async def download(
        self, file: AttachedFile, most: int, question: Question | None = None
    ) -> bytes:
        """Return a file of at most ``most`` bytes; raises ``UnreadableError``.

        Where the file's address no longer works, a new one is looked up in the question.
        """
        if file.size > most:
            raise too_large(most)
        try:
            return await self._fetch(file, most)
        except FileGoneError:
            current = () if question is None else await self._current_files(question)
        for fresh in current:
            if fresh.id == file.id:
                with contextlib.suppress(FileGoneError):
                    return await self._fetch(fresh, most)
        raise UnreadableError("gone", "it is not on Discord any more")

    async def decode(self, name: str, data: bytes) -> str:
        """Return the text of a text file; raises ``UnreadableError``."""
        return await self._readers.documents.read(name, data)

    async def image(self, question: Question, file: AttachedFile) -> ContentInput:
        """Upload an image, or find an earlier upload of the image; return a content part.

        Raises ``UnreadableError``, and ``TurnError`` where the server can't be reached.
        """
        async with self._slots:
            file_id = await self._known_upload(question, file, "vision")
            if file_id is None:
                data = await self.download(file, LARGEST_IMAGE, question)
                ending = image_kind(data)
                if ending is None:
                    raise UnreadableError("no_image", "it is no PNG, JPEG, GIF or WebP image")
                file_id = await self._upload(question, file, ending, "vision", data)
        return ImageFilePart(ImageFile(file_id))

    async def _current_files(self, question: Question) -> tuple[AttachedFile, ...]:
        """Return a question's files as Discord has them now; none where Discord refuses."""
        channel = self._client.get_partial_messageable(question.channel_id)
        try:
            message = await self._rest.call(lambda: channel.fetch_message(question.id))
        except discord.HTTPException as error:
            _log.info("The files of question %d can't be looked up: %s", question.id, error)
            return ()
        return files_of(message, own_user(self._client).id)

    async def _fetch(self, file: AttachedFile, most: int) -> bytes:
        """Download a file, with retries; raises ``FileGoneError`` or ``UnreadableError``."""
        if not self._is_on_discord(file.url):
            _log.warning("File %d is at none of [discord] attachment_hosts: %s", file.id, file.url)
            raise UnreadableError("not_given", "its address is none of Discord's")
        try:
            return await self._readers.downloads.get(file.url, most)
        except UnreadableError as error:
            _log.info("File %d can't be read: %s", file.id, error.__cause__ or error)
            raise

    def _is_on_discord(self, address: str) -> bool:
        """Return whether Discord serves an address; an event may name any address."""
        try:
            return yarl.URL(address).origin() in self._origins
        except ValueError:  # no address, or a relative one
            return False

    async def _known_upload(
        self, question: Question, file: AttachedFile, purpose: UploadPurpose
    ) -> str | None:
        """Return the id of the upload that an earlier try made; None if there is none."""
        if question.received_at >= self._started_at and (question.id, file.id) not in self._uploads:
            return None
        return await self._earlier_upload(question, file, purpose)

    async def _earlier_upload(
        self, question: Question, file: AttachedFile, purpose: UploadPurpose
    ) -> str | None:
        page = FilePage(limit=_MOST_UPLOADS_READ, purpose=purpose)
        try:
            newest = await self._threads.api.list_files(page)
        except APIError as error:
            # Not every server lists files; a second upload does no harm.
            _log.info("Earlier uploads can't be listed: %s", error)
            return None
        mark = upload_mark(question.id, file.id)
        return next((each.id for each in newest.data if mark in each.filename), None)

    async def _upload(
        self,
        question: Question,
        file: AttachedFile,
        ending: str,
        purpose: UploadPurpose,
        data: bytes,
    ) -> str:
        """Upload a file of a question once, and return the id of the upload."""
        name = upload_name(question.id, file.id, file.name, ending)
        request = UploadFile(filename=name, purpose=purpose)

        async def upload() -> str:
            return (await self._threads.api.upload_file(request, _chunks(data))).id

        self._uploads[question.id, file.id] = None
        try:
            return await self._threads.create_once(
                upload, partial(self._earlier_upload, question, file, purpose)
            )
        except APIError as error:
            _log.warning("The server refused file %d: %s %s", file.id, error.status, error)
            raise UnreadableError("refused", "the assistant's server did not take it") from error


def too_large(most: int) -> UnreadableError:
    """Return the error for a file of more than ``most`` bytes."""
    limit = format_size(most)
    return UnreadableError("too_large", f"it is larger than {limit}", limit=limit)


def files_of(message: discord.Message, me: int) -> tuple[AttachedFile, ...]:
    """Return the files of a question for the ledger; ``me`` is the bot's user id."""
    return tuple(file_of(file) for file in attachments_of(message, me))


def file_of(file: discord.Attachment) -> AttachedFile:
    """Return a file as the ledger stores it."""
    return AttachedFile(
        id=file.id,
        name=well_formed(file.filename),
        url=well_formed(file.url),
        size=file.size,
        content_type=well_formed(file.content_type or ""),
    )


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), _CHUNK_BYTES):
        yield data[start : start + _CHUNK_BYTES]
