"""The page shows what messages carry besides text, and lets people forward, vote and post."""

import asyncio
import io

import discord
import pytest
from discord import ui

from bot.sandbox import Sandbox
from tests.sandbox.browser.conftest import Page
from tests.sandbox.client import Bot
from tests.sandbox.interactions.test_modals import Boxes, Survey
from tests.sandbox.messages.test_components_v2 import channel_of, report
from tests.sandbox.pictures import png

playwright_api = pytest.importorskip(
    "playwright.async_api", reason="playwright is not installed: the page is not tried in a browser"
)


async def test_a_v2_message_shows_its_layout_its_gallery_and_the_alt_text(
    sandbox: Sandbox, page: Page, bot: Bot
) -> None:
    expect = playwright_api.expect
    view, files = report()
    gallery: ui.MediaGallery[ui.LayoutView] = ui.MediaGallery()
    for name in ("red", "green", "blue"):
        gallery.add_item(media=f"attachment://{name}.png", description=f"All {name}")
    gallery.add_item(media="attachment://secret.png", description="Hidden", spoiler=True)
    colours = {"red": (200, 40, 40), "green": (40, 160, 70), "blue": (40, 70, 200)}
    files += [
        discord.File(io.BytesIO(png(300, 200, colour)), f"{name}.png")
        for name, colour in colours.items()
    ]
    files.append(discord.File(io.BytesIO(png(300, 200, (0, 0, 0))), "secret.png"))
    view.add_item(gallery)
    await channel_of(bot, sandbox).send(view=view, files=files)
    await page.goto(sandbox.url)
    message = page.locator(".message")
    await expect(message.locator("h3")).to_have_text("Sales")
    await expect(message.get_by_alt_text("The curve of the sales")).to_be_visible()
    await expect(message.get_by_alt_text("A curve that falls")).to_be_visible()
    await expect(message.locator(".gallery[data-count='4'] img")).to_have_count(3)
    await expect(message.locator(".alt").first).to_have_text("ALT")
    await expect(message.locator(".file a")).to_have_text("data.csv")
    await expect(message.locator(".container hr.large")).to_have_count(1)
    await message.get_by_text("Spoiler: show").click()
    await expect(message.get_by_alt_text("Hidden")).to_be_visible()
    await expect(message.get_by_alt_text("All red")).to_have_js_property("naturalWidth", 300)


async def test_forwards_replies_stickers_voice_and_previews_are_shown(
    sandbox: Sandbox, page: Page, bot: Bot
) -> None:
    expect = playwright_api.expect
    ada, ben = sandbox.members
    general = sandbox.guild.text_channel("general")
    other = sandbox.guild.add_text_channel("other")
    await page.goto(sandbox.url)
    await expect(page.locator("#title")).to_have_text("# general")
    original = await ben.say(other, "read **this**", attachments=[("a.txt", b"a")])
    await ben.forward(original, general)
    await expect(page.locator(".forward strong")).to_have_text("this")
    await expect(page.locator(".forward .file a")).to_have_text("a.txt")
    wave = sandbox.guild.add_sticker("wave", png(80, 80, (240, 180, 40)))
    await ada.say(general, stickers=[wave])
    await expect(page.get_by_alt_text("Sticker: wave")).to_have_js_property("naturalWidth", 80)
    await ada.say_voice(general, b"OggS", seconds=63)
    await expect(page.locator(".voice")).to_contain_text("Voice message, 1:03")
    url = "https://example.org/rain"
    sandbox.link_previews.add(url, title="Rain", description="from noon on", provider="Example")
    said = await ben.say(general, f"see {url}")
    await expect(page.locator(".embed strong")).to_have_text("Rain")
    reply = await ada.say(general, "is it?", reply_to=said)
    await expect(page.locator(".replied")).to_contain_text("Ben: see https://example.org/rain")
    await page.locator(".replied").click()
    await expect(page.locator(".message.sought")).to_contain_text("from noon on")
    await sandbox.admin.delete(said)
    await ada.edit(reply, "is it really?")
    await expect(page.locator(".replied")).to_have_text("Original message was deleted")

    await page.locator(".message", has_text="is it really?").hover()
    await page.locator(".message", has_text="is it really?").get_by_label("Forward").click()
    await page.locator("#modal").get_by_text("# other").click()
    await sandbox.until(lambda: other.messages[-1].snapshots)
    assert other.messages[-1].snapshots[0].content == "is it really?"


