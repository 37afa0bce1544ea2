"""People use the page in a real browser."""

import asyncio
import re

import discord
import pytest

from bot.sandbox import Sandbox
from bot.sandbox.backend.state.kinds import MessageFlag
from tests.sandbox.browser.conftest import Page
from tests.sandbox.client import Bot, Confirm
from tests.sandbox.conftest import StartBot
from tests.sandbox.pictures import png
from tests.support.eventually import PATIENCE

playwright_api = pytest.importorskip(
    "playwright.async_api", reason="playwright is not installed: the page is not tried in a browser"
)


class Answering(Bot):
    """Answers a mention in a thread; `seen` releases the next, longer version of the reply."""

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


async def said(page: Page, text: str) -> None:
    await page.fill("#text", text)
    await page.press("#text", "Enter")


async def test_a_person_asks_uses_a_command_presses_a_button_and_drops_a_file(
    sandbox: Sandbox, pointed: None, page: Page, start_bot: StartBot
) -> None:
    sandbox.page.text = "**SmolLM2-135M** answers here. A better one is a key away."
    bot = Answering()
    task = asyncio.create_task(bot.start(sandbox.token))
    await sandbox.bot_ready(timeout=PATIENCE)
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
    # A button that was pressed can be pressed again, however fast the answer came.
    await expect(page.locator("button:has-text('Ask')")).to_be_enabled()
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

    # Two seconds of silence as a wave file: 8,000 bytes a second after the header.
    wave = b"RIFF\xa4>\0\0WAVEfmt \x10\0\0\0\1\0\1\0@\x1f\0\0@\x1f\0\0\1\0\x08\0data\x80>\0\0"
    recording = {"name": "memo.wav", "mimeType": "audio/wav", "buffer": wave + b"\x80" * 16_000}
    await page.set_input_files("#file", recording)
    await page.click("[aria-label='Send as a voice message']")
    await expect(page.locator(".voice")).to_contain_text("0:02")
    await expect(page.locator("#files li")).to_have_count(0)
    assert general.messages[-1].flags == MessageFlag.IS_VOICE_MESSAGE
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
    await ben.say(general, "look", attachments=[("dot.png", png(2, 1))])
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


