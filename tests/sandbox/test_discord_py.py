"""An unpatched discord.py client works in the sandbox as in Discord."""

import asyncio
import io

import discord
import pytest

from bot.sandbox import DiscordError, Permission, Sandbox
from tests.sandbox.client import Bot
from tests.sandbox.conftest import StartBot, running
from tests.support.eventually import PATIENCE


def bot_channel(bot: Bot, sandbox: Sandbox, name: str = "general") -> discord.TextChannel:
    channel = bot.get_channel(sandbox.guild.text_channel(name).id)
    assert isinstance(channel, discord.TextChannel)
    return channel


async def test_a_bot_sees_the_guild_its_channels_and_its_members(
    bot: Bot, sandbox: Sandbox
) -> None:
    guild = bot.guilds[0]
    assert guild.name == "Sandbox"
    assert {member.name for member in guild.members} == {"mira", "ada", "ben", "Assistant"}
    assert [channel.name for channel in guild.text_channels] == ["general"]
    assert guild.me.guild_permissions.manage_messages
    assert not guild.me.guild_permissions.administrator
    assert guild.owner_id == sandbox.admin.id


async def test_a_message_reaches_the_bot_and_its_reply_reaches_the_channel(
    bot: Bot, sandbox: Sandbox
) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    asked = await ada.say(general, "hello?", mention_bot=True)
    await bot.until(lambda: bot.heard)
    heard = bot.heard[0]
    assert heard.id == asked.id
    assert heard.content == f"{sandbox.bot_user.mention} hello?"
    assert bot.user in heard.mentions
    reply = await heard.reply("thinking…", mention_author=False)
    await reply.edit(content="hello!")
    shown = general.messages[-1]
    assert shown.contents == ["thinking…", "hello!"]
    assert shown.referenced is asked
    assert shown.pings == set()
    await bot.until(lambda: bot.edited)
    assert bot.edited[0].data["content"] == "hello!"


async def test_a_reply_pings_whom_it_answers_unless_told_not_to(bot: Bot, sandbox: Sandbox) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    await ada.say(general, "one")
    await bot.until(lambda: bot.heard)
    await bot.heard[0].reply("loud")
    assert general.messages[-1].pings == {ada.id}


async def test_mentions_in_a_bots_message_ping_only_whom_it_allows(
    bot: Bot, sandbox: Sandbox
) -> None:
    ada, ben = sandbox.members
    general = sandbox.guild.text_channel("general")
    text = f"{ada.mention} {ben.mention} @everyone"
    channel = bot_channel(bot, sandbox)
    await channel.send(text, allowed_mentions=discord.AllowedMentions.none())
    assert general.messages[-1].pings == set()
    one = discord.AllowedMentions(users=[discord.Object(ada.id)], everyone=False)
    await channel.send(text, allowed_mentions=one)
    assert general.messages[-1].pings == {ada.id}
    await channel.send(text)
    assert general.messages[-1].pings == {ada.id, ben.id}
    sandbox.guild.allow_bot(Permission.MENTION_EVERYONE)
    await channel.send("@everyone")
    assert general.messages[-1].pings == {sandbox.admin.id, ada.id, ben.id}


async def test_without_the_content_intent_only_what_concerns_the_bot_has_content(
    start_bot: StartBot, sandbox: Sandbox
) -> None:
    sandbox.privileged_intents.remove("message_content")
    intents = discord.Intents.all()
    intents.message_content = False
    bot = await start_bot(intents=intents)
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    file = ("a.txt", b"inside")
    await ada.say(general, "secret", attachments=[file])
    await ada.say(general, "open", mention_bot=True, attachments=[file])
    await ada.say(await ada.open_dm(), "private")
    answer = await bot_channel(bot, sandbox).send("Mine.")
    said = sandbox.guild.text_channel("general").by_id[answer.id]
    await ada.say(general, "quiet", reply_to=said, ping_author=False)
    await ada.say(general, "loud", reply_to=said)
    await bot.until(lambda: len(bot.heard) == 6)
    mention = sandbox.bot_user.mention
    heard = [(message.content, len(message.attachments)) for message in bot.heard]
    mine = ("Mine.", 0)
    expected = [("", 0), (f"{mention} open", 1), ("private", 0), mine, ("", 0), ("loud", 0)]
    assert heard == expected
    history = [message.content async for message in bot_channel(bot, sandbox).history()]
    assert history == ["loud", "", "Mine.", f"{mention} open", ""]


async def test_a_privileged_intent_that_was_not_granted_closes_the_gateway(
    sandbox: Sandbox, pointed: None
) -> None:
    sandbox.privileged_intents.remove("message_content")
    async with Bot() as bot:
        with pytest.raises(discord.PrivilegedIntentsRequired):
            await bot.start(sandbox.token)


