"""What a message says to the model: names instead of ids, quotes, forwards and embeds."""

from typing import Any

import pytest
from discord.state import ConnectionState

from bot.chat.texts import sentences
from bot.sandbox import Channel, Permission
from tests.scenarios.community import Community, answer


async def arriving(whole: Community, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Restart the bot so that every message from now on arrives with these fields changed."""
    create = ConnectionState.parse_message_create

    def changed(state: ConnectionState, data: Any) -> None:
        if not data["author"].get("bot"):
            data = {**data, **changes}
        create(state, data)

    monkeypatch.setattr(ConnectionState, "parse_message_create", changed)
    await whole.stop_bot()
    await whole.start_bot()


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
        ("{me} :) hello", ":) hello"),
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
    assert text.startswith("> Ben: The capital of Australia\n> is Sydney.\n\nis that right?")
    assert "map.bin" in text


async def test_a_reply_with_nothing_but_a_mention_asks_about_the_message_it_replies_to(
    threads: Community,
) -> None:
    said = await threads.ben.say(threads.general, "**Is** this ||really|| so?")
    question = await threads.ada.say(threads.general, reply_to=said, mention_bot=True)
    thread = await threads.thread_of(question)
    assert await asked(threads, thread) == "> Ben: **Is** this ||really|| so?"
    assert thread.name == f"Ben: Is this {sentences.SPOILER} so?"


async def test_a_reply_to_the_bots_answer_quotes_nothing(channels: Community) -> None:
    await channels.ask("one")
    first = await channels.finished(channels.general)
    await channels.ada.say(channels.general, "two", reply_to=first)
    await channels.finished(channels.general, 2)
    assert await asked(channels, channels.general) == "two"


SNAPSHOT = {
    "message": {
        "type": 0,
        "content": "The server will be down on Sunday.",
        "attachments": [
            {
                "id": "77",
                "filename": "plan.bin",
                "size": 3,
                "url": "http://127.0.0.1:9/plan.bin",
                "proxy_url": "http://127.0.0.1:9/plan.bin",
            }
        ],
        "embeds": [{"type": "rich", "title": "Why", "description": "New disks"}],
        "mentions": [],
        "mention_roles": [],
        "timestamp": "2024-05-01T00:00:00.000000+00:00",
        "edited_timestamp": None,
        "flags": 0,
        "components": [],
    }
}


async def test_a_forwarded_message_is_the_question(
    channels: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = await channels.ada.open_dm()
    await arriving(
        channels,
        monkeypatch,
        content="",
        flags=16384,
        message_reference={
            "type": 1,
            "message_id": "700000000000000999",
            "channel_id": "600000000000000002",
        },
        message_snapshots=[SNAPSHOT],
    )
    await channels.ada.say(home, "x")
    text = await asked(channels, home)
    assert text.startswith("The server will be down on Sunday.\n\nWhy\nNew disks\n\n")
    assert "plan.bin" in text


async def test_the_text_of_an_embed_is_the_question(
    channels: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = await channels.ada.open_dm()
    embed = {
        "type": "rich",
        "title": "Build failed",
        "description": "Step 3: exit code 1",
        "fields": [{"name": "Branch", "value": "main"}],
        "footer": {"text": "CI"},
    }
    await arriving(channels, monkeypatch, content="", embeds=[embed])
    await channels.ada.say(home, "x")
    assert await asked(channels, home) == "Build failed\nStep 3: exit code 1\nBranch: main\nCI"


async def test_a_poll_and_a_sticker_are_read(
    channels: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = await channels.ada.open_dm()
    poll = {
        "question": {"text": "Tea or coffee?"},
        "answers": [
            {"answer_id": 1, "poll_media": {"text": "Tea"}},
            {"answer_id": 2, "poll_media": {"text": "Coffee"}},
        ],
        "expiry": "2030-05-01T00:00:00.000000+00:00",
        "allow_multiselect": False,
        "layout_type": 1,
    }
    sticker = {"id": "5", "name": "Wave", "format_type": 1}
    await arriving(channels, monkeypatch, content="", poll=poll, sticker_items=[sticker])
    await channels.ada.say(home, "x")
    assert await asked(channels, home) == "Tea or coffee?\n- Tea\n- Coffee\n\n[sticker Wave]"


async def test_a_link_with_its_preview_is_asked_once(
    channels: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = await channels.ada.open_dm()
    preview = {"type": "article", "title": "A page", "url": "https://page.example"}
    await arriving(channels, monkeypatch, content="https://page.example", embeds=[preview])
    await channels.ada.say(home, "x")
    assert await asked(channels, home) == "https://page.example"


async def test_a_mention_without_text_gets_a_hint_with_the_bots_name(channels: Community) -> None:
    await channels.ask("")
    told = await channels.reply(channels.general)
    assert told.content == sentences.empty_question(channels.sandbox.bot_user.name)
    assert f"“@{channels.sandbox.bot_user.name} what" in told.content
    assert sentences.is_refusal(told.content)
    assert answer(told) == told.content
