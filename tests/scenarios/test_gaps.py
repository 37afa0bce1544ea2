"""Between a session's beginning and what was missed before it: no turn begins, nothing is lost."""

import asyncio
from typing import Any

import pytest
from discord.state import ConnectionState

from bot.runtime.retry import endless
from bot.sandbox import Permission
from bot.store.ledger import LedgerError, ReadMarker
from bot.store.ledger.records import NewQuestion
from tests.scenarios.community import Community, answer
from tests.scenarios.test_events import taken
from tests.support.eventually import PATIENCE


async def test_no_turn_begins_before_it_is_known_where_something_was_missed(
    channels: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = await channels.ada.open_dm()
    gate = channels.model.stall(then="one")
    await channels.ada.say(home, "one")
    await channels.model.until_request()
    channels.sandbox.control.lose_events("MESSAGE_CREATE", times=1)
    await channels.ada.say(home, "missed")
    await channels.ada.say(home, "two")
    await channels.waiting(["two"], home)
    looking, looked = asyncio.Event(), asyncio.Event()
    of_guild = channels.ledger.read_markers.of_guild

    async def slow(guild_id: int | None) -> tuple[ReadMarker, ...]:
        looking.set()
        await looked.wait()
        return await of_guild(guild_id)

    monkeypatch.setattr(channels.ledger.read_markers, "of_guild", slow)
    channels.sandbox.control.invalidate()
    await asyncio.wait_for(looking.wait(), PATIENCE)
    # The turn ends, and the channel would go on with what waits in it.
    gate.open()
    await channels.ended_turns(1)
    await channels.finished(home)
    looked.set()
    await channels.settled(3)
    assert await taken(channels) == ["one", "missed", "two"]


async def test_missed_questions_are_stored_as_soon_as_the_ledger_answers(
    channels: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.chat.intake.ledger_retry._LEDGER_RETRIES", endless(first_delay=0.01))
    home = await channels.ada.open_dm()
    await channels.ada.say(home, "one")
    await channels.finished(home)
    channels.sandbox.control.lose_events("MESSAGE_CREATE", times=1)
    await channels.ada.say(home, "missed")
    take, of_guild = channels.ledger.questions.take, channels.ledger.read_markers.of_guild
    failures = {"look": 2, "take": 2}

    def fail(what: str) -> None:
        if failures[what]:
            failures[what] -= 1
            raise LedgerError("the disk is full")

    async def look(guild_id: int | None) -> tuple[ReadMarker, ...]:
        fail("look")
        return await of_guild(guild_id)

    async def full(new: NewQuestion, *args: object, **values: object) -> bool:
        fail("take")
        return await take(new, *args, **values)  # type: ignore[arg-type]  # handed on as they are

    monkeypatch.setattr(channels.ledger.read_markers, "of_guild", look)
    monkeypatch.setattr(channels.ledger.questions, "take", full)
    channels.sandbox.control.invalidate()
    assert answer(await channels.finished(home, 2)) == "missed"
    assert failures == {"look": 0, "take": 0}


async def test_what_was_missed_in_a_server_that_comes_late_is_answered(
    channels: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = channels.sandbox.guild.add_text_channel("elsewhere")
    await channels.ask("one")
    await channels.finished(channels.general)
    await channels.stop_bot()
    await channels.ask("missed", channel=elsewhere)
    held: list[tuple[ConnectionState, Any]] = []
    come = ConnectionState.parse_guild_create
    with monkeypatch.context() as late:
        late.setattr(
            ConnectionState, "parse_guild_create", lambda state, data: held.append((state, data))
        )
        await channels.start_bot()
    # The rest goes on without it.
    home = await channels.ada.open_dm()
    await channels.ada.say(home, "hello")
    await channels.finished(home)
    assert [guild.unavailable for guild in channels.bot.guilds] == [True]
    come(*held[0])
    assert answer(await channels.finished(elsewhere)) == "missed"


async def test_missed_messages_are_not_requested_without_permission(
    channels: Community, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "bot.chat.catch_up.catch_up")
    closed = channels.sandbox.guild.add_text_channel("closed")
    channels.sandbox.control.forbid(closed, Permission.READ_MESSAGE_HISTORY)
    await channels.ask("one")
    await channels.finished(channels.general)
    await channels.stop_bot()
    await channels.ada.say(closed, "nobody in particular")
    await channels.ask("missed")
    caplog.clear()
    await channels.start_bot()
    assert answer(await channels.finished(channels.general, 2)) == "missed"
    # Discord counts what it refuses, and of whoever is refused too often it takes nothing more.
    assert "Reading 1 channels" in caplog.text
