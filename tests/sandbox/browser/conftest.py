"""A browser with the sandbox's page; its tests are skipped, with a reason, where there is none."""

import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.sandbox import Sandbox

Page = Any  # playwright may not be installed, so its types are not named
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
async def page(sandbox: Sandbox) -> AsyncIterator[Page]:
    """The page, open in a browser; a mistake in its script fails the test."""
    playwright_api = pytest.importorskip(
        "playwright.async_api",
        reason="playwright is not installed: the page is not tried in a browser",
    )
    if CHROMIUM is None:
        pytest.skip("there is no chromium to try the page in")
    # A busy machine stalls for seconds.
    playwright_api.expect.set_options(timeout=30_000)
    async with playwright_api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        context = await browser.new_context(viewport={"width": 1100, "height": 720})
        opened = await context.new_page()
        mistakes: list[str] = []
        opened.on("pageerror", lambda error: mistakes.append(str(error)))
        asked: list[str] = []
        opened.on("request", lambda request: asked.append(request.url))
        yield opened
        await browser.close()
        assert mistakes == []
        outside = [url for url in asked if sandbox.url not in url and not url.startswith("ws://")]
        assert outside == []
