"""Applications that people install for themselves, and context menus, through discord.py."""

from typing import Any

import discord
import pytest
from discord import app_commands

from bot.sandbox import NotPossible, Permission, Sandbox
from tests.sandbox.client import Bot
from tests.sandbox.conftest import running
from tests.support.eventually import PATIENCE


class EverywhereBot(Bot):
    """Has a command and a message menu for guilds and for people, and keeps interactions."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[discord.Interaction] = []
        installs = app_commands.AppInstallationType(guild=True, user=True)
        contexts = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True)

        async def ask(interaction: discord.Interaction, file: discord.Attachment) -> None:
            self.asked.append(interaction)
            await interaction.response.send_message((await file.read()).decode())

        async def explain(interaction: discord.Interaction, message: discord.Message) -> None:
            self.asked.append(interaction)
            view = discord.ui.View(timeout=None)
            view.add_item(discord.ui.Button(label="More", custom_id="more"))
            await interaction.response.send_message(f"> {message.content}", view=view)

        options: dict[str, Any] = {
            "allowed_installs": installs,
            "allowed_contexts": contexts,
        }
        self.tree.add_command(
            app_commands.Command(name="ask", description="Asks", callback=ask, **options)
        )
        self.tree.add_command(app_commands.ContextMenu(name="Explain", callback=explain, **options))

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        if interaction.type is discord.InteractionType.component:
            self.asked.append(interaction)
            await interaction.response.defer()


@pytest.fixture
async def everywhere(sandbox: Sandbox, pointed: None) -> Any:
    bot = EverywhereBot()
    async with running(bot, sandbox.token):
        await sandbox.bot_ready(timeout=PATIENCE)
        yield bot


async def test_a_person_uses_an_installed_app_where_its_bot_is_not(
    everywhere: EverywhereBot, sandbox: Sandbox
) -> None:
    ada, ben = sandbox.members
    away = sandbox.add_guild("Elsewhere", with_bot=False)
    room = away.text_channel("general")
    said = await ben.say(room, "E = mc²")
    with pytest.raises(NotPossible, match="not installed"):
        await ada.menu(room, "Explain", said)
    ada.install_app()
    interaction = await ada.menu(room, "Explain", said)
    await sandbox.until(lambda: interaction.responses)
    received = everywhere.asked[0]
    assert received.is_user_integration()
    assert not received.is_guild_integration()
    assert received.context.guild
    assert received.guild_id == away.id
    assert interaction.responses[0].content == "> E = mc²"
    assert not interaction.ephemeral
    # The bot hears nothing of a guild that it is not in.
    assert everywhere.get_guild(away.id) is None
    assert everywhere.heard == []
    params = discord.http.MultipartParameters({"content": "x"}, None, None)
    with pytest.raises(discord.Forbidden):
        await everywhere.http.send_message(room.id, params=params)
    clicked = await ada.click(interaction.responses[0], "More")
    assert clicked.acknowledged
    assert everywhere.asked[1].is_user_integration()
    ada.uninstall_app()
    with pytest.raises(NotPossible, match="not installed"):
        await ada.menu(room, "Explain", said)


async def test_five_follow_ups_are_all_that_an_app_from_elsewhere_has(
    everywhere: EverywhereBot, sandbox: Sandbox
) -> None:
    ada = sandbox.members[0]
    ada.install_app()
    away = sandbox.add_guild("Elsewhere", with_bot=False).text_channel("general")
    await ada.command(away, "ask", file=("a.txt", b"hello"))
    received = everywhere.asked[0]
    for number in range(5):
        await received.followup.send(str(number))
    with pytest.raises(discord.HTTPException) as raised:
        await received.followup.send("six")
    assert raised.value.code == 40094
    general = sandbox.guild.text_channel("general")
    await ada.command(general, "ask", file=("a.txt", b"hello"))
    at_home = everywhere.asked[1]
    assert at_home.is_guild_integration()
    assert at_home.is_user_integration()
    for number in range(6):
        await at_home.followup.send(str(number))


async def test_without_use_external_apps_answers_are_for_the_person_alone(
    everywhere: EverywhereBot, sandbox: Sandbox
) -> None:
    ada = sandbox.members[0]
    ada.install_app()
    place = sandbox.add_guild("Elsewhere", with_bot=False)
    away = place.text_channel("general")
    away.deny(place.state.everyone, Permission.USE_EXTERNAL_APPS)
    interaction = await ada.command(away, "ask", file=("a.txt", b"secret"))
    await sandbox.until(lambda: interaction.responses)
    assert interaction.ephemeral
    assert away.messages == []
    await everywhere.asked[0].followup.send("more")
    assert interaction.responses[1].ephemeral
    general = sandbox.guild.text_channel("general")
    general.deny(sandbox.guild.state.everyone, Permission.USE_EXTERNAL_APPS)
    at_home = await ada.command(general, "ask", file=("a.txt", b"open"))
    await sandbox.until(lambda: at_home.responses)
    assert not at_home.ephemeral


async def test_an_installed_app_is_used_in_dms_and_groups_of_people(
    everywhere: EverywhereBot, sandbox: Sandbox
) -> None:
    ada, ben = sandbox.members
    ada.install_app()
    private = await ada.open_dm(ben)
    said = await ben.say(private, "have you seen this?")
    interaction = await ada.menu(private, "Explain", said)
    await sandbox.until(lambda: interaction.responses)
    assert everywhere.asked[0].context.private_channel
    assert private.messages[-1].content == "> have you seen this?"
    group = await ada.open_group(ben, sandbox.admin, name="Trip")
    await ada.command(group, "ask", file=("a.txt", b"where to?"))
    assert everywhere.asked[1].context.private_channel
    assert isinstance(everywhere.asked[1].channel, discord.GroupChannel | discord.DMChannel)
    with pytest.raises(NotPossible):
        await ada.command(private, "runs list")
    own = await ada.open_dm()
    await ada.command(own, "ask", file=("a.txt", b"me"))
    assert everywhere.asked[2].context.dm_channel
    await everywhere.until(lambda: everywhere.heard)
    assert [message.content for message in everywhere.heard] == ["me"]


async def test_a_guild_that_the_bot_joins_is_told_to_it(bot: Bot, sandbox: Sandbox) -> None:
    place = sandbox.add_guild("Second")
    await bot.until(lambda: bot.get_guild(place.id) and bot.get_guild(place.id).text_channels)  # type: ignore[union-attr] # looked at twice
    channel = bot.get_channel(place.text_channel("general").id)
    assert isinstance(channel, discord.TextChannel)
    await channel.send("hello, second")
    assert place.text_channel("general").messages[-1].content == "hello, second"
