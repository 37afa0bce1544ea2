"""Killed between any two states of the ledger, the bot goes on: nothing lost, nothing twice."""

import pytest

from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.sandbox import Channel, Permission
from bot.sandbox.faults import RequestFault
from bot.store.ledger import OPEN, Ledger, NewQuestion
from tests.scenarios.bot_process import killed
from tests.scenarios.community import UNDER_AN_ANSWER, Community, answer, is_final, labels
from tests.support.eventually import eventually
from tests.support.model_turns import say

HISTORY = "/channels/{channel_id}/messages"

POINTS = {
    "after questions.take": None,
    "before questions.route": None,
    "after questions.route": None,
    "after turns.next_in": "waiting",
    "before turns.placed": "waiting",
    "after turns.placed": "placed",
    "after spending.reserve": "placed",
    "before set_thread": "placed",
    "after set_thread": "placed",
    "before questions.message_posted": "placed",
    "after questions.message_posted": "placed",
    "before turns.posted": "placed",
    "after turns.posted": "posted",
    "before turns.run_created": "posted",
    "after turns.run_created": "running",
    "before turns.closing": "running",
    "after turns.closing": "closing",
    "before turns.closed": "closing",
    "after turns.closed": "answered",
}
"""Where the process is killed, and the state in which the ledger has the turn then."""


async def state_on_disk(whole: Community) -> str | None:
    book = await Ledger.open(whole.directory / "bot.db", whole.clock.now)
    turn = await book.history.turn(1)
    await book.close()
    return None if turn is None else turn.state


def test_every_open_state_is_one_that_a_process_was_killed_in() -> None:
    assert set(OPEN) <= set(POINTS.values())


@pytest.mark.parametrize("point", POINTS)
async def test_killed_anywhere_the_question_is_answered_once(asleep: Community, point: str) -> None:
    await killed(asleep, point)
    assert await state_on_disk(asleep) == POINTS[point]
    # Later than Discord remembers nonces: what is there must be found by looking.
    asleep.sandbox.advance(600)
    await asleep.start_engine()
    await asleep.start_bot()
    await asleep.settled(1)
    (thread,) = asleep.sandbox.guild.threads
    (reply,) = asleep.replies(thread)
    assert answer(reply) == "one"
    assert labels(reply) == UNDER_AN_ANSWER
    assert asleep.replies(asleep.general) == []
    assert await asleep.on_thread(thread) == [("user", "one"), ("assistant", "one")]
    (run,) = await asleep.runs_on(thread)
    # What was reserved is settled by the run's own use, once.
    assert run.usage is not None
    spent = await eventually(lambda: asleep.ledger.spending.of_attempt(1, 1))
    assert spent is not None
    assert spent.tokens == run.usage.total_tokens
    assert await asleep.ledger.spending.open_charges() == ()
    # And the conversation goes on.
    await asleep.ada.say(thread, "two")
    assert answer(await asleep.finished(thread, 2)) == "two"


@pytest.mark.parametrize("point", ["before turns.set_part", "after turns.set_part"])
async def test_killed_while_a_long_answer_is_posted_every_part_stands_once(
    asleep: Community, point: str
) -> None:
    text = "\n\n".join(f"{number} " + "word " * 150 for number in range(6))
    asleep.model.otherwise = lambda asked: say(text)
    await killed(asleep, point)
    asleep.sandbox.advance(600)
    await asleep.start_engine()
    await asleep.start_bot()
    await asleep.settled(1)
    (thread,) = asleep.sandbox.guild.threads
    parts = asleep.replies(thread)
    assert len(parts) == 3
    said = " ".join(answer(part) for part in parts)
    assert said.split() == text.split()


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize(
    "point", ["before turns.placed", "before turns.run_created", "before turns.closing"]
)
async def test_killed_and_then_not_let_read_the_history_the_question_is_answered_once(
    asleep: Community, point: str, refused: bool
) -> None:
    await killed(asleep, point)
    (thread,) = asleep.sandbox.guild.threads
    refusal = may_not_be_read(asleep, thread, refused=refused)
    await asleep.start_engine()
    await asleep.start_bot()
    await asleep.settled(1)
    (reply,) = asleep.replies(thread)
    assert answer(reply) == "one"
    assert labels(reply) == UNDER_AN_ANSWER
    assert len(await asleep.runs_on(thread)) == 1
    assert bool(refusal.hits) == (refused and point == "before turns.placed")


