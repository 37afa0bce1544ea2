"""Files read from Discord: bounded whatever is told of them, tried again, and never for ever."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import discord
import pytest
from aiohttp import web

from bot.app.providers.attachment_text import AttachmentText
from bot.app.providers.downloads import Downloads
from bot.chat.intake.attachments import (
    LARGEST_AUDIO,
    LARGEST_DOCUMENT,
    LARGEST_GUESS,
    LARGEST_IMAGE,
    AttachmentReader,
    FileReaders,
    Transcriber,
)
from bot.chat.threads.messages.message_builder import (
    AttachedFile,
    UnreadableError,
    attachments_json,
)
from bot.chat.threads.threads import AssistantThreads
from bot.chat.transport.rest_retry import RestRetry
from bot.config import DiscordSettings
from bot.store.ledger import Ledger, Question
from tests.support.assistants import house
from tests.support.fake_clock import FakeClock
from tests.support.loopback import serving
from tests.support.questions import NoReplies, one_assistant

PNG = b"\x89PNG\r\n\x1a\nrest"
KIND = "image/png"


class Shelf:
    """A server of files at ``url``, as a test wants it to answer: by ``give``."""

    def __init__(self) -> None:
        self.url = ""
        self.asked = 0
        self.sent = 0
        self.failures: list[int] = []
        """What to answer first; 0 breaks off in the middle."""
        self.data = PNG
        self.endless = False

    async def give(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        if target := request.query.get("to"):
            raise web.HTTPFound(target)
        if self.failures:
            status = self.failures.pop(0)
            if status:
                return web.Response(status=status)
            return await self._cut(request)
        if not self.endless:
            return web.Response(body=self.data)
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(65_536))
            self.sent += 65_536

    async def _cut(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(self.data))})
        await response.prepare(request)
        await response.write(self.data[:3])
        assert request.transport is not None
        request.transport.close()
        return response


class Echo:
    """A transcriber that hears what the file says in bytes."""

    async def transcribe(self, name: str, data: bytes) -> str:
        return f"{name}: {data.decode()}"


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    shelf = Shelf()
    async with serving(web.get("/file", shelf.give)) as url:
        shelf.url = f"{url}/file"
        yield shelf


@asynccontextmanager
async def reading(
    directory: Path, api_url: str, transcriber: Transcriber | None = None
) -> AsyncIterator[tuple[AttachmentReader, FakeClock]]:
    """Files of questions on a bot that is not logged in, before an engine."""
    clock = FakeClock(skips=True)
    async with house(directory, "engine") as home:
        ledger = await Ledger.open(directory / "bot.db", clock.now)
        client = discord.Client(intents=discord.Intents.none())
        threads = AssistantThreads(
            home.api, ledger, clock, one_assistant("asst_1", ledger), replies=NoReplies()
        )
        try:
            settings = DiscordSettings(api_url=api_url)
            readers = FileReaders(AttachmentText(), Downloads(clock), transcriber)
            yield (
                AttachmentReader(client, RestRetry(clock), clock, threads, settings, readers),
                clock,
            )
        finally:
            await ledger.close()


def asking(file: AttachedFile, clock: FakeClock) -> Question:
    return Question(
        id=7,
        channel_id=1,
        guild_id=2,
        author_id=3,
        author_name="Ada",
        content="look",
        attachments=attachments_json([file]),
        home_id=1,
        fallback=False,
        received_at=clock.now(),
        turn_id=1,
        thread_id=None,
        message_id=None,
    )


async def test_a_file_that_is_announced_as_too_large_is_not_requested(
    tmp_path: Path, shelf: Shelf
) -> None:
    file = AttachedFile(1, "cat.png", shelf.url, LARGEST_IMAGE + 1, KIND)
    async with reading(tmp_path, shelf.url) as (files, clock):
        with pytest.raises(UnreadableError, match=r"larger than 21\.0 MB"):
            await files.image(asking(file, clock), file)
    assert shelf.asked == 0


async def test_a_download_larger_than_announced_is_aborted(tmp_path: Path, shelf: Shelf) -> None:
    shelf.endless = True
    file = AttachedFile(1, "a.txt", shelf.url, 10, "text/plain")
    async with reading(tmp_path, shelf.url) as (files, clock):
        with pytest.raises(UnreadableError, match=r"larger than 100\.0 kB"):
            await files.download(file, 100_000, asking(file, clock))
    assert shelf.asked == 1
    # What the sockets between hold is more than what was read.
    assert shelf.sent < 50_000_000


@pytest.mark.parametrize("failures", [[500], [503, 429], [0]])
async def test_a_download_that_failed_is_tried_again(
    tmp_path: Path, shelf: Shelf, failures: list[int]
) -> None:
    tries = len(failures) + 1
    shelf.failures = [*failures]
    file = AttachedFile(1, "cat.png", shelf.url, len(PNG), KIND)
    async with reading(tmp_path, shelf.url) as (files, clock):
        assert await files.download(file, 1_000, asking(file, clock)) == PNG
        assert len(clock.slept) == tries - 1
    assert shelf.asked == tries


async def test_a_download_is_given_up_after_three_tries(tmp_path: Path, shelf: Shelf) -> None:
    shelf.failures = [500] * 10
    file = AttachedFile(1, "cat.png", shelf.url, len(PNG), KIND)
    async with reading(tmp_path, shelf.url) as (files, clock):
        with pytest.raises(UnreadableError, match="Discord did not hand it out"):
            await files.image(asking(file, clock), file)
    assert shelf.asked == 3


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:9/file",
        "http://localhost/file",
        "http://cdn.discordapp.com/file",
        "https://cdn.discordapp.com.example/file",
        "https://cdn.discordapp.com:8443/file",
        "https://cdn.discordapp.com@127.0.0.1/file",
        "file:///etc/passwd",
        "/file",
        "",
        "https://[",
    ],
)
async def test_a_file_at_none_of_discords_addresses_is_not_fetched(
    tmp_path: Path, shelf: Shelf, address: str
) -> None:
    file = AttachedFile(1, "a.txt", address, 10, "text/plain")
    async with reading(tmp_path, shelf.url) as (files, clock):
        with pytest.raises(UnreadableError, match="none of Discord's"):
            await files.download(file, 1_000, asking(file, clock))
        assert clock.slept == []


async def test_a_redirect_is_not_followed(tmp_path: Path, shelf: Shelf) -> None:
    file = AttachedFile(1, "a.txt", shelf.url + "?to=elsewhere", 10, "text/plain")
    async with reading(tmp_path, shelf.url) as (files, clock):
        with pytest.raises(UnreadableError, match="leads elsewhere"):
            await files.download(file, 1_000, asking(file, clock))
    assert shelf.asked == 1


@pytest.mark.parametrize(
    ("name", "data", "wanted"),
    [
        (
            "memo.txt",
            "会議は金曜日の午後三時です。".encode("cp932"),
            "会議は金曜日の午後三時です。",
        ),
        ("prix.csv", "thé;3 €".encode("cp1252"), "thé;3 €"),
        ("notes.txt", "größer".encode("utf-16"), "größer"),
        ("page.html", b"<p>as <b>written</b>", "<p>as <b>written</b>"),
        ("data.json", rb'{"a": "\u65e5"}', r'{"a": "\u65e5"}'),
        ("build.gradle", b"apply plugin", "apply plugin"),
    ],
)
async def test_a_text_file_is_read_as_it_was_written_in_any_encoding(
    tmp_path: Path, shelf: Shelf, name: str, data: bytes, wanted: str
) -> None:
    shelf.data = data
    file = AttachedFile(1, name, shelf.url, len(data))
    async with reading(tmp_path, shelf.url) as (files, clock):
        assert await files.text(asking(file, clock), file) == wanted


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.txt", bytes(range(256)) * 4, "unsupported"),
        ("noise", bytes(range(256)) * 4, "unsupported"),
        ("a.pdf", b"not a pdf", "broken"),
        ("a.docx", b"PK\x03\x04 cut off", "broken"),
        ("a.md", b" \n ", "no_text"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "locked"),
    ],
)
async def test_a_file_that_cannot_be_read_has_a_reason(
    tmp_path: Path, shelf: Shelf, name: str, data: bytes, reason: str
) -> None:
    shelf.data = data
    file = AttachedFile(1, name, shelf.url, len(data))
    async with reading(tmp_path, shelf.url) as (files, clock):
        with pytest.raises(UnreadableError) as caught:
            await files.text(asking(file, clock), file)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("name", "content_type", "size", "reason", "limit"),
    [
        ("book.pdf", "application/pdf", LARGEST_DOCUMENT + 1, "too_large", "21.0 MB"),
        ("notes.txt", "text/plain", LARGEST_DOCUMENT + 1, "too_large", "21.0 MB"),
        ("talk.mp3", "audio/mpeg", LARGEST_AUDIO + 1, "too_large", "25.0 MB"),
        ("backup", "", LARGEST_GUESS + 1, "unsupported", ""),
        ("clip.mp4", "video/mp4", 5, "unsupported", ""),
        ("all.zip", "application/zip", 5, "unsupported", ""),
    ],
)
async def test_a_file_that_is_too_large_or_never_text_is_not_downloaded(
    tmp_path: Path, shelf: Shelf, name: str, content_type: str, size: int, reason: str, limit: str
) -> None:
    file = AttachedFile(1, name, shelf.url, size, content_type)
    async with reading(tmp_path, shelf.url, Echo()) as (files, clock):
        with pytest.raises(UnreadableError) as caught:
            await files.text(asking(file, clock), file)
    assert (caught.value.reason, caught.value.limit) == (reason, limit)
    assert shelf.asked == 0


async def test_audio_is_handed_to_the_transcriber_where_there_is_one(
    tmp_path: Path, shelf: Shelf
) -> None:
    shelf.data = b"OggS hello"
    file = AttachedFile(1, "voice-message.ogg", shelf.url, 10, "audio/ogg")
    async with reading(tmp_path, shelf.url, Echo()) as (files, clock):
        assert await files.text(asking(file, clock), file) == "voice-message.ogg: OggS hello"
    async with reading(tmp_path, shelf.url) as (files, clock):
        with pytest.raises(UnreadableError) as caught:
            await files.text(asking(file, clock), file)
    assert caught.value.reason == "no_transcription"
    assert shelf.asked == 1
