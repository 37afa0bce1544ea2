"""Forwards, polls, stickers, voice messages, link previews, replies, edits and deletions.

discord.py parses all of them from the real socket.
"""

import datetime as dt
import io

import discord
import pytest

from bot.sandbox import DiscordError, NotPossible, Permission, Sandbox
from tests.sandbox.client import Bot
from tests.sandbox.conftest import StartBot
from tests.sandbox.pictures import png
from tests.sandbox.rest import Rest


def channel_of(bot: Bot, sandbox: Sandbox) -> discord.TextChannel:
    channel = bot.get_channel(sandbox.guild.text_channel("general").id)
    assert isinstance(channel, discord.TextChannel)
    return channel


async def heard(bot: Bot, count: int = 1) -> discord.Message:
    """Return the newest message, once the bot has `count` of them."""
    await bot.until(lambda: len(bot.heard) >= count)
    return bot.heard[-1]


async def test_a_forward_carries_a_snapshot_that_outlives_the_original(
    bot: Bot, sandbox: Sandbox
) -> None:
    ada, ben = sandbox.members
    general = sandbox.guild.text_channel("general")
    other = sandbox.guild.add_text_channel("other")
    file = ("notes.txt", b"remember")
    original = await ada.say(other, "read **this**", attachments=[file])
    await ben.forward(original, general)
    message = await heard(bot, 2)
    assert message.content == ""
    assert message.flags.forwarded
    assert message.reference is not None
    assert message.reference.type is discord.MessageReferenceType.forward
    assert message.reference.message_id == original.id
    await ada.delete(original)
    snapshot = message.message_snapshots[0]
    assert snapshot.content == "read **this**"
    assert snapshot.attachments[0].filename == "notes.txt"
    assert await snapshot.attachments[0].read() == b"remember"
    fetched = await channel_of(bot, sandbox).fetch_message(message.id)
    assert fetched.message_snapshots[0].content == "read **this**"


async def test_a_forward_of_an_apps_card_shows_its_embed_and_a_forward_of_a_forward_the_same(
    bot: Bot, sandbox: Sandbox
) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    news = sandbox.add_app("news")
    card = await news.say(general, embeds=[{"title": "Rain", "description": "from noon on"}])
    first = await ada.forward(card, general)
    await ada.forward(first, general)
    message = await heard(bot, 3)
    assert [embed.title for embed in message.message_snapshots[0].embeds] == ["Rain"]
    with pytest.raises(NotPossible):
        await ada.say(general, embeds=[{"title": "people have none"}])


async def test_a_bot_forwards_what_it_can_read(bot: Bot, sandbox: Sandbox) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    other = sandbox.guild.add_text_channel("other")
    await ada.say(general, "worth seeing")
    message = await heard(bot)
    await bot.until(lambda: bot.get_channel(other.id))
    target = bot.get_channel(other.id)
    assert isinstance(target, discord.TextChannel)
    sent = await message.forward(target)
    assert sent.message_snapshots[0].content == "worth seeing"
    assert other.messages[-1].snapshots[0].content == "worth seeing"
    sandbox.privileged_intents.remove("message_content")
    with pytest.raises(discord.HTTPException) as raised:
        await message.forward(target)
    assert raised.value.code == 160014


async def test_what_cannot_be_forwarded_is_refused(sandbox: Sandbox, rest: Rest) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    hidden = sandbox.guild.add_text_channel("hidden")
    secret = await ada.say(hidden, "secret")
    hidden.deny(sandbox.guild.state.everyone, Permission.READ_MESSAGE_HISTORY)
    path = f"/channels/{general.id}/messages"

    def forward(channel_id: int, message_id: int) -> dict[str, object]:
        reference = {"type": 1, "channel_id": str(channel_id), "message_id": str(message_id)}
        return {"message_reference": reference}

    # A role's denial comes before what the bot's own role allows, so the bot has it denied too.
    hidden.deny(sandbox.bot_user, Permission.READ_MESSAGE_HISTORY)
    assert (await rest.post(path, forward(hidden.id, secret.id))).body["code"] == 160009
    hidden.deny(sandbox.bot_user, Permission.VIEW_CHANNEL)
    assert (await rest.post(path, forward(hidden.id, secret.id))).body["code"] == 50001
    assert (await rest.post(path, forward(general.id, 5))).body["code"] == 50035
    said = await ada.say(general, "said")
    with_words = {**forward(general.id, said.id), "content": "look"}
    assert (await rest.post(path, with_words)).body["code"] == 50035