@pytest.mark.parametrize("refused", [False, True])
async def test_killed_in_a_long_answer_and_then_not_let_read_the_history_each_part_stands_once(
    asleep: Community, refused: bool
) -> None:
    text = "\n\n".join(f"{number} " + "word " * 150 for number in range(6))
    asleep.model.otherwise = lambda asked: say(text)
    await killed(asleep, "before turns.set_part")
    (thread,) = asleep.sandbox.guild.threads
    refusal = may_not_be_read(asleep, thread, refused=refused)
    await asleep.start_engine()
    await asleep.start_bot()
    await asleep.settled(1)
    parts = asleep.replies(thread)
    assert len(parts) == 3
    assert " ".join(answer(part) for part in parts).split() == text.split()
    assert bool(refusal.hits) == refused


def may_not_be_read(whole: Community, channel: Channel, *, refused: bool) -> RequestFault:
    """Take the right to read a channel's history; Discord shows nothing of it then, or refuses."""
    whole.sandbox.troubles.forbid(channel, Permission.READ_MESSAGE_HISTORY)
    refusal = whole.sandbox.faults.fail_next("GET", HISTORY, status=403, code=50001, times=None)
    if not refused:
        whole.sandbox.faults.remove(refusal)
    return refusal


async def test_a_turn_interrupted_by_three_starts_is_given_up_in_words(
    asleep: Community,
) -> None:
    await killed(asleep, "after turns.posted")
    book = await Ledger.open(asleep.directory / "bot.db", asleep.clock.now)
    for _ in range(3):
        asleep.clock.later += 60
        await book.turns.count_interruptions()
    asleep.clock.later += 60
    await book.close()
    await asleep.start_engine()
    await asleep.start_bot()
    await asleep.settled(1)
    (thread,) = asleep.sandbox.guild.threads
    (reply,) = asleep.replies(thread)
    assert reply.content == sentences.failure("gave_up")
    await asleep.ada.click(reply, "Retry")
    await asleep.until(lambda: is_final(reply) and answer(reply) == "one")


async def test_three_starts_within_seconds_give_no_turn_up(asleep: Community) -> None:
    await killed(asleep, "after turns.posted")
    book = await Ledger.open(asleep.directory / "bot.db", asleep.clock.now)
    for _ in range(5):
        await book.turns.count_interruptions()
    await book.close()
    await asleep.start_engine()
    await asleep.start_bot()
    await asleep.settled(1)
    (thread,) = asleep.sandbox.guild.threads
    (reply,) = asleep.replies(thread)
    assert answer(reply) == "one"
    assert await asleep.on_thread(thread) == [("user", "one"), ("assistant", "one")]


@pytest.mark.parametrize("ended", [True, False])
async def test_a_run_that_ended_while_the_bot_was_killed_again_and_again_is_its_answer(
    asleep: Community, ended: bool
) -> None:
    gate = asleep.model.gate()
    asleep.model.otherwise = lambda asked: say("Done.", first=gate)
    await killed(asleep, "after turns.run_created")
    book = await Ledger.open(asleep.directory / "bot.db", asleep.clock.now)
    for _ in range(3):
        asleep.clock.later += 60
        await book.turns.count_interruptions()
    asleep.clock.later += 60
    await book.close()
    await asleep.start_engine()
    if ended:
        gate.open()
        book = await Ledger.open(asleep.directory / "bot.db", asleep.clock.now)
        turn = await book.history.turn(1)
        await book.close()
        assert turn is not None
        thread_id, run_id = turn.thread_id or "", turn.run_id or ""
        await eventually(
            lambda: asleep.api.retrieve_run(thread_id, run_id),
            lambda run: run.status == "completed",
        )
    await asleep.start_bot()
    await asleep.settled(1)
    (thread,) = asleep.sandbox.guild.threads
    (reply,) = asleep.replies(thread)
    assert answer(reply) == ("Done." if ended else sentences.failure("gave_up"))
    (run,) = await asleep.runs_on(thread)
    assert run.status == ("completed" if ended else "cancelled")


async def test_stopping_in_order_counts_against_no_turn(asleep: Community) -> None:
    gate = asleep.model.stall(then="At last.")
    await asleep.start_engine()
    await asleep.start_bot()
    question = await asleep.ask("one")
    thread = await asleep.thread_of(question)
    await asleep.model.until_request()
    for _ in range(5):
        await asleep.stop_bot()
        await asleep.start_bot()
    gate.open()
    assert answer(await asleep.finished(thread)) == "At last."