async def test_a_wrong_token_is_refused(sandbox: Sandbox, pointed: None) -> None:
    async with Bot() as bot:
        with pytest.raises(discord.LoginFailure):
            await bot.start("nonsense")


async def test_a_revoked_token_ends_the_connection_for_good(
    sandbox: Sandbox, pointed: None
) -> None:
    bot = Bot()
    task = asyncio.create_task(bot.start(sandbox.token))
    await sandbox.bot_ready(timeout=PATIENCE)
    sandbox.troubles.revoke_token()
    with pytest.raises(discord.ConnectionClosed) as raised:
        await task
    assert raised.value.code == 4004
    await bot.close()


async def test_a_thread_is_started_on_a_message_once(bot: Bot, sandbox: Sandbox) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    asked = await ada.say(general, "a question")
    await bot.until(lambda: bot.heard)
    thread = await bot.heard[0].create_thread(name="a question", auto_archive_duration=60)
    assert thread.id == asked.id
    assert asked.thread is sandbox.guild.threads[0]
    await thread.send("in the thread")
    assert sandbox.guild.threads[0].messages[-1].content == "in the thread"
    with pytest.raises(discord.HTTPException) as raised:
        await bot.heard[0].create_thread(name="again")
    assert (raised.value.status, raised.value.code) == (400, 160004)
    await ada.say(sandbox.guild.threads[0], "further")
    await bot.until(lambda: bot.heard[-1].content == "further")
    assert isinstance(bot.heard[-1].channel, discord.Thread)
    assert bot.heard[-1].channel.parent_id == general.id


async def test_a_dm_is_a_conversation_too(bot: Bot, sandbox: Sandbox) -> None:
    ada = sandbox.members[0]
    dm = await ada.open_dm()
    await ada.say(dm, "psst")
    await bot.until(lambda: bot.heard)
    assert bot.heard[0].guild is None
    await bot.heard[0].channel.send("yes?")
    assert [message.content for message in dm.messages] == ["psst", "yes?"]
    user = await bot.fetch_user(sandbox.members[1].id)
    await user.send("out of the blue")
    assert (await sandbox.members[1].open_dm()).messages[-1].content == "out of the blue"


