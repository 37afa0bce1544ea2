"""What a message says to the model: names instead of ids, quotes, forwards and embeds."""

import pytest

from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.sandbox import Channel, Permission
from tests.scenarios.community import Community, answer


async def asked(whole: Community, channel: Channel) -> str:
    """The newest question on a channel's thread, once it has its answer."""
    await whole.finished(channel)
    questions = [text for role, text in await whole.on_thread(channel) if role == "user"]
    return questions[-1]


async def test_names_stand_where_discord_has_ids(channels: Community) -> None:
    news = channels.sandbox.guild.add_text_channel("news")
    await channels.ask(
        f"hi <:partyblob:1234567890123456789> see <#{news.id}> and <#7> by {channels.ben.mention} "
        "and <@9> or <@&8> at <t:1700000000:F>, `not <#7>`"
    )
    assert await asked(channels, channels.general) == (
        "hi :partyblob: see #news and #unknown by @Ben and @unknown-user or @unknown-role "
        "at 2023-11-14 22:13 UTC, `not <#7>`"
    )


async def test_a_channel_that_the_member_does_not_see_is_not_named(channels: Community) -> None:
    hidden = channels.sandbox.guild.add_text_channel("plans")
    guild = channels.sandbox.guild.state
    hidden.deny(guild.everyone, Permission.VIEW_CHANNEL)
    channels.sandbox.backend.channels.changed(hidden)
    await channels.ask(f"what is <#{hidden.id}>?")
    assert await asked(channels, channels.general) == "what is #unknown?"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{me}: what is it", "what is it"),
        ("{me}, what is it", "what is it"),
        ("{me} , what is it", "what is it"),
        ("{me}、これは何？", "これは何？"),
        ("{me} ：これは何", "これは何"),
        ("これは何、{me}？", "これは何？"),
        ("{me} :) hello", ":) hello"),
        ("{me} :thinking: hello", ":thinking: hello"),
        ("hello {me}, what is it", "hello, what is it"),
        ("tell {me} that", "tell that"),
        ("what is it, {me}?", "what is it?"),
        ("what is it, {me}", "what is it"),
        ("what is it {me} !important", "what is it !important"),
        ("{me} `{me}`", None),
    ],
)
async def test_the_bots_mention_is_removed_from_the_question(
    channels: Community, text: str, said: str | None
) -> None:
    me = channels.sandbox.bot_user.mention
    await channels.ada.say(channels.general, text.format(me=me))
    expected = f"`{me}`" if said is None else said
    assert await asked(channels, channels.general) == expected


async def test_the_message_that_a_question_replies_to_is_quoted(channels: Community) -> None:
    said = await channels.ben.say(
        channels.general, "The capital of Australia\nis Sydney.", attachments=[("map.bin", b"123")]
    )
    await channels.ada.say(
        channels.general, "is that right?", reply_to=said, ping_author=False, mention_bot=True
    )
    text = await asked(channels, channels.general)
    assert text == (
        "is that right?\n\n[in reply to this message by Ben]\n> The capital of Australia\n"
        "> is Sydney.\n>\n> [attached: map.bin]\n\n[file map.bin, 3 bytes]\n```bin\n123\n```"
    )


async def test_a_reply_with_nothing_but_a_mention_asks_about_the_message_it_replies_to(
    threads: Community,
) -> None:
    said = await threads.ben.say(threads.general, "**Is** this ||really|| so?")
    question = await threads.ada.say(threads.general, reply_to=said, mention_bot=True)
    thread = await threads.thread_of(question)
    assert await asked(threads, thread) == (
        "[in reply to this message by Ben]\n> **Is** this ||really|| so?"
    )
    assert thread.name == f"Is this {localized('spoiler')} so?"


async def test_a_reply_to_the_bots_answer_quotes_nothing(channels: Community) -> None:
    await channels.ask("one")
    first = await channels.finished(channels.general)
    await channels.ada.say(channels.general, "two", reply_to=first)
    await channels.finished(channels.general, 2)
    assert await asked(channels, channels.general) == "two"


async def test_a_mention_without_text_gets_a_hint_with_the_bots_name(channels: Community) -> None:
    await channels.ask("")
    told = await channels.reply(channels.general)
    assert told.content == sentences.empty_question(channels.sandbox.bot_user.name)
    assert f"“@{channels.sandbox.bot_user.name} what" in told.content
    assert sentences.is_refusal(told.content)
    assert answer(told) == told.content