async def cancelled_meanwhile(asleep: Community) -> Channel:
    """Start with Cancel pressed, and return the channel thread once its reply says so."""
    book = await Ledger.open(asleep.directory / "bot.db", asleep.clock.now)
    await book.turns.request_cancel(1, 1, asleep.ada.id, "Ada")
    await book.close()
    await asleep.start_engine()
    await asleep.start_bot()
    await asleep.settled(1)
    (thread,) = asleep.sandbox.guild.threads
    (reply,) = asleep.replies(thread)
    assert reply.content == "-# Cancelled by Ada."
    return thread


async def test_cancel_pressed_before_a_kill_still_cancels(asleep: Community) -> None:
    asleep.model.stall()
    await killed(asleep, "before turns.run_created")
    thread = await cancelled_meanwhile(asleep)
    (run,) = await asleep.runs_on(thread)
    assert run.status == "cancelled"


@pytest.mark.parametrize("point", ["after turns.placed", "after turns.posted"])
async def test_cancel_before_the_run_exists_prevents_it(asleep: Community, point: str) -> None:
    await killed(asleep, point)
    thread = await cancelled_meanwhile(asleep)
    link = await asleep.ledger.link(thread.id)
    assert link is not None
    # Nor is anything of it on a thread that was not there yet.
    assert (link.thread_id is None) == (point == "after turns.placed")
    assert link.thread_id is None or await asleep.runs_on(thread) == ()


async def test_a_retry_that_was_pressed_before_a_kill_is_made(asleep: Community) -> None:
    asleep.model.fail(400)
    await killed(asleep, "after turns.closed")
    book = await Ledger.open(asleep.directory / "bot.db", asleep.clock.now)
    assert await book.turns.retry(1, 1) is not None
    await book.close()
    await asleep.start_engine()
    await asleep.start_bot()
    await asleep.settled(1)
    (thread,) = asleep.sandbox.guild.threads
    (reply,) = asleep.replies(thread)
    assert answer(reply) == "one"
    assert len(await asleep.runs_on(thread)) == 2
    assert await asleep.on_thread(thread) == [("user", "one"), ("assistant", "one")]


async def test_questions_that_waited_when_it_was_killed_are_answered_together(
    asleep: Community,
) -> None:
    await killed(asleep, "after turns.run_created")
    (thread,) = asleep.sandbox.guild.threads
    book = await Ledger.open(asleep.directory / "bot.db", asleep.clock.now)
    for text in ("two", "three"):
        message = await asleep.ada.say(thread, text)
        link = await book.link(thread.id)
        new = NewQuestion(
            id=message.id,
            channel_id=thread.id,
            guild_id=asleep.sandbox.guild.id,
            author_id=asleep.ada.id,
            author_name="Ada",
            content=text,
        )
        assert await book.questions.take(new, link)
    await book.close()
    await asleep.start_engine()
    await asleep.start_bot()
    await asleep.settled(3)
    assert [answer(reply) for reply in asleep.replies(thread)] == ["one", "three"]
    asked = [text for role, text in await asleep.on_thread(thread) if role == "user"]
    assert asked == ["one", "two", "three"]


@pytest.mark.parametrize("number", range(1, 8))
async def test_a_ledger_that_cannot_be_written_for_a_moment_loses_and_doubles_nothing(
    channels: Community, number: int
) -> None:
    database = await channels.trouble_ledger()
    database.sound_writes, database.failing_writes = number, 1
    database.on_failure = lambda: channels.sandbox.advance(600)
    question = await channels.ask("one")
    reply = await channels.finished(channels.general)
    await eventually(lambda: database.failing_writes == 0)
    # The bot's own bookkeeping writes, too: the failed write may be the one of the question.
    if not await channels.ledger.questions.known([question.id]):
        assert reply.content == localized("not-saved")
        return
    await channels.settled(1)
    (reply,) = channels.replies(channels.general)
    assert answer(reply) == "one"
    assert await channels.on_thread(channels.general) == [("user", "one"), ("assistant", "one")]
    assert len(await channels.runs_on(channels.general)) == 1


async def test_a_question_that_the_disk_cannot_store_is_refused_in_words(
    channels: Community,
) -> None:
    database = await channels.trouble_ledger()
    database.failing_writes = 1_000
    await channels.ask("one")
    told = await channels.reply(channels.general)
    assert told.content == localized("not-saved")
    database.failing_writes = 0
    await channels.ask("two")
    assert answer(await channels.finished(channels.general, 2)) == "two"
