"""The time to the demo page's first paint, and to the showcase's first answer.

``python -m tests.benchmarks.demo [ROUNDS]`` prints a row of a table for an idle machine and one
beside a process that keeps a core busy. Needs chromium.
"""

import asyncio
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct
from playwright.async_api import Page

from tests.support.browser import browser_page
from tests.support.program import program

_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
_SINCE = "performance.now()"


class Row(Struct, frozen=True):
    """Median milliseconds from opening the page, and from the press of a chip to each sight."""

    name: str
    paint: float
    thinking: float
    answer: float

    def __str__(self) -> str:
        """The result as a row of a table."""
        return f"| {self.name} | {self.paint:.0f} | {self.thinking:.0f} | {self.answer:.0f} |"


@contextmanager
def busy_core() -> Iterator[None]:
    """Keep one core busy with a process of normal priority."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


async def measure(name: str, rounds: int = 5) -> Row:
    """Open the page and ask the first prepared question so many times."""
    found: list[tuple[float, float, float]] = []
    async with program("demo") as ran:
        url = (await ran.until_line("The sandbox Discord is at ")).split()[5]
        for _ in range(rounds):
            async with browser_page(bypass_csp=True) as page:
                found.append(await _visit(page, url))
    paint, thinking, answer = (statistics.median(each) for each in zip(*found, strict=True))
    return Row(name, paint, thinking, answer)


async def _visit(page: Page, url: str) -> tuple[float, float, float]:
    await page.goto(url)
    await page.wait_for_function(_PAINT)
    paint = float(await page.evaluate(_PAINT))
    chip = page.locator("#chips button").first
    await chip.wait_for()
    before = await page.locator(".card .words").count()
    press = f"(document.querySelector('#chips button').click(), {_SINCE})"
    begun = float(await page.evaluate(press))
    card = f"document.querySelectorAll('.card .words')[{before}]?.textContent ?? ''"
    await page.wait_for_function(f"/thinking|Sunlight/.test({card})", polling="raf")
    thinking = float(await page.evaluate(_SINCE)) - begun
    await page.wait_for_function(f"/Sunlight/.test({card})", polling="raf")
    return paint, thinking, float(await page.evaluate(_SINCE)) - begun


async def _main(rounds: int) -> None:
    print(await measure("idle", rounds))
    with busy_core():
        print(await measure("beside a busy core", rounds))


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
