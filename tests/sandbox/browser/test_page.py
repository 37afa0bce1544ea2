"""People use the page in a real browser; skipped aloud where there is none."""

import asyncio
import shutil
import struct
from collections.abc import AsyncIterator
from typing import Any
from zlib import compress, crc32

import discord
import pytest

from bot.sandbox import Sandbox
from tests.sandbox.client import Bot, Confirm
from tests.sandbox.conftest import StartBot

playwright_api = pytest.importorskip(
    "playwright.async_api", reason="playwright is not installed: the page is not tried in a browser"
)
Page = Any  # its types are not there where it is not installed
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium to try the page in")


@pytest.fixture
async def page(sandbox: Sandbox) -> AsyncIterator[Page]:
    """The page, open in a browser; a mistake in its script fails the test."""
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


class Answering(Bot):
    """Answers a mention in a thread, growing each time the person has `seen` what is there."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = asyncio.Semaphore(0)

    async def on_message(self, message: discord.Message) -> None:
        if message.author == self.user or self.user not in message.mentions:
            return
        thread = await message.create_thread(name="Sleeping well")
        reply = await thread.send("thinking…", view=Confirm())
        await self.seen.acquire()
        await reply.edit(content="Here are **three tips**")
        await self.seen.acquire()
        await reply.edit(
            content="Here are **three tips**:\n1. Keep the room dark\n2. No screens\n"
            "3. `sleep(8)`\n```python\nfor night in week:  # every one\n"
            '    print("good night")\n```'
            "\n-# a small model wrote this",
            view=Confirm(),
        )


def picture() -> bytes:
    """A PNG of two by one pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data))

    header = struct.pack(">IIBBBBB", 2, 1, 8, 2, 0, 0, 0)
    pixels = compress(b"\0\xff\0\0\0\0\xff")
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


async def said(page: Page, text: str) -> None:
    await page.fill("#text", text)
    await page.press("#text", "Enter")


async def test_a_person_asks_uses_a_command_presses_a_button_and_drops_a_file(
    sandbox: Sandbox, pointed: None, page: Page, start_bot: StartBot
) -> None:
    sandbox.welcome = "**SmolLM2-135M** answers here. A better one is a key away."
    bot = Answering()
    task = asyncio.create_task(bot.start(sandbox.token))
    await sandbox.bot_ready()
    expect = playwright_api.expect
    await page.goto(sandbox.url)
    await expect(page.locator("#welcome")).to_contain_text("SmolLM2-135M")
    await expect(page.locator("#title")).to_have_text("# general")

    await page.type("#text", "@Assistant give me three tips for better sleep")
    await page.press("#text", "Enter")
    await expect(page.locator(".message .mention")).to_have_text("@Assistant")
    await page.click("#channels .thread")
    log = page.locator("#messages")
    await expect(log).to_contain_text("thinking…")
    bot.seen.release()
    await expect(log.locator("strong").last).to_have_text("three tips")
    bot.seen.release()
    await expect(log.locator("strong").last).to_have_text("three tips")
    await expect(log.locator("pre .kw").first).to_have_text("for")
    await expect(log.locator(".edited")).to_have_count(1)

    await page.click("#channels >> text=general")
    await page.fill("#text", "/runs l")
    await expect(page.locator("#picker li")).to_have_count(1)
    await page.press("#text", "Enter")
    await page.fill("#option-page", "3")
    await page.press("#option-page", "Enter")
    await expect(log).to_contain_text("page 3")
    await page.select_option(".row select", label="Blue")
    await expect(page.locator(".ephemeral")).to_contain_text("Only you can see this")
    await expect(log).to_contain_text("you chose blue")
    await page.click("button:has-text('Ask')")
    await page.fill("#modal textarea", "it works")
    await page.click("#modal >> text=Submit")
    await expect(log).to_contain_text("noted: it works")
    await page.click("button:has-text('Confirm')")
    await expect(log).to_contain_text("confirmed")

    await page.fill("#text", "/runs c")
    await page.press("#text", "Enter")
    await page.type("#option-run", "ab")
    await expect(page.locator("datalist option")).to_have_count(2)
    await page.press("#option-run", "Enter")
    await expect(log).to_contain_text("cancelled ab")

    dropped = await page.evaluate_handle(
        """() => { const data = new DataTransfer();
            data.items.add(new File(["a,b\\n1,2"], "table.csv", { type: "text/csv" }));
            return data; }"""
    )
    await page.dispatch_event("#text", "drop", {"dataTransfer": dropped})
    await expect(page.locator("#files li")).to_contain_text("table.csv")
    await said(page, "a file for you")
    await expect(page.locator(".file a")).to_have_text("table.csv")
    general = sandbox.guild.text_channel("general")
    assert general.messages[-1].attachments[0].data == b"a,b\n1,2"
    await bot.close()
    await task