async def test_a_poll_is_asked_voted_on_and_closed(bot: Bot, sandbox: Sandbox) -> None:
    ada, ben = sandbox.members
    general = sandbox.guild.text_channel("general")
    asked = await ada.ask_poll(general, "Lunch?", ["🍕 Pizza", "Soup"], hours=1)
    message = await heard(bot)
    assert message.poll is not None
    assert message.poll.question == "Lunch?"
    assert [(answer.text, str(answer.emoji)) for answer in message.poll.answers] == [
        ("Pizza", "🍕"),
        ("Soup", "None"),
    ]
    await ben.vote(asked, "Soup")
    await ada.vote(asked, "Pizza")
    await ada.vote(asked, "Soup")
    await bot.until(lambda: len(bot.named("raw_poll_vote_add")) == 3)
    assert len(bot.named("raw_poll_vote_remove")) == 1
    fetched = await channel_of(bot, sandbox).fetch_message(message.id)
    assert fetched.poll is not None
    assert [answer.vote_count for answer in fetched.poll.answers] == [0, 2]
    voters = [user.name async for user in fetched.poll.answers[1].voters()]
    assert sorted(voters) == ["ada", "ben"]
    with pytest.raises(DiscordError, match="50035"):
        await ben.vote(asked, "Soup", "Pizza")
    sandbox.advance(3600)
    result = await heard(bot, 2)
    assert result.type is discord.MessageType.poll_result
    assert result.embeds[0].fields[0].value == "Lunch?"
    ended = await channel_of(bot, sandbox).fetch_message(message.id)
    assert ended.poll is not None
    assert ended.poll.is_finalised()
    with pytest.raises(DiscordError, match="520001"):
        await ben.vote(asked)


async def test_a_bot_asks_a_poll_and_ends_it(bot: Bot, sandbox: Sandbox) -> None:

    poll = discord.Poll(question="Go on?", duration=dt.timedelta(hours=2), multiple=True)
    poll.add_answer(text="yes", emoji="👍").add_answer(text="no")
    sent = await channel_of(bot, sandbox).send(poll=poll)
    asked = sandbox.guild.text_channel("general").messages[-1]
    await sandbox.members[0].vote(asked, "yes", "no")
    assert sent.poll is not None
    ended = await sent.poll.end()
    assert ended.is_finalised()
    with pytest.raises(discord.HTTPException) as raised:
        await sent.edit(content="changed")
    assert raised.value.code == 520003


async def test_a_sticker_arrives_with_its_name_and_picture(
    bot: Bot, sandbox: Sandbox, rest: Rest
) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    wave = sandbox.guild.add_sticker("wave", png(4, 4), description="A hand waves")
    await ada.say(general, stickers=[wave])
    message = await heard(bot)
    assert [(one.name, one.format.name) for one in message.stickers] == [("wave", "png")]
    sticker = await message.stickers[0].fetch()
    assert isinstance(sticker, discord.GuildSticker)
    assert sticker.description == "A hand waves"
    assert [one.id for one in await bot.guilds[0].fetch_stickers()] == [wave.id]
    path = f"/channels/{general.id}/messages"
    refused = await rest.post(path, {"sticker_ids": ["5"]})
    assert refused.body["code"] == 50081


async def test_a_voice_message_has_a_duration_and_a_waveform(
    bot: Bot, sandbox: Sandbox, rest: Rest
) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    said = await ada.say_voice(general, b"OggS", seconds=3.5, waveform=b"\x01\x80")
    message = await heard(bot)
    assert message.flags.voice
    attachment = message.attachments[0]
    assert attachment.is_voice_message()
    assert attachment.duration == 3.5
    assert attachment.waveform == b"\x01\x80"
    assert attachment.content_type == "audio/ogg"
    assert await attachment.read() == b"OggS"
    with pytest.raises(DiscordError, match="50162"):
        await ada.edit(said, "never mind")
    general.deny(sandbox.guild.state.everyone, Permission.SEND_VOICE_MESSAGES)
    with pytest.raises(DiscordError, match="50013"):
        await ada.say_voice(general, b"OggS", seconds=1)
    path = f"/channels/{general.id}/messages"
    assert (await rest.post(path, {"flags": 1 << 13, "content": "x"})).body["code"] == 50159
    assert (await rest.post(path, {"flags": 1 << 13})).body["code"] == 50160


async def test_a_link_gets_its_preview_by_a_later_update(bot: Bot, sandbox: Sandbox) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    url = "https://example.org/rain"
    sandbox.link_previews.add(url, title="Rain", description="from noon on", provider="Example")
    said = await ada.say(general, f"see {url}, and not <{url}?quiet>")
    message = await heard(bot)
    assert message.embeds == []
    await bot.until(lambda: bot.edited)
    update = bot.edited[0]
    assert update.message_id == said.id
    assert update.data["edited_timestamp"] is None
    assert update.message.embeds[0].title == "Rain"
    assert update.message.embeds[0].provider.name == "Example"
    await ada.suppress_embeds(said)
    await bot.until(lambda: len(bot.edited) == 2)
    assert bot.edited[1].message.embeds == []
    assert bot.edited[1].message.flags.suppress_embeds
    with pytest.raises(DiscordError, match="50013"):
        await sandbox.members[1].suppress_embeds(said, on=False)
    await sandbox.admin.suppress_embeds(said, on=False)
    await bot.until(lambda: len(bot.edited) == 3)
    assert bot.edited[2].message.embeds[0].title == "Rain"