async def test_a_person_who_takes_no_dms_gets_none(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.members[0].user.takes_dms = False
    user = await bot.fetch_user(sandbox.members[0].id)
    with pytest.raises(discord.Forbidden) as raised:
        await user.send("hello")
    assert raised.value.code == 50007


async def test_the_history_is_read_in_every_direction(bot: Bot, sandbox: Sandbox) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    said = [await ada.say(general, str(number)) for number in range(120)]
    channel = bot_channel(bot, sandbox)

    async def read(**options: object) -> list[int]:
        return [int(m.content) async for m in channel.history(**options)]  # type: ignore[arg-type] # the options vary

    assert await read(limit=None) == list(range(119, -1, -1))
    assert await read(limit=2, before=discord.Object(said[5].id)) == [4, 3]
    assert await read(limit=2, after=discord.Object(said[5].id)) == [6, 7]
    assert await read(limit=5, around=discord.Object(said[50].id)) == [52, 51, 50, 49, 48]
    assert await read(limit=None, after=discord.Object(said[5].id)) == list(range(6, 120))


async def test_a_nonce_makes_a_repeated_post_the_same_message(bot: Bot, sandbox: Sandbox) -> None:
    channel = bot_channel(bot, sandbox)
    first = await channel.send("once", nonce="7.1.0")
    again = await channel.send("once", nonce="7.1.0")
    assert again.id == first.id
    assert len(sandbox.guild.text_channel("general").messages) == 1
    sandbox.advance(600)
    assert (await channel.send("once", nonce="7.1.0")).id != first.id


async def test_limits_are_told_in_discords_words(bot: Bot, sandbox: Sandbox) -> None:
    channel = bot_channel(bot, sandbox)
    await channel.send("é" * 2000)
    with pytest.raises(discord.HTTPException, match="Must be 2000 or fewer in length") as raised:
        await channel.send("x" * 2001)
    assert (raised.value.status, raised.value.code) == (400, 50035)
    with pytest.raises(discord.HTTPException) as raised:
        await channel.send("  \n ")
    assert raised.value.code == 50006
    long = discord.Embed(description="x" * 4000)
    with pytest.raises(discord.HTTPException, match="Embed size exceeds maximum size of 6000"):
        await channel.send(embeds=[long, long])
    with pytest.raises(discord.HTTPException, match="Must be between 1 and 100 in length"):
        await channel.create_thread(name="n" * 101, type=discord.ChannelType.public_thread)


async def test_permissions_are_checked(bot: Bot, sandbox: Sandbox) -> None:
    channel = bot_channel(bot, sandbox)
    general = sandbox.guild.text_channel("general")
    ada = sandbox.members[0]
    said = await ada.say(general, "mine")
    sandbox.guild.forbid_bot(Permission.MANAGE_MESSAGES)
    await bot.until(lambda: not bot.guilds[0].me.guild_permissions.manage_messages)
    with pytest.raises(discord.Forbidden) as raised:
        await channel.get_partial_message(said.id).delete()
    assert raised.value.code == 50013
    general.deny(sandbox.guild.state.everyone, Permission.SEND_MESSAGES)
    with pytest.raises(discord.Forbidden) as raised:
        await channel.send("may I?")
    assert raised.value.code == 50013
    general.deny(sandbox.guild.state.everyone, Permission.VIEW_CHANNEL)
    with pytest.raises(discord.Forbidden) as raised:
        await channel.send("may I?")
    assert raised.value.code == 50001
    with pytest.raises(DiscordError, match="50001"):
        await ada.say(general, "may I?")
    await sandbox.admin.say(general, "I may")


async def test_a_dropped_socket_resumes_and_misses_nothing(bot: Bot, sandbox: Sandbox) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    await ada.say(general, "before")
    await bot.until(lambda: len(bot.heard) == 1)
    assert sandbox.troubles.drop_socket() == 1
    await sandbox.until(lambda: sandbox.disconnected)
    await ada.say(general, "meanwhile")
    await bot.until(lambda: bot.named("resumed"))
    await bot.until(lambda: len(bot.heard) == 2)
    await ada.say(general, "after")
    await bot.until(lambda: len(bot.heard) == 3)
    assert [message.content for message in bot.heard] == ["before", "meanwhile", "after"]
    assert len(bot.named("ready")) == 1


async def test_a_session_lost_for_too_long_begins_anew(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.troubles.drop_socket()
    await sandbox.until(lambda: sandbox.disconnected)
    sandbox.advance(3600)
    await bot.until(lambda: len(bot.named("ready")) == 2)
    assert bot.named("resumed") == []


async def test_a_reconnect_request_is_followed_by_a_resume(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.gateway.ask_to_reconnect()
    await bot.until(lambda: bot.named("resumed"))


async def test_files_go_up_and_come_down_until_their_link_expires(
    bot: Bot, sandbox: Sandbox
) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    file = discord.File(io.BytesIO(b"a,b\n1,2\n"), "table one.csv", description="numbers")
    sent = await bot_channel(bot, sandbox).send("here", file=file)
    assert sent.attachments[0].filename == "table_one.csv"
    assert sent.attachments[0].description == "numbers"
    assert await sent.attachments[0].read() == b"a,b\n1,2\n"
    png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (3).to_bytes(4, "big") + (2).to_bytes(4, "big")
    await ada.say(general, attachments=[("dot.png", png)])
    await bot.until(lambda: len(bot.heard) == 2)
    picture = bot.heard[1].attachments[0]
    assert (picture.width, picture.height) == (3, 2)
    assert picture.content_type == "image/png"
    assert await picture.read() == png
    sandbox.advance(25 * 3600)
    with pytest.raises(discord.NotFound):
        await picture.read()


async def test_a_file_too_large_for_the_guild_is_refused(bot: Bot, sandbox: Sandbox) -> None:
    big = bytes(10 * 1024 * 1024 + 1)
    with pytest.raises(discord.HTTPException) as raised:
        await bot_channel(bot, sandbox).send(file=discord.File(io.BytesIO(big), "big.bin"))
    assert (raised.value.status, raised.value.code) == (413, 40005)
    sandbox.guild.state.premium_tier = 2
    await bot_channel(bot, sandbox).send(file=discord.File(io.BytesIO(big), "big.bin"))


async def test_reactions_and_typing_are_seen(bot: Bot, sandbox: Sandbox) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    said = await ada.say(general, "nice")
    await bot.until(lambda: bot.heard)
    await bot.heard[0].add_reaction("👍")
    assert said.reactions[0].emoji_name == "👍"
    await ada.react(said, "👍")
    await bot.until(lambda: len(bot.named("raw_reaction_add")) == 2)
    await bot.heard[0].remove_reaction("👍", bot.user)  # type: ignore[arg-type] # there is a user, it is logged in
    assert list(said.reactions[0].users) == [ada.id]
    await ada.type_in(general)
    await bot.until(lambda: bot.named("typing"))
    async with bot_channel(bot, sandbox).typing():
        assert sandbox.bot_user.id in general.typing


async def test_two_bots_may_come_and_go(sandbox: Sandbox, pointed: None) -> None:
    for _ in range(2):
        bot = Bot()
        async with running(bot, sandbox.token):
            await sandbox.bot_ready(timeout=PATIENCE)
        await sandbox.until(lambda: sandbox.disconnected)
