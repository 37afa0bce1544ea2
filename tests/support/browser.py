"""A real browser on the sandbox's page, and the pictures that the README shows."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Page, async_playwright, expect

from tests.support.animation import animate

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
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
            Path(PICTURES, name).write_bytes(animate(self._frames))


def picture(shot: bytes, name: str) -> None:
    """Write one picture of a page."""
    if PICTURES:
        Path(PICTURES, name).write_bytes(shot)
