"""Messages of Components V2, from discord.py's layout views to Discord's limits."""

import io
from typing import Any

import aiohttp
import discord
import pytest
from discord import ui

from bot.sandbox import Sandbox
from tests.sandbox.client import Bot
from tests.sandbox.pictures import png
from tests.sandbox.rest import Rest

V2 = 1 << 15


def channel_of(bot: Bot, sandbox: Sandbox) -> discord.TextChannel:
    channel = bot.get_channel(sandbox.guild.text_channel("general").id)
    assert isinstance(channel, discord.TextChannel)
    return channel


def report() -> tuple[ui.LayoutView, list[discord.File]]:
    """Return a layout with one component of each kind, and its files."""
    files = [
        discord.File(io.BytesIO(png(8, 4)), "curve.png", description="A curve that falls"),
        discord.File(io.BytesIO(b"a,b\n1,2"), "data.csv"),
    ]
    view = ui.LayoutView(timeout=None)
    gallery: ui.MediaGallery[Any] = ui.MediaGallery()
    gallery.add_item(media="attachment://curve.png", description="The curve of the sales")
    row: ui.ActionRow[Any] = ui.ActionRow(ui.Button(label="Again", custom_id="again"))
    view.add_item(ui.TextDisplay("# Sales\nThey fall."))
    view.add_item(
        ui.Container(
            ui.Section(
                ui.TextDisplay("A section"), accessory=ui.Thumbnail("attachment://curve.png")
            ),
            gallery,
            ui.Separator(spacing=discord.SeparatorSpacing.large),
            ui.File("attachment://data.csv"),
            accent_colour=0x3366FF,
        )
    )
    view.add_item(row)
    return view, files


async def test_every_kind_of_component_comes_back_as_discord_sends_it(
    bot: Bot, sandbox: Sandbox
) -> None:
    view, files = report()
    sent = await channel_of(bot, sandbox).send(view=view, files=files)
    assert sent.flags.components_v2
    assert sent.content == ""
    # A file that a component shows is not listed among the attachments.
    assert sent.attachments == []
    text, container, row = sent.components
    assert isinstance(text, discord.TextDisplay)
    assert text.content == "# Sales\nThey fall."
    assert isinstance(container, discord.Container)
    section, gallery, separator, file = container.children
    assert isinstance(section, discord.SectionComponent)
    assert isinstance(section.accessory, discord.ThumbnailComponent)
    assert section.accessory.description == "A curve that falls"
    assert isinstance(gallery, discord.MediaGalleryComponent)
    assert gallery.items[0].description == "The curve of the sales"
    assert (gallery.items[0].media.width, gallery.items[0].media.height) == (8, 4)
    assert isinstance(separator, discord.SeparatorComponent)
    assert isinstance(file, discord.FileComponent)
    assert (file.name, file.size) == ("data.csv", 7)
    assert isinstance(row, discord.ActionRow)
    async with sandbox_session() as session, session.get(file.media.url) as got:
        assert await got.read() == b"a,b\n1,2"
    clicked = await sandbox.members[0].click(
        sandbox.guild.text_channel("general").messages[-1], "Again", wait=False
    )
    await bot.until(lambda: bot.named("interaction"))
    assert clicked.data["custom_id"] == "again"


def sandbox_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession()


async def test_an_edit_makes_a_plain_message_v2_and_none_takes_it_back(
    bot: Bot, sandbox: Sandbox
) -> None:
    plain = await channel_of(bot, sandbox).send("thinking…")
    view, files = report()
    with pytest.raises(discord.HTTPException, match="'content' field cannot be used"):
        await plain.edit(view=view, attachments=files)
    view, files = report()
    edited = await plain.edit(content=None, view=view, attachments=files)
    assert edited.flags.components_v2
    assert edited.attachments == []
    with pytest.raises(discord.HTTPException, match="'content' field cannot be used"):
        await edited.edit(content="plain again")
    kept = await edited.edit(suppress=True)
    assert kept.flags.components_v2
    with pytest.raises(discord.HTTPException) as raised:
        await edited.edit(view=None)
    assert raised.value.code in (50006, 50035)


async def test_a_v2_message_keeps_its_files_when_its_components_change(
    bot: Bot, sandbox: Sandbox
) -> None:
    view, files = report()
    sent = await channel_of(bot, sandbox).send(view=view, files=files)
    view, _ = report()
    view.add_item(ui.TextDisplay("one more line"))
    edited = await sent.edit(view=view)
    container = edited.components[1]
    assert isinstance(container, discord.Container)
    gallery = container.children[1]
    assert isinstance(gallery, discord.MediaGalleryComponent)
    async with sandbox_session() as session, session.get(gallery.items[0].media.url) as got:
        assert await got.read() == png(8, 4)


