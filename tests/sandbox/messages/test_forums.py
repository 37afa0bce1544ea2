"""Forums and media channels, as discord.py and people use them."""

import io

import discord
import pytest

from bot.sandbox import DiscordError, NotPossible, Permission, Sandbox
from tests.sandbox.client import Bot
from tests.sandbox.rest import Rest


async def forum_of(bot: Bot, place_id: int) -> discord.ForumChannel:
    """Return the forum from the bot's cache, once the bot has it."""
    await bot.until(lambda: bot.get_channel(place_id))
    found = bot.get_channel(place_id)
    assert isinstance(found, discord.ForumChannel)
    return found


async def test_a_person_posts_and_the_first_message_has_the_posts_id(
    bot: Bot, sandbox: Sandbox
) -> None:
    ada = sandbox.members[0]
    place = sandbox.guild.add_forum("help", tags=["maths", "code"], topic="Ask here")
    await forum_of(bot, place.id)
    post = await ada.create_post(
        place, "Why is 0.1 + 0.2 odd?", "It prints 0.30000000000000004", tags=["code"]
    )
    await bot.until(lambda: bot.heard)
    message = bot.heard[0]
    assert message.id == post.id == message.channel.id
    assert message.type is discord.MessageType.default
    assert message.position == 0
    thread = message.channel
    assert isinstance(thread, discord.Thread)
    assert isinstance(thread.parent, discord.ForumChannel)
    assert thread.parent.topic == "Ask here"
    assert [tag.name for tag in thread.applied_tags] == ["code"]
    assert (await thread.fetch_message(thread.id)).content == message.content
    await thread.send("Floats are binary.")
    assert thread.parent.get_thread(thread.id) is thread
    fetched = await bot.fetch_channel(thread.id)
    assert isinstance(fetched, discord.Thread)
    assert fetched.message_count == 1


async def test_a_bot_posts_with_a_file_and_changes_the_tags(bot: Bot, sandbox: Sandbox) -> None:
    place = sandbox.guild.add_forum("help", tags=["open", "solved"])
    forum = await forum_of(bot, place.id)
    file = discord.File(io.BytesIO(b"x = 1"), "x.py", description="The whole program")
    made = await forum.create_thread(
        name="A program", content="here", file=file, applied_tags=[forum.available_tags[0]]
    )
    assert made.message.id == made.thread.id
    assert made.message.attachments[0].description == "The whole program"
    assert await made.message.attachments[0].read() == b"x = 1"
    await made.thread.edit(applied_tags=[forum.available_tags[1]], pinned=True)
    assert sandbox.guild.threads[0].thread is not None
    assert sandbox.guild.threads[0].thread.applied_tags == [place.available_tags[1].id]
    fetched = await bot.fetch_channel(made.thread.id)
    assert isinstance(fetched, discord.Thread)
    assert fetched.flags.pinned
    with pytest.raises(discord.HTTPException) as raised:
        await forum.create_thread(name="Nothing", content="")
    assert raised.value.code == 50006
    assert len(sandbox.guild.threads) == 1


async def test_a_forum_takes_no_message_and_may_require_a_tag(
    bot: Bot, sandbox: Sandbox, rest: Rest
) -> None:
    ada = sandbox.members[0]
    place = sandbox.guild.add_forum(
        "ideas", tags=["new"], moderated_tags=["planned"], require_tag=True
    )
    forum = await forum_of(bot, place.id)
    await bot.until(lambda: forum.flags.require_tag)
    with pytest.raises(DiscordError, match="40058"):
        await ada.say(place, "outside of a post")
    with pytest.raises(DiscordError, match="40067"):
        await ada.create_post(place, "Idea", "more cake")
    with pytest.raises(DiscordError, match="50013"):
        await ada.create_post(place, "Idea", "more cake", tags=["planned"])
    with pytest.raises(NotPossible, match="no tag"):
        await ada.create_post(place, "Idea", "more cake", tags=["cake"])
    await sandbox.admin.create_post(place, "Idea", "more cake", tags=["planned"])
    body = {"name": "n", "message": {"content": "x"}, "applied_tags": ["5"]}
    refused = await rest.post(f"/channels/{place.id}/threads", body)
    assert "applied_tags" in refused.body["errors"]
    assert (await rest.post(f"/channels/{place.id}/threads", {"name": "n"})).body["errors"]
    place.deny(sandbox.guild.state.everyone, Permission.SEND_MESSAGES)
    with pytest.raises(DiscordError, match="50013"):
        await ada.create_post(place, "Idea", "more cake", tags=["new"])


async def test_forums_and_media_channels_are_made_and_changed_over_http(
    bot: Bot, sandbox: Sandbox
) -> None:
    sandbox.guild.allow_bot(Permission.MANAGE_CHANNELS)
    tag = discord.ForumTag(name="bug", emoji="🐛", moderated=True)
    guild = bot.guilds[0]
    forum = await guild.create_forum(
        "Bug Reports", available_tags=[tag], default_layout=discord.ForumLayoutType.list_view
    )
    assert forum.name == "bug-reports"
    assert [(one.name, str(one.emoji), one.moderated) for one in forum.available_tags] == [
        ("bug", "🐛", True)
    ]
    assert forum.default_layout is discord.ForumLayoutType.list_view
    edited = await forum.edit(
        available_tags=[*forum.available_tags, discord.ForumTag(name="fixed")],
        require_tag=True,
        default_reaction_emoji="👍",
        default_sort_order=discord.ForumOrderType.creation_date,
    )
    assert edited is not None
    assert [one.name for one in edited.available_tags] == ["bug", "fixed"]
    assert edited.available_tags[0].id == forum.available_tags[0].id
    assert edited.flags.require_tag
    assert str(edited.default_reaction_emoji) == "👍"
    media = await guild.create_forum("shots", media=True)
    assert media.type is discord.ChannelType.media
    post = await sandbox.members[0].create_post(
        sandbox.guild.state.channels[media.id], "Sunset", attachments=[("sun.png", b"\x89PNG")]
    )
    await bot.until(lambda: bot.heard)
    assert bot.heard[0].id == post.id
    assert bot.heard[0].attachments[0].filename == "sun.png"
