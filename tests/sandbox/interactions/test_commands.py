"""Commands, buttons, menus and modals, as discord.py answers them and people use them."""

import discord
import pytest

from bot.sandbox import NotPossible, Sandbox
from tests.sandbox.client import Bot, Confirm
from tests.sandbox.test_discord_py import bot_channel


async def test_a_slash_command_is_answered(bot: Bot, sandbox: Sandbox) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    interaction = await ada.command(general, "runs list", page=2)
    await sandbox.until(lambda: interaction.responses)
    assert interaction.done
    assert not interaction.deferred
    answer = interaction.responses[0]
    assert answer.content == "page 2"
    assert answer in general.messages
    assert answer.legacy_interaction is not None


async def test_a_deferred_answer_is_thinking_until_it_comes(bot: Bot, sandbox: Sandbox) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    interaction = await ada.command(general, "runs cancel", run="abbey")
    assert interaction.deferred
    await sandbox.until(lambda: interaction.done)
    assert [answer.content for answer in interaction.responses] == ["cancelled abbey"]
    assert interaction.ephemeral
    assert general.messages == []


async def test_autocomplete_offers_what_fits(bot: Bot, sandbox: Sandbox) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    choices = await ada.autocomplete(general, "runs cancel", focused="run", value="ab")
    assert [choice["value"] for choice in choices] == ["abacus", "abbey"]


async def test_a_command_that_never_answers_fails_after_three_seconds(
    bot: Bot, sandbox: Sandbox
) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    interaction = await ada.command(general, "sleep", wait=False)
    await bot.until(lambda: bot.named("interaction"))
    sandbox.advance(3)
    assert interaction.failed
    received: discord.Interaction = bot.named("interaction")[0][0]
    with pytest.raises(discord.NotFound) as raised:
        await received.response.send_message("too late")
    assert raised.value.code == 10062


async def test_an_interaction_is_answered_once_and_its_token_lasts_fifteen_minutes(
    bot: Bot, sandbox: Sandbox
) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    await ada.command(general, "runs list")
    received: discord.Interaction = bot.named("interaction")[0][0]
    received.response._response_type = None  # noqa: SLF001 - discord.py answers once; the sandbox must too
    with pytest.raises(discord.HTTPException) as raised:
        await received.response.send_message("again")
    assert (raised.value.status, raised.value.code) == (400, 40060)
    await received.followup.send("more")
    assert general.messages[-1].content == "more"
    sandbox.advance(900)
    with pytest.raises(discord.HTTPException) as raised:
        await received.followup.send("much later")
    assert (raised.value.status, raised.value.code) == (401, 50027)


async def test_buttons_menus_and_modals_work(bot: Bot, sandbox: Sandbox) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    await bot_channel(bot, sandbox).send("choose", view=Confirm())
    message = general.messages[-1]
    with pytest.raises(NotPossible, match="disabled"):
        await ada.click(message, "Never")
    with pytest.raises(NotPossible, match="no button"):
        await ada.click(message, "Absent")
    chosen = await ada.select(message, "Blue")
    await sandbox.until(lambda: chosen.responses)
    assert chosen.responses[0].content == "you chose blue"
    assert chosen.responses[0].ephemeral
    asked = await ada.click(message, "Ask")
    assert asked.modal is not None
    assert asked.modal["title"] == "Feedback"
    with pytest.raises(NotPossible, match="required"):
        await ada.submit_modal(asked, {})
    submitted = await ada.submit_modal(asked, {"What happened?": "all well"})
    await sandbox.until(lambda: submitted.responses)
    assert submitted.responses[0].content == "noted: all well"
    await ada.click(message, custom_id="confirm")
    await sandbox.until(lambda: message.content == "confirmed")
    assert message.components == []


async def test_options_resolve_to_members(bot: Bot, sandbox: Sandbox) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    interaction = await ada.command(general, "who", member=sandbox.admin)
    await sandbox.until(lambda: interaction.responses)
    assert interaction.responses[0].content == "Mira True"


async def test_a_context_menu_acts_on_a_message(bot: Bot, sandbox: Sandbox) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    said = await ada.say(general, "to be quoted")
    interaction = await ada.menu(general, "Quote", said)
    await sandbox.until(lambda: interaction.responses)
    assert interaction.responses[0].content == "> to be quoted"