def picture_of(components: list[Any]) -> str:
    """Return the address of the first picture in the report's gallery."""
    container = components[1]
    assert isinstance(container, discord.Container)
    gallery = container.children[1]
    assert isinstance(gallery, discord.MediaGalleryComponent)
    return gallery.items[0].media.url


async def test_links_in_components_are_fresh_whenever_the_message_is_fetched(
    bot: Bot, sandbox: Sandbox
) -> None:
    view, files = report()
    channel = channel_of(bot, sandbox)
    sent = await channel.send(view=view, files=files)
    sandbox.advance(25 * 3600)
    fetched = await channel.fetch_message(sent.id)
    async with sandbox_session() as session:
        async with session.get(picture_of(sent.components)) as got:
            assert got.status == 404
        async with session.get(picture_of(fetched.components)) as got:
            assert await got.read() == png(8, 4)


async def test_a_forward_of_a_v2_message_keeps_its_pictures(bot: Bot, sandbox: Sandbox) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    view, files = report()
    sent = await channel_of(bot, sandbox).send(view=view, files=files)
    await ada.forward(general.messages[-1], general)
    await sent.delete()
    await bot.until(lambda: bot.heard and bot.heard[-1].message_snapshots)
    snapshot = bot.heard[-1].message_snapshots[0]
    assert snapshot.flags.components_v2
    assert snapshot.attachments == []
    address = picture_of(snapshot.components)
    async with sandbox_session() as session, session.get(address) as got:
        assert await got.read() == png(8, 4)


async def test_limits_of_a_v2_message_are_held(sandbox: Sandbox, rest: Rest) -> None:
    path = f"/channels/{sandbox.guild.text_channel('general').id}/messages"

    async def post(**body: Any) -> tuple[int, Any]:
        answer = await rest.post(path, {"flags": V2, **body})
        return answer.status, answer.body.get("errors", answer.body.get("code"))

    def text(length: int) -> dict[str, Any]:
        return {"type": 10, "content": "x" * length}

    assert (await post(components=[text(1)] * 40))[0] == 200
    assert (await post(components=[text(1)] * 41))[0] == 400
    nested = {"type": 17, "components": [text(1)] * 39}
    assert (await post(components=[nested]))[0] == 200
    assert (await post(components=[nested, text(1)]))[0] == 400
    assert (await post(components=[text(2000), text(2000)]))[0] == 200
    assert (await post(components=[text(2000), text(2001)]))[0] == 400
    assert (await post(components=[])) == (400, 50006)
    for field, value in {
        "content": "x",
        "embeds": [{"title": "t"}],
        "poll": {"question": {"text": "q"}, "answers": [{"poll_media": {"text": "a"}}]},
    }.items():
        status, problems = await post(components=[text(1)], **{field: value})
        assert status == 400
        assert field in problems
    status, problems = await post(components=[{"type": 13, "file": {"url": "https://a.b/c.txt"}}])
    assert "components" in problems
    missing = {"type": 12, "items": [{"media": {"url": "attachment://none.png"}}]}
    status, problems = await post(components=[missing])
    code = problems["components"]["_errors"][0]["code"]
    assert code == "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND"
    status, problems = await post(components=[{"type": 17, "components": [nested]}])
    assert "UNION_TYPE_CHOICES" in str(problems)
    answer = await rest.post(path, {"components": [text(1)]})
    assert answer.body["errors"]["components"]["0"]["_errors"][0]["code"] == "UNION_TYPE_CHOICES"


async def test_a_file_that_no_component_shows_is_refused(bot: Bot, sandbox: Sandbox) -> None:
    view = ui.LayoutView()
    view.add_item(ui.TextDisplay("no file here"))
    with pytest.raises(discord.HTTPException, match="shown by no component"):
        await channel_of(bot, sandbox).send(view=view, file=discord.File(io.BytesIO(b"x"), "x.txt"))


async def test_a_deferred_answer_becomes_a_v2_message(bot: Bot, sandbox: Sandbox) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    interaction = await ada.command(general, "sleep", wait=False)
    await bot.until(lambda: bot.named("interaction"))
    received: discord.Interaction = bot.named("interaction")[0][0]
    await received.response.defer(thinking=True)
    view, files = report()
    answered = await received.edit_original_response(view=view, attachments=files)
    assert answered.flags.components_v2
    assert interaction.done
    view, files = report()
    further = await received.followup.send(view=view, files=files, wait=True)
    assert further.flags.components_v2