async def test_a_bot_suppresses_the_previews_of_its_own_message(bot: Bot, sandbox: Sandbox) -> None:
    url = "https://example.org/a"
    sandbox.link_previews.add(url, title="A")
    sandbox.link_previews.delay = 0
    quiet = await channel_of(bot, sandbox).send(url, suppress_embeds=True)
    loud = await channel_of(bot, sandbox).send(url)
    await bot.until(lambda: bot.edited)
    assert [edit.message_id for edit in bot.edited] == [loud.id]
    assert (await channel_of(bot, sandbox).fetch_message(quiet.id)).embeds == []


async def test_a_reply_shows_what_it_answers_until_that_is_deleted(
    bot: Bot, sandbox: Sandbox
) -> None:
    ada, ben = sandbox.members
    general = sandbox.guild.text_channel("general")
    first = await ada.say(general, "what is 2 + 2?", attachments=[("sum.txt", b"2 + 2", "A sum")])
    await ben.say(general, "is this right?", reply_to=first, mention_bot=True)
    message = await heard(bot, 2)
    assert message.reference is not None
    resolved = message.reference.resolved
    assert isinstance(resolved, discord.Message)
    assert resolved.content == "what is 2 + 2?"
    assert resolved.attachments[0].description == "A sum"
    await ada.delete(first)
    fetched = await channel_of(bot, sandbox).fetch_message(message.id)
    assert fetched.reference is not None
    assert isinstance(fetched.reference.resolved, discord.DeletedReferencedMessage)


async def test_people_and_moderators_edit_and_delete(bot: Bot, sandbox: Sandbox) -> None:
    ada, ben = sandbox.members
    general = sandbox.guild.text_channel("general")
    said = await ada.say(general, "one", attachments=[("a.txt", b"a"), ("b.txt", b"b")])
    await ada.edit(said, "two", keep=said.attachments[1:])
    await bot.until(lambda: bot.edited)
    assert [one.filename for one in bot.edited[0].message.attachments] == ["b.txt"]
    others = [await ben.say(general, str(number)) for number in range(3)]
    with pytest.raises(DiscordError, match="50013"):
        await ada.delete(others[0])
    await sandbox.admin.delete(others[0])
    await bot.until(lambda: bot.named("raw_message_delete"))
    await sandbox.admin.delete_many([said, *others[1:]])
    await bot.until(lambda: bot.named("raw_bulk_message_delete"))
    event: discord.RawBulkMessageDeleteEvent = bot.named("raw_bulk_message_delete")[0][0]
    assert event.message_ids == {said.id, *(one.id for one in others[1:])}
    assert general.messages == []


async def test_messages_of_two_weeks_ago_are_not_deleted_in_bulk(
    bot: Bot, sandbox: Sandbox, rest: Rest
) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    said = [await ada.say(general, str(number)) for number in range(2)]
    sandbox.advance(14 * 86_400 + 1)
    path = f"/channels/{general.id}/messages/bulk-delete"
    refused = await rest.post(path, {"messages": [str(one.id) for one in said]})
    assert (refused.status, refused.body["code"]) == (400, 50034)
    assert general.messages == said


async def test_a_thread_begins_with_what_it_was_started_on(bot: Bot, sandbox: Sandbox) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    said = await ada.say(general, "why is the sky blue?")
    place = await ada.start_thread(said, "sky")
    await bot.until(lambda: bot.get_channel(place.id))
    thread = bot.get_channel(place.id)
    assert isinstance(thread, discord.Thread)
    first = await anext(thread.history(oldest_first=True))
    assert first.type is discord.MessageType.thread_starter_message
    assert first.content == ""
    assert first.reference is not None
    assert isinstance(first.reference.resolved, discord.Message)
    assert first.reference.resolved.content == "why is the sky blue?"


async def test_without_the_content_intent_a_forward_and_a_poll_come_empty(
    start_bot: StartBot, sandbox: Sandbox
) -> None:
    sandbox.privileged_intents.remove("message_content")
    intents = discord.Intents.all()
    intents.message_content = False
    bot = await start_bot(intents=intents)
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    await ada.forward(await ada.say(general, "secret"), general)
    await ada.ask_poll(general, "secret?", ["yes", "no"])
    await heard(bot, 3)
    assert bot.heard[1].message_snapshots[0].content == ""
    assert bot.heard[2].poll is None


async def test_alt_text_and_the_size_limit_of_the_guild(bot: Bot, sandbox: Sandbox) -> None:
    channel = channel_of(bot, sandbox)
    assert channel.guild.filesize_limit == 10 << 20
    large = b"x" * ((10 << 20) + 1)
    with pytest.raises(discord.HTTPException) as raised:
        await channel.send(file=discord.File(io.BytesIO(large), "large.bin"))
    assert (raised.value.status, raised.value.code) == (413, 40005)
    sandbox.guild.set_boost_level(2)
    await bot.until(lambda: channel.guild.filesize_limit == 50 << 20)
    file = discord.File(io.BytesIO(large), "large.bin", description="Ten million x")
    sent = await channel.send(file=file)
    assert sent.attachments[0].description == "Ten million x"
