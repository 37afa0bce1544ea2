"""Between a session's beginning and what was missed before it: no turn begins, nothing is lost."""

from typing import Any

import pytest
from discord.state import ConnectionState

from bot.chat.texts.fluent import localized
from bot.sandbox import Permission
from tests.scenarios.community import Community, answer
from tests.scenarios.questions.test_events import taken


async def test_no_turn_begins_before_what_was_missed_is_read(channels: Community) -> None:
    home = await channels.ada.open_dm()
    gate = channels.model.stall(then="one")
    await channels.ada.say(home, "one")
    await channels.model.until_request()
    channels.sandbox.faults.lose_events("MESSAGE_CREATE", times=1)
    await channels.ada.say(home, "missed")
    await channels.ada.say(home, "two")
    await channels.waiting(["two"], home)
    reading = channels.sandbox.faults.hold_requests("GET", "/channels/{channel_id}/messages")
    channels.sandbox.troubles.invalidate()
    await channels.befallen(reading)
    # The turn ends, and the channel would go on with what waits in it.
    gate.open()
    await channels.ended_turns(1)
    await channels.finished(home)
    reading.release()
    await channels.settled(3)
    assert await taken(channels) == ["one", "missed", "two"]


async def test_missed_questions_are_stored_as_soon_as_the_ledger_answers(
    channels: Community,
) -> None:
    channels.clock.sleep_speed = 100.0
    database = await channels.trouble_ledger()
    home = await channels.ada.open_dm()
    await channels.ada.say(home, "one")
    await channels.settled(1)
    channels.sandbox.faults.lose_events("MESSAGE_CREATE", times=1)
    await channels.ada.say(home, "missed")
    database.failing_reads = database.failing_writes = 2
    channels.sandbox.troubles.invalidate()
    assert answer(await channels.finished(home, 2)) == "missed"
    assert (database.failing_reads, database.failing_writes) == (0, 0)


async def test_a_question_that_is_being_refused_is_not_taken_from_the_missed_ones(
    channels: Community,
) -> None:
    database = await channels.trouble_ledger()
    home = await channels.ada.open_dm()
    await channels.ada.say(home, "one")
    await channels.settled(1)
    refusal = channels.sandbox.faults.hold_requests("POST", "/channels/{channel_id}/messages")
    database.failing_writes = 1
    refused = await channels.ada.say(home, "refused")
    await channels.befallen(refusal)
    channels.sandbox.faults.lose_events("MESSAGE_CREATE", times=1)
    await channels.ada.say(home, "missed")
    # The messages after "one" are read now, and the refusal is not among them yet.
    channels.sandbox.troubles.invalidate()
    await channels.settled(2)
    refusal.release()
    await channels.finished(home, 3)
    assert not await channels.ledger.questions.known([refused.id])
    assert await taken(channels) == ["one", "missed"]
    assert sorted(answer(reply) for reply in channels.replies(home)) == sorted(
        ["one", "missed", localized("not-saved")]
    )


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
    channels.sandbox.troubles.forbid(closed, Permission.READ_MESSAGE_HISTORY)
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
