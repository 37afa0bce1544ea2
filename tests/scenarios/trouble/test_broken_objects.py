"""One object of Discord's or of the ledger's is broken: everybody else is answered all the same."""

from collections.abc import Callable
from typing import Any

import discord
import pytest
from discord.http import HTTPClient
from discord.state import ConnectionState

from bot.sandbox import Channel
from bot.store.ledger import Link, NewQuestion
from tests.scenarios.community import Community, answer
from tests.support.databases import execute

Change = Callable[[dict[str, Any]], None]


def change_guilds(monkeypatch: pytest.MonkeyPatch, change: Change) -> None:
    """Have every guild arrive changed, as Discord might send it."""
    come = ConnectionState.parse_guild_create

    def changed(state: ConnectionState, data: Any) -> None:
        change(data)
        come(state, data)

    monkeypatch.setattr(ConnectionState, "parse_guild_create", changed)


def change_history(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[int, list[dict[str, Any]]], None]
) -> None:
    """Have every page of a channel's history arrive changed."""
    logs_from = HTTPClient.logs_from

    async def changed(http: HTTPClient, channel_id: Any, *args: Any, **values: Any) -> Any:
        page: Any = await logs_from(http, channel_id, *args, **values)
        change(int(channel_id), page)
        return page

    monkeypatch.setattr(HTTPClient, "logs_from", changed)


def with_orphan(data: dict[str, Any]) -> None:
    """Add a channel thread whose parent the guild does not have."""
    data["threads"] = [
        *data["threads"],
        {
            "id": "600000000000000062",
            "guild_id": data["id"],
            "parent_id": "600000000000000061",
            "owner_id": "1",
            "type": 11,
            "name": "orphan",
            "last_message_id": "900000000000000000",
            "message_count": 1,
            "member_count": 1,
            "rate_limit_per_user": 0,
            "thread_metadata": {
                "archived": False,
                "auto_archive_duration": 1440,
                "archive_timestamp": "2024-05-01T00:00:00.000000+00:00",
                "locked": False,
            },
        },
    ]


def without_own_member(data: dict[str, Any]) -> None:
    """Leave the bot's own member out of a guild."""
    data["members"] = []


def without_roles(data: dict[str, Any]) -> None:
    """Leave out every role, @everyone among them."""
    data["roles"] = []


async def asked_while_away(whole: Community) -> tuple[Channel, Channel]:
    """Ask in a direct message and in a channel thread while the bot is away."""
    home = await whole.ada.open_dm()
    await whole.ada.say(home, "one")
    await whole.finished(home)
    thread = await whole.thread_of(await whole.ask("two"))
    await whole.finished(thread)
    await whole.stop_bot()
    await whole.ada.say(home, "missed here")
    await whole.ada.say(thread, "missed there")
    return home, thread


def without_a_position(data: dict[str, Any]) -> None:
    """Have a channel without a place in the list."""
    data["channels"].append(data["channels"][0] | {"id": "600000000000000071", "position": None})


def with_a_nameless_channel(data: dict[str, Any]) -> None:
    """Have a channel that discord.py can't read."""
    data["channels"].append({"id": "600000000000000072", "type": 0})


def of_an_unknown_kind(data: dict[str, Any]) -> None:
    """Have a channel of a kind that nobody knows yet, and a channel thread in it."""
    data["channels"].append(data["channels"][0] | {"id": "600000000000000061", "type": 99})
    with_orphan(data)


