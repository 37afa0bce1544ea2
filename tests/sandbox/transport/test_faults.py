"""Faults on demand: each has its effect on a bot, and ends."""

import asyncio
import io

import aiohttp
import discord
import pytest

from bot.sandbox import Permission, Sandbox
from tests.sandbox.client import Bot
from tests.sandbox.rest import Rest
from tests.sandbox.test_discord_py import bot_channel


async def test_an_error_befalls_the_next_request_only(sandbox: Sandbox, rest: Rest) -> None:
    path = f"/channels/{sandbox.guild.text_channel('general').id}/messages"
    fault = sandbox.faults.fail_next("POST", "/channels/{channel_id}/messages", status=503)
    assert (await rest.post(path, {"content": "a"})).status == 503
    assert (await rest.post(path, {"content": "b"})).status == 200
    assert fault.hits == 1
    general = sandbox.guild.text_channel("general")
    assert [message.content for message in general.messages] == ["b"]


async def test_a_request_can_fail_after_it_had_its_effect(sandbox: Sandbox, rest: Rest) -> None:
    general = sandbox.guild.text_channel("general")
    path = f"/channels/{general.id}/messages"
    sandbox.faults.fail_next("POST", "*/messages", status=502, after_effect=True)
    assert (await rest.post(path, {"content": "there"})).status == 502
    assert [message.content for message in general.messages] == ["there"]
    sandbox.faults.drop_next("POST", "*/messages", after_effect=True)
    with pytest.raises(aiohttp.ClientError):
        await rest.post(path, {"content": "also there"})
    assert [message.content for message in general.messages] == ["there", "also there"]
    sandbox.faults.drop_next("POST", "*/messages")
    with pytest.raises(aiohttp.ClientError):
        await rest.post(path, {"content": "nowhere"})
    assert len(general.messages) == 2
    assert [log.status for log in sandbox.requests] == [502, 0, 0]


async def test_discord_py_sits_out_a_storm_of_429s(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.faults.storm(times=3, retry_after=0.01)
    await bot_channel(bot, sandbox).send("through")
    general = sandbox.guild.text_channel("general")
    assert [message.content for message in general.messages] == ["through"]
    assert [log.status for log in sandbox.requests][-4:] == [429, 429, 429, 200]


async def test_lost_events_stay_lost_and_repeated_ones_come_twice(
    bot: Bot, sandbox: Sandbox
) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    sandbox.faults.lose_events("MESSAGE_CREATE")
    await ada.say(general, "lost")
    sandbox.faults.repeat_events("MESSAGE_CREATE")
    await ada.say(general, "twice")
    await bot.until(lambda: len(bot.heard) == 2)
    sandbox.troubles.drop_socket()
    await bot.until(lambda: bot.named("resumed"))
    await ada.say(general, "once")
    await bot.until(lambda: len(bot.heard) == 3)
    assert [message.content for message in bot.heard] == ["twice", "twice", "once"]


async def test_a_late_event_is_overtaken(bot: Bot, sandbox: Sandbox) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    sandbox.faults.delay_events(0.05, "MESSAGE_CREATE")
    await ada.say(general, "first")
    await ada.say(general, "second")
    await bot.until(lambda: len(bot.heard) == 2)
    assert [message.content for message in bot.heard] == ["second", "first"]


async def test_after_an_outage_the_bot_is_back_and_has_missed_nothing(
    bot: Bot, sandbox: Sandbox
) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    sandbox.troubles.outage(3600)
    await sandbox.until(lambda: sandbox.disconnected)
    with pytest.raises(discord.DiscordServerError):
        await bot_channel(bot, sandbox).send("anybody?")
    await ada.say(general, "during")
    sandbox.faults.out_until = 0
    await bot.until(lambda: bot.heard)
    assert [message.content for message in bot.heard] == ["during"]


async def test_what_a_moderator_can_do_to_a_bot(bot: Bot, sandbox: Sandbox) -> None:
    general = sandbox.guild.text_channel("general")
    reply = await bot_channel(bot, sandbox).send("thinking…")
    assert sandbox.troubles.delete_reply() is not None
    with pytest.raises(discord.NotFound) as gone:
        await reply.edit(content="answer")
    assert gone.value.code == 10008
    sandbox.troubles.forbid(general, Permission.SEND_MESSAGES)
    with pytest.raises(discord.Forbidden) as forbidden:
        await bot_channel(bot, sandbox).send("still here")
    assert forbidden.value.code == 50013
    sandbox.troubles.clear()
    await bot_channel(bot, sandbox).send("back")
    sandbox.troubles.remove_bot()
    await bot.until(lambda: bot.named("guild_remove"))
    with pytest.raises(discord.Forbidden) as outside:
        await bot.http.send_message(
            general.id, params=discord.http.handle_message_parameters(content="x")
        )
    assert outside.value.code == 50001


async def test_an_interaction_expires_at_once(bot: Bot, sandbox: Sandbox) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    await ada.command(general, "runs list")
    received: discord.Interaction = bot.named("interaction")[0][0]
    sandbox.troubles.expire_interaction()
    with pytest.raises(discord.HTTPException) as raised:
        await received.followup.send("late")
    assert raised.value.code == 50027


async def test_a_blocked_word_is_refused_in_new_and_in_edited_messages(
    bot: Bot, sandbox: Sandbox
) -> None:
    channel = bot_channel(bot, sandbox)
    fault = sandbox.faults.block_word("rude")
    sent = await channel.send("polite")
    with pytest.raises(discord.HTTPException) as raised:
        await channel.send("rather rude words")
    assert (raised.value.status, raised.value.code) == (400, 200000)
    with pytest.raises(discord.HTTPException):
        await sent.edit(content="rude after all")
    with pytest.raises(discord.HTTPException):
        await channel.send(embed=discord.Embed(title="a rude title"))
    assert fault.hits == 3
    sandbox.faults.remove(fault)
    await sent.edit(content="rude after all")


async def test_files_are_refused_and_the_text_alone_is_taken(bot: Bot, sandbox: Sandbox) -> None:
    channel = bot_channel(bot, sandbox)
    fault = sandbox.faults.refuse_files(times=2)

    def file() -> discord.File:
        return discord.File(io.BytesIO(b"x"), "x.txt")

    sent = await channel.send("text alone")
    with pytest.raises(discord.HTTPException) as raised:
        await channel.send("with a file", file=file())
    assert (raised.value.status, raised.value.code) == (413, 40005)
    with pytest.raises(discord.HTTPException):
        await sent.edit(attachments=[file()])
    assert fault.hits == 2
    await channel.send("with a file", file=file())
    general = sandbox.guild.text_channel("general")
    assert [message.content for message in general.messages] == ["text alone", "with a file"]


async def test_delayed_requests_are_answered_late(sandbox: Sandbox, rest: Rest) -> None:
    loop = asyncio.get_running_loop()
    sandbox.faults.delay_requests(0.05, times=1)
    started = loop.time()
    assert (await rest.get("/users/@me")).status == 200
    assert loop.time() - started >= 0.05


async def test_every_action_of_the_panel_does_something(sandbox: Sandbox, rest: Rest) -> None:
    from bot.sandbox.troubles import ACTIONS

    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    thread = await ada.start_thread(await ada.say(general, "x"), "x")
    for action in ACTIONS:
        sandbox.troubles.perform(action.name, action.default, thread)
    assert (await rest.get("/users/@me")).status == 200
    with pytest.raises(LookupError):
        sandbox.troubles.perform("nothing", 0, None)
    with pytest.raises(ValueError, match="thread"):
        sandbox.troubles.perform("lock_thread", 0, general)