async def test_people_vote_on_a_poll_and_see_its_result(
    sandbox: Sandbox, page: Page, bot: Bot
) -> None:
    expect = playwright_api.expect
    ben, general = sandbox.members[1], sandbox.guild.text_channel("general")
    asked = await ben.ask_poll(general, "Lunch?", ["🍕 Pizza", "Soup"], hours=1)
    await page.goto(sandbox.url)
    poll = page.locator(".poll")
    await expect(poll.locator("legend")).to_have_text("Lunch?")
    await poll.get_by_label("🍕 Pizza").check()
    await poll.get_by_text("Vote", exact=True).click()
    await expect(poll).to_contain_text("1 · 100 %")
    await ben.vote(asked, "Soup")
    await expect(poll).to_contain_text("2 votes")
    await sandbox.members[0].vote(asked, "Soup")
    sandbox.advance(3600)
    await expect(page.locator(".notice")).to_have_text(
        "The poll “Lunch?” has closed: Soup won with 2 of 2 votes."
    )
    await expect(poll).to_contain_text("final")


async def test_people_write_posts_in_a_forum(sandbox: Sandbox, page: Page, bot: Bot) -> None:
    expect = playwright_api.expect
    forum = sandbox.guild.add_forum("help", tags=["maths"], topic="Ask here")
    await sandbox.members[1].create_post(forum, "Sums", "What is 1 + 1?", tags=["maths"])
    await page.goto(sandbox.url)
    await page.click("#channels >> text=🗂 help")
    log = page.locator("#messages")
    await expect(log).to_contain_text("Ask here")
    await expect(log.locator(".tag")).to_have_text("maths")
    await page.fill("#text", "Products\nWhat is 2 · 2?")
    await page.press("#text", "Enter")
    await expect(page.locator("#title")).to_have_text("🧵 Products")
    await expect(log).to_contain_text("What is 2 · 2?")
    await bot.until(lambda: bot.heard and bot.heard[-1].content == "What is 2 · 2?")
    assert bot.heard[-1].id == bot.heard[-1].channel.id


async def test_a_modal_takes_files_choices_and_boxes(
    sandbox: Sandbox, page: Page, bot: Bot
) -> None:
    expect = playwright_api.expect
    survey, boxes = Survey(), Boxes()
    waiting = [survey, boxes]

    @bot.event
    async def on_interaction(interaction: discord.Interaction) -> None:
        if interaction.type is discord.InteractionType.application_command:
            await interaction.response.send_modal(waiting.pop(0))

    await page.goto(sandbox.url)
    await page.fill("#text", "/sleep")
    await page.press("#text", "Enter")
    await page.click("#options >> text=Send")
    modal = page.locator("#modal")
    await expect(modal.locator("h2")).to_have_text("Survey")
    await modal.get_by_label("Words").fill("fine")
    await modal.get_by_label("Colours").select_option(["red", "blue"])
    await modal.get_by_label("Person").select_option(label="@Ben")
    files = [{"name": "log.txt", "mimeType": "text/plain", "buffer": b"all well"}]
    await modal.get_by_label("Files").set_input_files(files)
    await modal.get_by_label("yes").check()
    await modal.get_by_text("Submit").click()
    await expect(page.locator("#messages")).to_contain_text("thanks")
    uploaded = survey.files.component.values  # type: ignore[attr-defined] # a label's child is any item
    assert await uploaded[0].read() == b"all well"
    assert survey.person.component.values[0].name == "ben"  # type: ignore[attr-defined] # as above

    await page.fill("#text", "/sleep")
    await page.press("#text", "Enter")
    await page.click("#options >> text=Send")
    await expect(modal.locator("h2")).to_have_text("Boxes")
    await expect(modal.locator("em")).to_have_text("some")
    await modal.get_by_label("a", exact=True).check()
    await modal.get_by_label("Agree").check()
    await modal.get_by_text("Submit").click()
    await expect(page.locator("#messages")).to_contain_text("noted")
    assert boxes.group.component.values == ["a"]  # type: ignore[attr-defined] # as above


async def test_a_message_menu_is_used_from_the_page(sandbox: Sandbox, page: Page, bot: Bot) -> None:
    expect = playwright_api.expect
    await sandbox.members[1].say(sandbox.guild.text_channel("general"), "to be quoted")
    await page.goto(sandbox.url)
    await page.locator(".message").hover()
    await page.locator(".message").get_by_label("Apps").click()
    await page.locator("#modal").get_by_text("Quote").click()
    await expect(page.locator("blockquote")).to_have_text("to be quoted")
    await expect(page.locator(".replied")).to_have_text("Ada used /Quote")


async def test_enter_waits_for_the_commands_that_the_page_offers(
    sandbox: Sandbox, page: Page, bot: Bot
) -> None:
    expect = playwright_api.expect
    entered = asyncio.Event()

    async def answer_late(route: Page) -> None:
        await entered.wait()
        await route.continue_()

    await page.goto(sandbox.url)
    await page.route("**/page/act/commands", answer_late)
    await page.fill("#text", "/sleep")
    await page.press("#text", "Enter")
    entered.set()
    await expect(page.locator("#options strong")).to_have_text("/sleep")
    await expect(page.locator(".message")).to_have_count(0)
