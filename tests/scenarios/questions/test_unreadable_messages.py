"""Messages and events that discord.py can't parse: their author is told, and no other is lost."""

from typing import Any

import discord
import pytest

from bot.chat.access.question_gate import REFUSED
from bot.store.ledger import AccessRule
from tests.scenarios.community import Community, answer
from tests.scenarios.trouble.test_broken_objects import Change, asked_while_away, change_history


def without_author(messages: list[dict[str, Any]]) -> None:
    """Put a message that can't be read behind the newest one."""
    broken = {key: value for key, value in messages[0].items() if key != "author"}
    messages.insert(0, broken | {"id": str(int(broken["id"]) + 1)})


async def test_a_message_that_cannot_be_read_hides_no_other_in_its_channel(
    threads: Community, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    home, thread = await asked_while_away(threads)
    change_history(monkeypatch, lambda channel, page: without_author(page))
    await threads.start_bot()
    assert answer(await threads.finished(home, 2)) == "missed here"
    assert answer(await threads.finished(thread, 2)) == "missed there"
    assert "is skipped" in caplog.text


CANNOT_READ = (
    "Discord sent me this message in a form that I can't read, so I won't answer it. "
    "Send it again as plain text."
)


def with_broken_files(data: dict[str, Any]) -> None:
    """Have a file without an id or a name."""
    data["attachments"] = [{"size": 1}]


def of_an_odd_type(data: dict[str, Any]) -> None:
    """Have text that is a list."""
    data["flags"], data["sticker_items"] = "many", [7]


def with_a_broken_poll(data: dict[str, Any]) -> None:
    """Have a poll that has no question."""
    data["poll"] = {"answers": None}


def with_a_broken_snapshot(data: dict[str, Any]) -> None:
    """Have a forwarded message that holds no message."""
    data["message_snapshots"] = [{"message": None}]


UNREADABLE = [with_broken_files, of_an_odd_type, with_a_broken_poll, with_a_broken_snapshot]


def change_new_messages(monkeypatch: pytest.MonkeyPatch, text: str, change: Change) -> None:
    """Have each new message of a person that contains the text arrive changed."""
    from_json = discord.utils._from_json  # noqa: SLF001 - the last place before discord.py's parser

    def changed(received: str) -> Any:
        event = from_json(received)
        if isinstance(event, dict) and event.get("t") == "MESSAGE_CREATE":
            data = event["d"]
            if text in data["content"] and not data["author"].get("bot"):
                change(data)
        return event

    monkeypatch.setattr(discord.utils, "_from_json", changed)


async def test_a_message_that_cannot_be_read_passes_the_gate(
    channels: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_new_messages(monkeypatch, "odd", UNREADABLE[0])
    await channels.restart_bot()
    rule = AccessRule(target_id=channels.ben.id, kind="member", allowed=False)
    await channels.ledger.access_rules.set(channels.sandbox.guild.id, rule)
    question = await channels.ask("odd", channels.ben)
    await channels.until(lambda: [one.emoji_name for one in question.reactions] == [REFUSED])
    assert channels.replies(channels.general) == []


@pytest.mark.parametrize("change", UNREADABLE)
async def test_whoever_sends_a_message_that_cannot_be_read_is_told(
    threads: Community, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    change_new_messages(monkeypatch, "odd", change)
    await threads.restart_bot()
    thread = await threads.thread_of(await threads.ask("fine"))
    await threads.finished(thread)
    home = await threads.ben.open_dm()
    await threads.ada.say(threads.general, "an odd one for somebody else")
    mentioned = await threads.ask("odd mention")
    in_thread = await threads.ada.say(thread, "odd in the thread")
    direct = await threads.ben.say(home, "odd in a DM")
    for channel, question, number in (
        (threads.general, mentioned, 1),
        (thread, in_thread, 2),
        (home, direct, 1),
    ):
        told = await threads.reply(channel, number)
        assert told.content == CANNOT_READ
        assert told.reference is not None
        assert told.reference.message_id == question.id
    await threads.ada.say(thread, "fine again")
    assert answer(await threads.finished(thread, 3)) == "fine again"
    assert len(threads.replies(threads.general)) == 1
    # The next start reads none of them again.
    await threads.restart_bot()
    await threads.ada.say(thread, "and again")
    assert answer(await threads.finished(thread, 4)) == "and again"
    assert len(threads.replies(threads.general)) == len(threads.replies(home)) == 1


@pytest.mark.parametrize("change", UNREADABLE)
async def test_whoever_sent_a_message_that_cannot_be_read_while_the_bot_was_away_is_told_once(
    threads: Community, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    home, thread = await asked_while_away(threads)
    await threads.ada.say(thread, "and then")

    def changed(channel: int, page: list[dict[str, Any]]) -> None:
        for data in page:
            if "missed" in data["content"] and not data["author"].get("bot"):
                change(data)

    change_history(monkeypatch, changed)
    await threads.start_bot()
    for channel in (home, thread):
        await threads.until(
            lambda channel=channel: any(
                message.content == CANNOT_READ for message in threads.replies(channel)
            )
        )
    await threads.until(lambda: any(answer(m) == "and then" for m in threads.replies(thread)))
    await threads.restart_bot()
    await threads.ada.say(home, "later")
    await threads.until(lambda: any(answer(m) == "later" for m in threads.replies(home)))
    for channel in (home, thread):
        told = [message.content for message in threads.replies(channel)]
        assert told.count(CANNOT_READ) == 1


def with_nulls(data: dict[str, Any]) -> None:
    """Have null in every list."""
    data |= dict.fromkeys(("embeds", "attachments", "mention_roles", "reactions", "thread"))


def with_broken_spares(data: dict[str, Any]) -> None:
    """Have odd values in fields that no answer needs."""
    data |= {
        "embeds": [{"color": "red", "timestamp": "yesterday", "fields": [1]}],
        "reactions": [{"count": 1}],
        "interaction_metadata": {"type": "2"},
        "thread": {"id": "x"},
        "message_reference": {"message_id": "5", "channel_id": data["channel_id"]},
        "referenced_message": {"id": "5"},
        "edited_timestamp": "now",
        "application": 5,
    }


def without_lists(data: dict[str, Any]) -> None:
    """Lack every list, the mentions among them."""
    for key in ("embeds", "attachments", "mention_roles", "mentions", "type"):
        data.pop(key, None)


def with_gaps(data: dict[str, Any]) -> None:
    """Have null, numbers and text where Discord documents something else."""
    data |= {
        "type": "0",
        "author": {**data["author"], "username": None, "global_name": 5, "avatar": 5},
        "embeds": [None, {"title": ["a"], "footer": "x", "fields": None}],
        "mentions": [None],
        "message_reference": {},
        "application_id": "x",
        "timestamp": data["timestamp"],
    }


def of_an_unknown_kind(data: dict[str, Any]) -> None:
    """Be of a type that nobody knows yet."""
    data["type"] = 99


@pytest.mark.parametrize(
    "change", [with_nulls, with_broken_spares, without_lists, with_gaps, of_an_unknown_kind]
)
async def test_fields_that_no_answer_needs_cost_nobody_an_answer(
    threads: Community, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    change_new_messages(monkeypatch, "odd", change)
    await threads.restart_bot()
    home = await threads.ben.open_dm()
    await threads.ben.say(home, "odd one")
    # A reply to a message that Discord does not send along says so below.
    assert answer(await threads.finished(home)).splitlines()[0] == "odd one"


async def test_a_new_message_without_an_author_is_answered_where_it_names_the_bot(
    channels: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_new_messages(monkeypatch, "odd", lambda data: data.pop("author"))
    await channels.restart_bot()
    home = await channels.ben.open_dm()
    await channels.ben.say(home, "odd one")
    await channels.ask("odd one")
    assert (await channels.reply(channels.general)).content == CANNOT_READ
    assert channels.replies(home) == []


async def test_an_event_that_cannot_be_read_ends_no_connection(
    channels: Community, caplog: pytest.LogCaptureFixture
) -> None:
    session = channels.sandbox.gateway.bot_session()
    assert session is not None
    for event in ("MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "THREAD_UPDATE"):
        for data in (b'{"nothing": "of use"}', b"[]", b"null", b'{"id": {}, "channel_id": -1}'):
            session.dispatch(event, data)
    await channels.ask("and then")
    assert answer(await channels.finished(channels.general)) == "and then"
    assert channels.sandbox.gateway.bot_session() is session
    assert "event MESSAGE_CREATE is skipped" in caplog.text