@pytest.mark.parametrize(
    "change",
    [
        with_orphan,
        without_own_member,
        without_roles,
        without_a_position,
        with_a_nameless_channel,
        of_an_unknown_kind,
    ],
)
async def test_a_broken_guild_or_channel_thread_affects_no_other(
    threads: Community, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    home, _ = await asked_while_away(threads)
    change_guilds(monkeypatch, change)
    await threads.start_bot()
    assert answer(await threads.finished(home, 2)) == "missed here"
    # What happens in the guild from now on is answered there, too.
    thread = await threads.thread_of(await threads.ask("now", threads.ben))
    assert answer(await threads.finished(thread)) == "now"
    listed = await threads.ben.command(thread, "runs list")
    await threads.until(lambda: listed.done)
    assert listed.original is not None
    assert "**#" in listed.original.content


async def test_an_orphaned_channel_thread_is_skipped_and_the_rest_of_its_guild_is_read(
    threads: Community, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    home, thread = await asked_while_away(threads)
    change_guilds(monkeypatch, with_orphan)
    caplog.clear()
    await threads.start_bot()
    assert answer(await threads.finished(home, 2)) == "missed here"
    assert answer(await threads.finished(thread, 2)) == "missed there"
    assert caplog.text.count("600000000000000062") == 1


async def test_a_guild_that_cannot_be_looked_up_is_looked_up_at_the_next_start(
    threads: Community, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    home, thread = await asked_while_away(threads)
    with monkeypatch.context() as broken:
        broken.setattr(discord.Guild, "channels", property(lambda guild: 1 / 0))
        await threads.start_bot()
        assert answer(await threads.finished(home, 2)) == "missed here"
        assert "ZeroDivisionError" in caplog.text
        await threads.stop_bot()
    await threads.start_bot()
    assert answer(await threads.finished(thread, 2)) == "missed there"


def lone_surrogate(messages: list[dict[str, Any]]) -> None:
    """Have the newest message say what UTF-8 can't hold, by an author who is named so as well."""
    messages[0]["content"] = "missed \ud83d here"
    messages[0]["author"]["global_name"] = "A\udc00da"
    messages[0]["attachments"] = [
        {
            "id": "5",
            "filename": "\ud83d.bin",
            "size": 1,
            "url": "http://127.0.0.1:9/\ud83d",
            "proxy_url": "http://127.0.0.1:9/",
            "content_type": "application/\udfff",
        }
    ]


async def test_text_that_cannot_be_stored_is_made_storable(
    threads: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, thread = await asked_while_away(threads)
    change_history(
        monkeypatch, lambda channel, page: lone_surrogate(page) if channel == home.id else None
    )
    await threads.start_bot()
    reply = await threads.finished(home, 2)
    assert answer(reply).startswith("missed \ufffd here")
    assert answer(await threads.finished(thread, 2)) == "missed there"


async def test_text_that_cannot_be_stored_is_made_storable_as_it_arrives(
    channels: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = ConnectionState.parse_message_create

    def changed(state: ConnectionState, data: Any) -> None:
        data["content"] = data["content"].replace("HALF", "\ud83d")
        data["author"] = data["author"] | {"global_name": "A\udc00da"}
        create(state, data)

    monkeypatch.setattr(ConnectionState, "parse_message_create", changed)
    await channels.stop_bot()
    await channels.start_bot()
    await channels.ask("what is HALF?")
    assert answer(await channels.finished(channels.general)) == "what is \ufffd?"


async def test_a_channel_whose_catch_up_fails_is_read_at_the_next_start_and_holds_up_no_other(
    threads: Community, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    home, thread = await asked_while_away(threads)

    def fail(channel_id: int, page: list[dict[str, Any]]) -> None:
        if channel_id == thread.id:
            raise TypeError("a defect of discord.py")

    with monkeypatch.context() as broken:
        change_history(broken, fail)
        await threads.start_bot()
        assert answer(await threads.finished(home, 2)) == "missed here"
        assert "a defect of discord.py" in caplog.text
        await threads.stop_bot()
    await threads.start_bot()
    assert answer(await threads.finished(thread, 2)) == "missed there"


async def test_a_reply_that_cannot_be_reconciled_hides_no_question(
    threads: Community, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    home, thread = await asked_while_away(threads)
    unreadable = property(lambda message: 1 / 0, lambda message, value: None)
    monkeypatch.setattr(discord.Message, "interaction_metadata", unreadable)
    await threads.start_bot()
    assert answer(await threads.finished(home, 2)) == "missed here"
    assert answer(await threads.finished(thread, 2)) == "missed there"
    assert "ZeroDivisionError" in caplog.text


async def test_a_question_that_cannot_be_stored_holds_no_later_one_up(
    threads: Community, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    home, _ = await asked_while_away(threads)
    await threads.ada.say(home, "and then")

    def by_nobody(channel_id: int, page: list[dict[str, Any]]) -> None:
        for message in page:
            if message["content"] == "missed here":
                message["author"]["id"] = str(2**64)  # SQLite's integers are smaller

    change_history(monkeypatch, by_nobody)
    await threads.start_bot()
    await threads.until(lambda: any(answer(m) == "and then" for m in threads.replies(home)))
    assert "OverflowError" in caplog.text


async def test_a_question_that_cannot_be_stored_is_refused_in_words(channels: Community) -> None:
    await execute(
        channels.directory / "bot.db",
        "CREATE TRIGGER refusing BEFORE INSERT ON questions "
        "BEGIN SELECT RAISE(ABORT, 'refused by the test'); END",
    )
    await channels.ask("one")
    reply = await channels.reply(channels.general)
    assert reply.content == (
        "I couldn't save your question, so I won't answer it. Ask again in a few minutes."
    )
    await execute(channels.directory / "bot.db", "DROP TRIGGER refusing")
    await channels.ask("two")
    assert answer(await channels.finished(channels.general, 2)) == "two"


async def test_a_turn_in_an_unknown_state_holds_up_no_other_of_its_channel(
    channels: Community,
) -> None:
    await channels.ask("one")
    await channels.finished(channels.general)
    await channels.ended_turns(1)
    sql = "UPDATE turns SET state = 'dreaming', ended_at = NULL WHERE id = 1"
    await execute(channels.directory / "bot.db", sql)
    await channels.stop_bot()
    await channels.start_bot()
    await channels.ask("two")
    assert answer(await channels.finished(channels.general, 2)) == "two"


async def test_a_question_with_broken_attachments_fails_in_words_and_holds_no_other_up(
    channels: Community,
) -> None:
    await channels.stop_bot()
    await channels.start_bot()
    elsewhere = channels.sandbox.guild.add_text_channel("elsewhere")
    question = await channels.ben.say(elsewhere, "hello")
    home = Link(
        channel_id=elsewhere.id,
        guild_id=channels.sandbox.guild.id,
        parent_id=elsewhere.id,
        listening=False,
    )
    broken = NewQuestion(
        id=question.id,
        channel_id=elsewhere.id,
        guild_id=home.guild_id,
        author_id=channels.ben.id,
        author_name="Ben",
        content="hello",
        attachments="[{",
    )
    await channels.ledger.questions.take(broken, home)
    await channels.stop_bot()
    await channels.start_bot()
    assert "Something went wrong in this bot" in (await channels.finished(elsewhere)).content
    await channels.ask("two")
    assert answer(await channels.finished(channels.general)) == "two"


async def test_a_ledger_that_cannot_be_read_at_the_start_is_read_as_soon_as_it_can_be(
    channels: Community,
) -> None:
    channels.clock.sleep_speed = 100.0
    gate = channels.model.gate()
    channels.model.say("At last.", first=gate)
    await channels.ask("one")
    await channels.reply(channels.general)
    await channels.model.until_request()
    await channels.stop_bot()
    database = await channels.trouble_ledger(failing_reads=2)
    gate.open()
    await channels.until(lambda: database.failing_reads == 0)
    assert answer(await channels.finished(channels.general)) == "At last."