# The contrast (WCAG) of each element's text with the first background behind it.
CONTRASTS = """(selector) => [...document.querySelectorAll(selector)]
    .filter((node) => node.checkVisibility() && node.textContent.trim() && !node.disabled)
    .map((node) => {
        const canvas = new OffscreenCanvas(1, 1).getContext("2d");
        const light = (colour) => {
            canvas.fillStyle = colour;
            canvas.fillRect(0, 0, 1, 1);
            const [red, green, blue] = [...canvas.getImageData(0, 0, 1, 1).data].map((value) =>
                value / 255 <= 0.04045 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4);
            return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        };
        const behind = (each) => {
            const colour = getComputedStyle(each).backgroundColor;
            const clear = colour === "rgba(0, 0, 0, 0)" && each.parentElement;
            return clear ? behind(each.parentElement) : colour;
        };
        const pair = [light(getComputedStyle(node).color), light(behind(node))];
        const contrast = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
        return [node.textContent.trim(), contrast];
    })"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_button_can_be_read(
    sandbox: Sandbox, pointed: None, page: Page, start_bot: StartBot, scheme: str
) -> None:
    bot = Answering()
    task = asyncio.create_task(bot.start(sandbox.token))
    await sandbox.bot_ready(timeout=PATIENCE)
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    await page.emulate_media(color_scheme=scheme)
    await page.goto(sandbox.url)
    await playwright_api.expect(page.locator("#title")).to_have_text("# general")
    await ada.say(general, "help me", mention_bot=True)
    await sandbox.until(lambda: general.threads)
    await page.fill("#text", "/runs l")
    await page.press("#text", "Enter")
    await page.press("#option-page", "Enter")
    await page.select_option(".row select", label="Blue")
    await playwright_api.expect(page.locator(".ephemeral")).to_contain_text("Dismiss")
    await page.locator(".message").first.hover()
    await page.locator("[aria-label='Reply']").first.click()
    found = await page.evaluate(CONTRASTS, "button, a, .note, .replied, .subtext, #reply *")
    await page.click("#channels .thread")
    found += await page.evaluate(CONTRASTS, "button, a, .notice")
    await page.click("#troubles-open")
    found += await page.evaluate(CONTRASTS, "dialog button, dialog span, dialog .note")
    assert {"Dismiss message", "Confirm", "Troubles", "Revoke the token"} <= {
        text for text, _ in found
    }
    assert [each for each in found if each[1] < 4.5] == []
    await bot.close()
    await task


async def test_pictures_keep_their_proportions(sandbox: Sandbox, page: Page) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    sizes = {
        (640, 360): (420, 236),
        (300, 900): (107, 320),
        (60, 40): (60, 40),
        (5000, 2): (420, 1),
    }
    await ada.say(general, "look", attachments=[(f"{w}.png", png(w, h)) for w, h in sizes])
    await page.goto(sandbox.url)
    pictures = page.locator("img.picture")
    await playwright_api.expect(pictures).to_have_count(len(sizes))
    drawn = await pictures.evaluate_all("all => all.map(each => [each.width, each.height])")
    for (width, height), (right_width, right_height) in zip(drawn, sizes.values(), strict=True):
        assert width == right_width
        assert abs(height - right_height) <= 1
    assert drawn[-1][1] >= 1
    await page.set_viewport_size({"width": 300, "height": 700})
    width, height = await pictures.first.evaluate("each => [each.width, each.height]")
    assert width < 300
    assert abs(width / height - 640 / 360) < 0.02


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "1. one\n   - inner\n     1. deep\n     2. deeper\n   - second\n2. two",
            "ol(li(one ul(li(inner ol(li(deep) li(deeper))) li(second))) li(two))",
        ),
        ("* a\n  * b\n    * c\n* d", "ul(li(a ul(li(b ul(li(c))))) li(d))"),
        ("- a\n- b\n1. c", "ul(li(a) li(b)) ol(li(c))"),
        ("- a\n  more of a\n- b", "ul(li(a more of a) li(b))"),
        ("x\n   - all\n   - indented\n- less", "x ul(li(all) li(indented) li(less))"),
        ("- a\n    - far\n  - nearer", "ul(li(a ul(li(far)) ul(li(nearer))))"),
        ("- a\n  1. b\n  - c", "ul(li(a ol(li(b)) ul(li(c))))"),
        ("7. seven\n8. eight", "ol(li(seven) li(eight))"),
    ],
)
async def test_lists_stand_inside_each_other_as_they_were_written(
    sandbox: Sandbox, page: Page, text: str, shown: str
) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    await ada.say(general, text)
    await page.goto(sandbox.url)
    outline = await page.locator(".content").evaluate(
        """function outline(node) {
            return [...node.childNodes].map((each) => each.nodeType === 3 ? each.data.trim()
                : ["DIV", "P"].includes(each.tagName) ? outline(each)
                : `${each.tagName.toLowerCase()}(${outline(each)})`)
                .filter(Boolean).join(" ").replace(/\\s+/g, " ");
        }"""
    )
    assert outline == shown


async def test_times_are_shown_as_discord_shows_them(sandbox: Sandbox, page: Page) -> None:
    expect = playwright_api.expect
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    await page.clock.install(time=1_800_000_000)
    await page.goto(sandbox.url)
    now = 1_800_000_000
    await ada.say(
        general,
        f"<t:{now - 65}:R>, <t:{now + 7200}:R>, <t:{now - 400 * 86400}:R>, <t:{now}:t>, <t:{now}>, "
        "<t:99999999999999:R>",
    )
    log = page.locator(".content")
    for words in ("1 minute ago", "in 2 hours", "last year", "<t:99999999999999:R>"):
        await expect(log).to_contain_text(words)
    times = log.locator("time")
    await expect(times.nth(3)).to_have_text(re.compile(r"^\d+:00\s[AP]M$"))
    await expect(times.nth(4)).to_have_text(re.compile(r"^January 15, 2027 at \d+:00\s[AP]M$"))
    await page.clock.run_for(60_000)
    await expect(log).to_contain_text("2 minutes ago")


async def test_a_link_to_a_message_of_this_discord_shows_it_here(
    sandbox: Sandbox, page: Page
) -> None:
    expect = playwright_api.expect
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    other = sandbox.guild.add_text_channel("other")
    message = await ada.say(other, "what is linked")
    for number in range(30):
        await ada.say(other, f"a later one, {number}")
    here = f"https://discord.com/channels/{sandbox.guild.id}/{other.id}/{message.id}"
    elsewhere = f"https://discord.com/channels/1{sandbox.guild.id}/2/3"
    await ada.say(general, f"see [it]({here}), {here} and {elsewhere}")
    await page.goto(sandbox.url)
    links = page.locator("#messages a")
    await expect(links.last).to_have_attribute("href", elsewhere)
    for number in range(2):
        await expect(page.locator("#title")).to_have_text("# general")
        await links.nth(number).click()
        await expect(page.locator("#title")).to_have_text("# other")
        await expect(page.locator(".sought")).to_be_in_viewport()
        await expect(page.locator(".sought")).to_contain_text("what is linked")
        await page.click("#channels >> text=general")
    await page.goto("about:blank")
    await page.goto(f"{sandbox.url}/#/channels/{sandbox.guild.id}/{other.id}/{message.id}")
    await expect(page.locator(".sought")).to_contain_text("what is linked")


async def test_an_edit_that_arrives_while_a_channel_loads_is_shown(
    sandbox: Sandbox, page: Page
) -> None:
    other, ben = sandbox.guild.add_text_channel("other"), sandbox.members[1]
    edited = await ben.say(other, "thinking…")
    deleted = await ben.say(other, "a mistake")
    await page.goto(sandbox.url)
    await playwright_api.expect(page.locator("#title")).to_have_text("# general")

    async def answer_late(route: Page) -> None:
        response = await route.fetch()
        await ben.edit(edited, "the answer")
        await ben.delete(deleted)
        await ben.say(other, "said meanwhile")
        # The page hears events in their order: it has heard of the edit once Ben is typing.
        await ben.type_in(other)
        await playwright_api.expect(page.locator("#typing")).to_have_text("Ben is typing…")
        await route.fulfill(response=response)

    await page.route(f"**/channels/{other.id}/messages?limit=100", answer_late)
    await page.click("#channels >> text=other")
    log = page.locator("#messages .message .content")
    await playwright_api.expect(log).to_have_text(["the answer (edited)", "said meanwhile"])
