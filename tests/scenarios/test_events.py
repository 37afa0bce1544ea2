"""Gateway events as Discord may send them: again, late, out of order, or after a break."""

import asyncio
import re

import discord
import pytest

from bot.chat.intake.listener import Listener
from bot.store.ledger import Link, Turn
from tests.scenarios.community import Community, answer


async def taken(whole: Community) -> list[str]:
    """All that was asked, in the order of the turns and in each in order."""
    found: list[str] = []
    number = 1
    while await whole.ledger.history.turn(number) is not None:
        found += [one.content for one in await whole.ledger.questions.of_turn(number)]
        number += 1
    return found


async def test_an_event_that_comes_three_times_is_one_question(channels: Community) -> None:
    repeated = channels.sandbox.control.repeat_events("MESSAGE_CREATE", times=4, copies=3)
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
    channels.sandbox.control.delay_events(1.0, "MESSAGE_CREATE", times=1)
    await channels.ask("late")
    await channels.ask("early")
    await channels.in_state(1, "running")
    await channels.waiting(["late"])
    gate.open()
    await channels.settled(2)
    assert await taken(channels) == ["early", "late"]
    assert [answer(reply) for reply in channels.replies(channels.general)] == ["early", "late"]


async def test_a_channels_questions_are_taken_in_the_order_of_their_events_whichever_read_is_slower(
    channels: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread = await channels.ada.start_thread(await channels.ask("begin"), "begin")
    await channels.finished(channels.general)
    both_came = asyncio.Event()
    came: list[int] = []
    link, on_message = channels.ledger.link, channels.bot.on_message

    async def counted(message: discord.Message) -> None:
        came.append(message.id)
        if len(came) == 2:
            both_came.set()
        await on_message(message)

    async def slow_for_the_first(channel_id: int) -> Link | None:
        # The second one's event is there before the first one's read is over.
        if not both_came.is_set():
            await both_came.wait()
            await asyncio.sleep(0.05)
        return await link(channel_id)

    monkeypatch.setattr(channels.bot, "on_message", counted)
    monkeypatch.setattr(channels.ledger, "link", slow_for_the_first)
    taken_in_order: list[int] = []
    take = channels.ledger.questions.take

    async def noted(question: object, *given: object, **named: object) -> bool:
        taken_in_order.append(question.id)  # type: ignore[attr-defined]  # a NewQuestion
        return await take(question, *given, **named)  # type: ignore[arg-type]  # as it was given

    monkeypatch.setattr(channels.ledger.questions, "take", noted)
    first = await channels.ask("one", channel=thread)
    second = await channels.ask("two", channel=thread)
    await channels.settled(3)
    assert taken_in_order == [first.id, second.id]


async def test_an_edit_during_the_storing_of_its_question_is_not_lost(
    channels: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread = await channels.ada.start_thread(await channels.ask("begin"), "begin")
    await channels.finished(channels.general)
    # Whatever comes next waits for this one's turn to be over.
    gate = channels.model.stall(then="first")
    await channels.ask("one", channel=thread)
    await channels.model.until_request(2)
    changed = asyncio.Event()
    on_edit, on_delete = channels.bot.on_raw_message_edit, channels.bot.on_raw_message_delete
    link = channels.ledger.link

    async def edited(payload: discord.RawMessageUpdateEvent) -> None:
        changed.set()
        await on_edit(payload)

    async def deleted(payload: discord.RawMessageDeleteEvent) -> None:
        changed.set()
        await on_delete(payload)

    async def slow(channel_id: int) -> Link | None:
        # The change's event is there before the question's read is over.
        await changed.wait()
        await asyncio.sleep(0.05)
        return await link(channel_id)

    monkeypatch.setattr(channels.bot, "on_raw_message_edit", edited)
    monkeypatch.setattr(channels.bot, "on_raw_message_delete", deleted)
    with monkeypatch.context() as slowly:
        slowly.setattr(channels.ledger, "link", slow)
        question = await channels.ask("tow", channel=thread)
        await channels.ada.edit(question, f"{channels.sandbox.bot_user.mention} two")
        await channels.waiting(["two"], thread)
        changed.clear()
        await channels.ada.delete(await channels.ask("never mind", channel=thread))
        await channels.ask("three", channel=thread)
        await channels.waiting(["two", "three"], thread)
    gate.open()
    await channels.settled(4)
    asked = [text for role, text in await channels.on_thread(thread) if role == "user"]
    assert asked == ["one", "two", "three"]


async def test_what_was_said_during_a_break_is_answered_once_after_a_resume(
    channels: Community,
) -> None:
    await channels.ask("one")
    await channels.finished(channels.general)
    channels.sandbox.drop_sockets()
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
    channels: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = await channels.ada.open_dm()
    handled = asyncio.Event()
    next_in, handle = channels.ledger.turns.next_in, Listener.message
    asked = ["two"]

    async def handling(
        listener: Listener, message: discord.Message, me: discord.ClientUser
    ) -> None:
        await handle(listener, message, me)
        handled.set()

    async def late(channel_id: int) -> Turn | None:
        turn = await next_in(channel_id)
        if turn is None and asked:
            handled.clear()
            await channels.ada.say(home, asked.pop())
            await handled.wait()
        return turn

    monkeypatch.setattr(Listener, "message", handling)
    monkeypatch.setattr(channels.ledger.turns, "next_in", late)
    await channels.ada.say(home, "one")
    assert answer(await channels.finished(home, 2)) == "two"
