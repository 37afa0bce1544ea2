"""The demo with a configured model in a real browser; skipped aloud where there is none."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.app.programs import written_config
from tests.support.browser import CHROMIUM, browser_page
from tests.support.model_endpoint import ScriptedModel
from tests.support.program import Program, program

ANSWER = (
    "Three tips that help most people:\n"
    "1. **Keep the hours**: go to bed and get up at the same time, also on weekends.\n"
    "2. **Dim the evening**: no bright screens in the last hour.\n"
    "3. **Write it down**: what worries you can wait on paper until morning.\n"
    "```python\nbedtime = wake_up - timedelta(hours=8)\n```"
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium to try the demo in")


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[tuple[Program, str, ScriptedModel]]:
    async with ScriptedModel() as model:
        config = written_config(tmp_path, model)
        async with program("demo", "--config", config) as ran:
            line = await ran.until_line("The sandbox Discord is at ")
            yield ran, line.split()[5], model


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with browser_page() as opened:
        yield opened


async def test_a_person_asks_watches_the_answer_grow_cancels_and_lists_runs(
    demo: tuple[Program, str, ScriptedModel], page: Page
) -> None:
    _, url, model = demo
    gate = model.gate()
    model.say(ANSWER, gate=gate)
    await page.goto(url)
    await expect(page.locator("#welcome")).to_contain_text("scripted-model")
    await expect(page.locator("#welcome")).to_contain_text("OPENAI_API_KEY")
    await page.type("#text", "@Assistant give me three tips for better sleep")
    await page.press("#text", "Enter")
    # Another channel thread is there from the start.
    await page.locator("#channels .thread", has_text="three tips").click()
    log = page.locator("#messages")
    await expect(log).to_contain_text("thinking…")
    await expect(log.locator("button:has-text('Cancel')")).to_have_count(1)
    for words, seen in ((20, "Keep the hours"), (24, "Dim the evening")):
        gate.let(words)
        await expect(log).to_contain_text(seen)
    gate.open()
    await expect(log.locator("pre")).to_contain_text("timedelta")
    await expect(log).to_contain_text("tokens")
    await expect(log.locator("button:has-text('Cancel')")).to_have_count(0)

    model.stall("An endless story about ")
    await page.fill("#text", "Tell me a story")
    await page.press("#text", "Enter")
    await expect(log).to_contain_text("An endless story")
    await page.click("button:has-text('Cancel')")
    await expect(log).to_contain_text("Cancelled by Ada")
    assert (await model.until_request(2)).messages[-1]["content"] == "Tell me a story"

    await page.fill("#text", "/runs l")
    await page.press("#text", "Enter")
    await page.press("#text", "Enter")
    await expect(log).to_contain_text("Only you can see this")
    await expect(log).to_contain_text("#2")
    await expect(log).to_contain_text("answered ·")
