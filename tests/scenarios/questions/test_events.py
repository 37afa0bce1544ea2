"""Gateway events as Discord may send them: again, late, out of order, or after a break."""

import asyncio
import logging
import re
from dataclasses import replace
from typing import Any

import pytest

from tests.scenarios.community import Community, answer
from tests.support.eventually import eventually


async def taken(whole: Community) -> list[str]:
    """All that was asked, in the order of the turns and in each in order."""
    found: list[str] = []
    number = 1
    while await whole.ledger.history.turn(number) is not None:
        found += [one.content for one in await whole.ledger.questions.of_turn(number)]
        number += 1
    return found


async def test_an_event_that_comes_three_times_is_one_question(channels: Community) -> None:
    repeated = channels.sandbox.faults.repeat_events("MESSAGE_CREATE", times=4, copies=3)
    await channels.ask("one")
    await channels.finished(channels.general)
    await channels.ask("two")
    await channels.finished(channels.general, 2)
    await channels.settled(2)
    assert repeated.hits >= 4
    assert [answer(reply) for reply in channels.replies(channels.general)] == ["one", "two"]
    assert len(await channels.runs_on(channels.general)) == 2


async def test_an_overtaken_event_is_answered_once(
    channels: Community,
) -> None:
    gate = channels.model.gate()
    channels.model.say("early", first=gate)
    channels.sandbox.faults.lose_events("MESSAGE_CREATE", times=1)
    late = await channels.ask("late")
    await channels.ask("early")
    await channels.in_state(1, "running")
    channels.sandbox.world.emit_message("MESSAGE_CREATE", late)
    await channels.waiting(["late"])
    gate.open()
    await channels.settled(2)
    assert await taken(channels) == ["early", "late"]
    assert [answer(reply) for reply in channels.replies(channels.general)] == ["early", "late"]


async def arrives(whole: Community, event: str, text: str = "") -> None:
    """Wait until discord.py has an event, of a message with this text."""

    def is_it(payload: Any) -> bool:
        return text in getattr(payload, "content", "")

    await whole.bot.wait_for(event, check=is_it)


async def test_a_channels_questions_are_taken_in_the_order_of_their_events_whichever_read_is_slower(
    channels: Community,
) -> None:
    database = await channels.trouble_ledger()
    thread = await channels.ada.start_thread(await channels.ask("begin"), "begin")
    await channels.finished(channels.general)
    await channels.settled(1)
    slow = database.hold_next_read()
    first = await channels.ask("one", channel=thread)
    await slow.begun.wait()
    second_comes = asyncio.create_task(arrives(channels, "message", "two"))
    second = await channels.ask("two", channel=thread)
    await second_comes
    # The first question would be overtaken now: other reads are answered.
    await channels.ada.command(channels.general, "runs list")
    slow.release()
    await channels.settled(3)
    stored = await database.read(
        lambda db: db.execute("SELECT id FROM questions ORDER BY received_at").fetchall()
    )
    assert [id_ for (id_,) in stored][1:] == [first.id, second.id]


async def test_an_edit_during_the_storing_of_its_question_is_not_lost(channels: Community) -> None:
    database = await channels.trouble_ledger()
    thread = await channels.ada.start_thread(await channels.ask("begin"), "begin")
    await channels.finished(channels.general)
    await channels.settled(1)
    # Whatever comes next waits for this one's turn to be over.
    gate = channels.model.stall(then="first")
    await channels.ask("one", channel=thread)
    await channels.model.until_request(2)
    await channels.in_state(2, "running")
    slow = database.hold_next_read()
    question = await channels.ask("tow", channel=thread)
    await slow.begun.wait()
    edit_comes = asyncio.create_task(arrives(channels, "raw_message_edit"))
    await channels.ada.edit(question, f"{channels.sandbox.bot_user.mention} two")
    await edit_comes
    slow.release()
    await channels.waiting(["two"], thread)
    slow = database.hold_next_read()
    question = await channels.ask("never mind", channel=thread)
    await slow.begun.wait()
    deletion_comes = asyncio.create_task(arrives(channels, "raw_message_delete"))
    await channels.ada.delete(question)
    await deletion_comes
    slow.release()
    await channels.ask("three", channel=thread)
    await channels.waiting(["two", "three"], thread)
    gate.open()
    await channels.settled(4)
    asked = [text for role, text in await channels.on_thread(thread) if role == "user"]
    assert [text.splitlines()[0] for text in asked[1:]] == ["Ada: one", "two", "three"]


async def test_what_was_said_during_a_break_is_answered_once_after_a_resume(
    channels: Community,
) -> None:
    await channels.ask("one")
    await channels.finished(channels.general)
    channels.sandbox.troubles.drop_socket()
    await channels.ask("two")
    await channels.settled(2)
    assert [answer(reply) for reply in channels.replies(channels.general)] == ["one", "two"]


@pytest.mark.parametrize("jump", [-90_000.0, 90_000.0])
async def test_a_clock_that_jumps_in_the_middle_of_an_answer_changes_nothing_of_it(
    channels: Community, jump: float
) -> None:
    gate = channels.model.gate()
    channels.model.say("In time.", first=gate)
    await channels.ask("one")
    await channels.in_state(1, "running")
    channels.clock.later = jump
    gate.open()
    await channels.settled(1)
    # Nor what is said of its time.
    note = channels.replies(channels.general)[0].content.splitlines()[-1]
    assert re.match(r"-# \d+\.\d s · ", note), note
    await channels.ask("two")
    await channels.settled(2)
    assert [answer(reply) for reply in channels.replies(channels.general)] == ["In time.", "two"]


async def test_a_question_that_arrives_as_its_channels_worker_ends_is_answered(
    channels: Community,
) -> None:
    channels.limits = replace(channels.limits, write_seconds=3_600.0, progress_grace=0.05)
    database = await channels.trouble_ledger()
    home = await channels.ada.open_dm()
    gate = channels.model.gate()
    channels.model.say("one", first=gate)
    await channels.ada.say(home, "one")
    await channels.in_state(1, "running")
    # The turn's last two writes, and the look for another turn, which finds none.
    worker_ends = database.hold_result(3)
    gate.open()
    await worker_ends.begun.wait()
    assert not (await channels.ended_turns(1))[0].open
    await channels.ada.say(home, "two")
    await channels.waiting(["two"], home)
    worker_ends.release()
    assert answer(await channels.finished(home, 2)) == "two"


async def test_a_question_that_the_stop_overtakes_is_answered_after_the_start(
    channels: Community, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot")
    database = await channels.trouble_ledger()
    thread = await channels.ada.start_thread(await channels.ask("begin"), "begin")
    await channels.finished(channels.general)
    await channels.settled(1)
    slow = database.hold_next_read()
    await channels.ask("one", channel=thread)
    await slow.begun.wait()
    await channels.stop_bot()
    slow.release()
    await eventually(lambda: "waits for the next start" in caplog.text)
    assert "Traceback" not in caplog.text
    await channels.start_bot()
    assert "one" in answer(await channels.finished(thread))
    assert len(channels.replies(thread)) == 1