async def test_an_admin_sees_and_does_more_and_troubles_can_be_made(
    sandbox: Sandbox, page: Page, bot: Bot
) -> None:
    expect = playwright_api.expect
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    await ada.say(general, "to be deleted by an admin ||a secret|| <script>alert(1)</script>")
    await page.goto(sandbox.url)
    await page.select_option("#who", label="Ben")
    message = page.locator(".message")
    await expect(message).to_contain_text("<script>")
    await message.hover()
    await expect(message.locator("[aria-label='Delete']")).to_have_count(0)
    await message.locator("[aria-label='React with 🎉']").click()
    await expect(page.locator(".reactions button")).to_have_text("🎉 1")
    await page.click(".spoiler")
    await expect(page.locator(".spoiler.shown")).to_have_count(1)
    await page.select_option("#who", label="Mira (admin)")
    await message.hover()
    await message.locator("[aria-label='Delete']").click()
    await expect(message).to_have_count(0)
    await page.click("#troubles-open")
    await page.click("#troubles >> text=Cut the gateway")
    await expect(page.locator("#troubles")).to_contain_text("Done: Cut the gateway")
    await bot.until(lambda: bot.named("resumed"))
    await expect(page.locator("#status")).to_have_text("")
    await bot.close()
    await expect(page.locator("#status")).to_have_text("Assistant is offline")


async def test_the_page_works_on_a_phone_by_keyboard_and_in_the_dark(
    sandbox: Sandbox, page: Page, bot: Bot
) -> None:
    expect = playwright_api.expect
    other = sandbox.guild.add_text_channel("other")
    await page.emulate_media(color_scheme="dark")
    await page.set_viewport_size({"width": 375, "height": 700})
    await page.goto(sandbox.url)
    await expect(page.locator("#title")).to_have_text("# general")
    await expect(page.locator("#side")).not_to_be_in_viewport()
    await page.click("#menu")
    await expect(page.locator("#side")).to_be_in_viewport()
    await page.click("#channels >> text=other")
    await expect(page.locator("#title")).to_have_text("# other")
    await said(page, "from a phone")
    await expect(page.locator("#messages")).to_contain_text("from a phone")
    assert other.messages[-1].content == "from a phone"
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 375
    await page.keyboard.press("Alt+ArrowUp")
    await expect(page.locator("#title")).to_have_text("# general")
    back = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert back == "rgb(35, 37, 43)"


async def test_edits_typing_replies_and_dms_arrive_live(
    sandbox: Sandbox, page: Page, bot: Bot
) -> None:
    expect = playwright_api.expect
    ben, general = sandbox.members[1], sandbox.guild.text_channel("general")
    await page.goto(sandbox.url)
    await expect(page.locator("#title")).to_have_text("# general")
    await ben.type_in(general)
    await expect(page.locator("#typing")).to_have_text("Ben is typing…")
    message = await ben.say(general, "first wrods")
    await expect(page.locator("#typing")).to_have_text("")
    await ben.edit(message, "first words")
    await expect(page.locator("#messages")).to_contain_text("first words")
    await page.locator(".message").hover()
    await page.locator("[aria-label='Reply']").click()
    await said(page, "an answer")
    await expect(page.locator(".replied")).to_have_text("Ben: first words")
    await ben.say(general, "look", attachments=[("dot.png", picture())])
    shown = page.locator("img.picture")
    await expect(shown).to_have_js_property("complete", True)
    await expect(shown).to_have_js_property("naturalWidth", 2)
    await page.click("#channels >> text=@ Assistant")
    await expect(page.locator("#title")).to_have_text("@ Assistant")
    await said(page, "just between us")
    await bot.until(lambda: bot.heard and bot.heard[-1].content == "just between us")
    assert bot.heard[-1].guild is None
    await bot.heard[-1].channel.send("agreed")
    await expect(page.locator("#messages")).to_contain_text("agreed")
