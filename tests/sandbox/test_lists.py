"""Lists and administration through discord.py: pins, threads, members, roles, channels."""

import asyncio

import discord

from bot.sandbox import Permission, Sandbox
from tests.sandbox.client import Bot
from tests.sandbox.test_discord_py import bot_channel


async def test_pins_are_listed_newest_first(bot: Bot, sandbox: Sandbox) -> None:
    channel = bot_channel(bot, sandbox)
    sent = [await channel.send(str(number)) for number in range(3)]
    for message in (sent[2], sent[0]):
        await message.pin()
    found = [message async for message in channel.pins()]
    assert [message.content for message in found] == ["0", "2"]
    await sent[0].unpin()
    assert [message.content async for message in channel.pins()] == ["2"]


async def test_archived_threads_and_their_members_are_listed(bot: Bot, sandbox: Sandbox) -> None:
    channel = bot_channel(bot, sandbox)
    kind = discord.ChannelType.public_thread
    threads = [await channel.create_thread(name=f"t{n}", type=kind) for n in range(3)]
    for thread in threads[:2]:
        await thread.edit(archived=True)
        sandbox.advance(1)
    found = [thread.name async for thread in channel.archived_threads(limit=None)]
    assert found == ["t1", "t0"]
    await threads[2].add_user(discord.Object(sandbox.members[0].id))
    members = {member.id for member in await threads[2].fetch_members()}
    assert members == {sandbox.bot_user.id, sandbox.members[0].id}
    await threads[2].remove_user(discord.Object(sandbox.members[0].id))
    active = await bot.guilds[0].active_threads()
    assert [thread.name for thread in active] == ["t2"]


async def test_who_reacted_is_listed_in_pages(bot: Bot, sandbox: Sandbox) -> None:
    general = sandbox.guild.text_channel("general")
    said = await sandbox.admin.say(general, "vote")
    for person in sandbox.people:
        await person.react(said, "✅")
    message = await bot_channel(bot, sandbox).fetch_message(said.id)
    users = [user.id async for user in message.reactions[0].users(limit=None)]
    assert sorted(users) == [person.id for person in sandbox.people]
    await message.clear_reaction("✅")
    assert said.reactions == []


async def test_members_and_guilds_are_fetched(bot: Bot, sandbox: Sandbox) -> None:
    for number in range(5):
        sandbox.add_member(f"guest{number}")
    guild = bot.guilds[0]
    assert len([member async for member in guild.fetch_members(limit=None)]) == 9
    assert (await guild.fetch_member(sandbox.admin.id)).name == "mira"
    assert [one.name async for one in bot.fetch_guilds()] == ["Sandbox"]
    found = await guild.query_members("guest", limit=3)
    assert len(found) == 3


async def test_channels_are_made_changed_and_deleted(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.guild.allow_bot(Permission.MANAGE_CHANNELS, Permission.MANAGE_ROLES)
    guild = bot.guilds[0]
    category = await guild.create_category("Rooms")
    made = await guild.create_text_channel("New Room", category=category, topic="of interest")
    assert sandbox.guild.text_channel("new-room").parent is sandbox.world.channels[category.id]
    await made.edit(topic="else", slowmode_delay=5)
    assert sandbox.guild.text_channel("new-room").slowmode == 5
    everyone = guild.default_role
    await made.set_permissions(guild.me, view_channel=True)
    await made.set_permissions(everyone, view_channel=False)
    assert not sandbox.world.sees(sandbox.world.channels[made.id], sandbox.members[0].user)
    await made.set_permissions(everyone, overwrite=None)
    assert sandbox.world.sees(sandbox.world.channels[made.id], sandbox.members[0].user)
    await made.delete()
    await bot.until(lambda: bot.named("guild_channel_delete"))


async def test_roles_and_nicknames_change_and_are_heard_of(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.guild.allow_bot(Permission.MANAGE_ROLES)
    guilds, state = sandbox.backend.guilds, sandbox.guild.state
    helper = guilds.add_role(state, "Helper", Permission(0))
    helper.position = 1
    sandbox.guild.bot_role.position = 9
    await bot.until(lambda: bot.guilds[0].get_role(helper.id))
    role = bot.guilds[0].get_role(helper.id)
    member = await bot.guilds[0].fetch_member(sandbox.members[0].id)
    assert role is not None
    await member.add_roles(role)
    await bot.until(lambda: bot.named("member_update"))
    assert helper.id in state.members[member.id].roles
    await bot.guilds[0].me.edit(nick="Helper bot")
    assert state.members[sandbox.bot_user.id].nick == "Helper bot"


async def test_commands_of_a_guild_stand_before_global_ones(bot: Bot, sandbox: Sandbox) -> None:
    guild = bot.guilds[0]
    fetched = await bot.tree.fetch_commands()
    assert {command.name for command in fetched} == {"runs", "sleep", "who", "Quote"}
    bot.tree.copy_global_to(guild=guild)
    await bot.tree.sync(guild=guild)
    visible = sandbox.backend.commands.visible(guild.id)
    assert len(visible) == 4
    assert {command.guild_id for command in visible} == {guild.id}
    await fetched[0].delete()
    assert len(await bot.tree.fetch_commands()) == 3


async def test_many_messages_are_deleted_at_once(bot: Bot, sandbox: Sandbox) -> None:
    channel = bot_channel(bot, sandbox)
    await asyncio.gather(*(channel.send(str(number)) for number in range(4)))
    await channel.purge(limit=3)
    await bot.until(lambda: bot.named("raw_bulk_message_delete"))
    assert len(sandbox.guild.text_channel("general").messages) == 1
