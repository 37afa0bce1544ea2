"""A real browser on the sandbox's page, and the pictures that the README shows."""

import os
import shutil
import struct
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Page, async_playwright, expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PATIENCE = 30_000
"""Milliseconds that a test waits for a sight: a busy machine stalls for seconds."""
PICTURES = os.environ.get("DEMO_PICTURES")
"""The directory that gets the README's pictures; none are taken without it."""


@asynccontextmanager
async def browser_page(
    *,
    width: int = 1000,
    height: int = 640,
    locale: str = "en-US",
    bypass_csp: bool = False,
) -> AsyncIterator[Page]:
    """Open an empty page; a mistake in a script of a page fails the block.

    ``bypass_csp`` lets playwright wait for expressions on pages that allow no evaluation.
    """
    expect.set_options(timeout=PATIENCE)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = await browser.new_page(
            viewport={"width": width, "height": height}, locale=locale, bypass_csp=bypass_csp
        )
        mistakes: list[str] = []
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        yield page
        await browser.close()
        assert mistakes == []


class Film:
    """Pictures of the page, one after the other."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._frames: list[tuple[bytes, float]] = []

    async def take(self, seconds: float) -> None:
        """Add what the page shows now, to be shown for so many seconds."""
        if PICTURES:
            self._frames.append((await self._page.screenshot(), seconds))

    def save(self, name: str) -> None:
        """Write the animation of all pictures."""
        if PICTURES:
            Path(PICTURES, name).write_bytes(_animation(self._frames))


def picture(shot: bytes, name: str) -> None:
    """Write one picture of a page."""
    if PICTURES:
        Path(PICTURES, name).write_bytes(shot)


def _animation(frames: list[tuple[bytes, float]]) -> bytes:
    """Join PNG frames of one size, each with its seconds, into an animated PNG without end."""
    first = list(_chunks(frames[0][0]))
    header = next(data for kind, data in first if kind == b"IHDR")
    out = [_SIGNATURE, _chunk(b"IHDR", header), _chunk(b"acTL", struct.pack(">II", len(frames), 0))]
    width, height = struct.unpack(">II", header[:8])
    number = 0
    for index, (frame, seconds) in enumerate(frames):
        delay = round(seconds * 1000)
        control = struct.pack(">IIIIIHHBB", number, width, height, 0, 0, delay, 1000, 0, 0)
        out.append(_chunk(b"fcTL", control))
        number += 1
        for kind, data in _chunks(frame):
            if kind == b"IHDR":
                assert data == header, "frames differ in size or kind"
            if kind != b"IDAT":
                continue
            if index == 0:
                out.append(_chunk(b"IDAT", data))
            else:
                out.append(_chunk(b"fdAT", struct.pack(">I", number) + data))
                number += 1
    out.append(_chunk(b"IEND", b""))
    return b"".join(out)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += 12 + length


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
