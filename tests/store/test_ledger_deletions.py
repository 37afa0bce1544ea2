"""Deletions and edits in the ledger: which turns end, and which chores are stored."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import pytest

from bot.store.ledger import ChoreKind, Deletion, Ledger, Turn, TurnState
from tests.store.turns import (
    CHANNEL,
    ask,
    asked,
    brought_on,
    brought_to,
    open_turn,
    posted_as,
)

UNDECIDED: tuple[TurnState, ...] = ("waiting", "placed", "posted", "running")


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    book = await Ledger.open(tmp_path / "bot.db", lambda: 1_000.0)
    yield book
    await book.close()


async def current(ledger: Ledger, turn_id: int = 1) -> Turn:
    turn = await ledger.history.turn(turn_id)
    assert turn is not None
    return turn


async def chores(ledger: Ledger) -> list[tuple[str, str, str]]:
    """Kind, place and target of each of the channel's chores."""
    found = await ledger.chores.of_channel(CHANNEL, *get_args(ChoreKind))
    return [(chore.kind, chore.place, chore.target) for chore in found]


async def of_two(ledger: Ledger, state: TurnState) -> Turn:
    """Return a turn of two questions in a state; from ``posted`` on they are on its thread."""
    await ask(ledger, 2)
    turn = await open_turn(ledger)
    if state not in ("waiting", "placed"):
        await posted_as(ledger, 1, "msg_1")
        await posted_as(ledger, 2, "msg_2")
    return await brought_on(ledger, turn, state)


async def test_a_question_that_waits_is_withdrawn_and_its_text_forgotten(ledger: Ledger) -> None:
    await ask(ledger, 1)
    deletion = await ledger.deletions.messages_deleted([1])
    assert deletion == Deletion(frozenset({CHANNEL}))
    assert await ledger.turns.next_in(CHANNEL) is None
    assert await ledger.questions.question(1) is None


async def test_messages_that_are_neither_questions_nor_replies_change_nothing(
    ledger: Ledger,
) -> None:
    await brought_to(ledger, "running")
    deletion = await ledger.deletions.messages_deleted([5, 6])
    assert deletion == Deletion()


@pytest.mark.parametrize("state", UNDECIDED)
async def test_a_turn_whose_only_question_is_deleted_is_withdrawn(
    ledger: Ledger, state: TurnState
) -> None:
    turn = await brought_to(ledger, state)
    assert (await ledger.deletions.messages_deleted([1])).turns == {turn.id}
    after = await current(ledger)
    assert (after.state, after.outcome, after.attempt) == ("closing", "withdrawn", 1)
    discarded = {"posted": ("attempt", "thread_1", "1.1"), "running": ("run", "thread_1", "run_1")}
    assert await chores(ledger) == ([discarded[state]] if state in discarded else [])
    assert (await ledger.turns.closed(turn.id, 1)) is not None
    assert (await current(ledger)).state == "withdrawn"
    assert await ledger.turns.again(turn.id, 1) is None


@pytest.mark.parametrize("state", UNDECIDED)
async def test_a_turn_that_loses_one_of_two_questions_answers_the_other(
    ledger: Ledger, state: TurnState
) -> None:
    turn = await of_two(ledger, state)
    deletion = await ledger.deletions.messages_deleted([2])
    begun = state in ("posted", "running")
    assert deletion.turns == ({turn.id} if begun else frozenset())
    after = await current(ledger)
    assert (after.state, after.attempt) == (("waiting", 2) if begun else (state, 1))
    assert [question.id for question in await ledger.questions.of_turn(turn.id)] == [1]
    assert (("message", "thread_1", "msg_2") in await chores(ledger)) == begun
    # Nobody else may answer the question that is left, or the attempt that is over.
    assert await ledger.turns.run_created(turn.id, 1, "run_2") is None
    assert await ledger.turns.next_in(CHANNEL) == after


async def test_the_reply_refers_to_a_question_that_is_still_there(ledger: Ledger) -> None:
    await of_two(ledger, "waiting")
    assert (await current(ledger)).reply_to == 2
    await ledger.deletions.messages_deleted([2])
    assert (await current(ledger)).reply_to == 1


async def test_two_questions_that_are_deleted_one_after_the_other_end_the_turn(
    ledger: Ledger,
) -> None:
    await of_two(ledger, "running")
    await ledger.deletions.messages_deleted([1])
    await ledger.deletions.messages_deleted([2])
    after = await current(ledger)
    assert (after.state, after.outcome, after.attempt) == ("closing", "withdrawn", 2)
    assert await chores(ledger) == [
        ("message", "thread_1", "msg_1"),
        ("run", "thread_1", "run_1"),
        ("message", "thread_1", "msg_2"),
    ]


async def test_two_questions_that_are_deleted_together_end_the_turn_at_once(
    ledger: Ledger,
) -> None:
    await of_two(ledger, "running")
    await ledger.deletions.messages_deleted([1, 2])
    after = await current(ledger)
    assert (after.state, after.outcome, after.attempt) == ("closing", "withdrawn", 1)


async def test_a_cancelled_turn_that_loses_a_question_stays_cancelled(ledger: Ledger) -> None:
    turn = await of_two(ledger, "running")
    assert await ledger.turns.request_cancel(turn.id, 1, 7, "Ada") is not None
    await ledger.deletions.messages_deleted([1])
    assert (await current(ledger)).state == "running"
    assert await ledger.turns.closing(turn.id, 1, "cancelled") is not None


@pytest.mark.parametrize("state", ["closing", "answered", "cancelled", "failed"])
async def test_a_question_that_is_deleted_after_its_run_leaves_the_thread_alone(
    ledger: Ledger, state: TurnState
) -> None:
    await of_two(ledger, state)
    deletion = await ledger.deletions.messages_deleted([1])
    assert deletion == Deletion(frozenset({CHANNEL}))
    assert (await current(ledger)).state == state
    assert await chores(ledger) == [("message", "thread_1", "msg_1")]


async def test_a_question_that_is_deleted_while_it_is_posted_keeps_its_turn_from_being_posted(
    ledger: Ledger,
) -> None:
    turn = await of_two(ledger, "placed")
    question = await ledger.questions.question(2)
    assert question is not None
    await ledger.deletions.messages_deleted([2])
    await ledger.questions.message_posted(question, "thread_1", "msg_2")
    assert await ledger.turns.posted(turn.id, 1, "thread_1") is None
    (chore,) = await ledger.chores.of_channel(CHANNEL, "message")
    await ledger.chores.done(chore)
    assert await ledger.turns.posted(turn.id, 1, "thread_1") is not None


async def test_a_message_that_a_killed_process_may_have_posted_is_looked_for(
    ledger: Ledger,
) -> None:
    await ask(ledger, 1)
    await ledger.set_thread(CHANNEL, "thread_1", instead_of=None)
    turn = await ledger.turns.next_in(CHANNEL)
    assert turn is not None
    await brought_on(ledger, turn, "placed")
    await ledger.deletions.messages_deleted([1])
    assert await chores(ledger) == [("question", "thread_1", "1")]


@pytest.mark.parametrize("state", ["placed", "posted", "running", "closing"])
async def test_a_deleted_reply_ends_its_turn(ledger: Ledger, state: TurnState) -> None:
    turn = await brought_to(ledger, state)
    deletion = await ledger.deletions.messages_deleted([77])
    assert deletion.turns == {turn.id}
    after = await current(ledger)
    assert (after.state, after.outcome, after.parts) == ("closing", "withdrawn", ())
    # Whatever the run still says: the outcome is decided.
    assert await ledger.turns.closing(turn.id, 1, "answered") is None
    assert (await ledger.turns.closed(turn.id, 1)) is not None
    assert (await current(ledger)).state == "withdrawn"


async def test_the_parts_that_are_left_of_a_reply_are_numbered_without_a_gap(
    ledger: Ledger,
) -> None:
    turn = await brought_to(ledger, "answered")
    await ledger.turns.set_part(turn.id, 1, 78)
    await ledger.turns.set_part(turn.id, 2, 79)
    await ledger.deletions.messages_deleted([78])
    await ledger.turns.set_part(turn.id, 2, 80)
    assert (await current(ledger)).parts == (77, 79, 80)


async def test_an_answer_whose_reply_was_deleted_leaves_the_thread(ledger: Ledger) -> None:
    turn = await brought_to(ledger, "answered")
    await ledger.turns.set_part(turn.id, 1, 78)
    await ledger.deletions.messages_deleted([78])
    assert await chores(ledger) == []
    await ledger.deletions.messages_deleted([77])
    assert await chores(ledger) == [("run", "thread_1", "run_1")]
    assert (await current(ledger)).state == "answered"


async def test_what_the_bot_deletes_itself_ends_no_turn(ledger: Ledger) -> None:
    turn = await brought_to(ledger, "running")
    await ledger.turns.drop_parts(turn, 0)
    deletion = await ledger.deletions.messages_deleted([77])
    assert deletion.turns == frozenset()
    assert (await current(ledger)).state == "running"


@pytest.mark.parametrize("state", ["answered", "cancelled"])
async def test_an_edit_after_the_answer_offers_another_one(
    ledger: Ledger, state: TurnState
) -> None:
    turn = await of_two(ledger, state)
    assert await ledger.questions.amend(asked(1, "How?")) == CHANNEL
    assert await chores(ledger) == [("offer", str(turn.id), "1")]
    again = await ledger.turns.again(turn.id, 1)
    assert again is not None
    assert (again.state, again.attempt, again.run_id) == ("waiting", 2, None)
    assert ("run", "thread_1", "run_1") in await chores(ledger)
    # The first edited question and all behind it are posted anew, so that their order stays.
    await ledger.questions.replace_outdated(turn.id)
    questions = await ledger.questions.of_turn(turn.id)
    assert [question.message_id for question in questions] == [None, None]
    assert ("message", "thread_1", "msg_2") in await chores(ledger)


async def test_an_edit_of_an_older_question_offers_nothing(ledger: Ledger) -> None:
    turn = await of_two(ledger, "answered")
    await brought_to(ledger, "answered", 3)
    assert await ledger.questions.amend(asked(1, "How?")) is None
    assert await ledger.turns.again(turn.id, 1) is None


async def test_an_edit_during_the_run_offers_another_answer_when_this_one_is_there(
    ledger: Ledger,
) -> None:
    turn = await of_two(ledger, "running")
    assert await ledger.questions.amend(asked(2, "How?")) is None
    await ledger.turns.closing(turn.id, 1, "answered")
    await ledger.turns.closed(turn.id, 1)
    assert await chores(ledger) == [("offer", str(turn.id), "1")]


async def test_an_edit_while_a_question_is_posted_keeps_its_turn_from_being_posted(
    ledger: Ledger,
) -> None:
    turn = await brought_to(ledger, "placed")
    question = await ledger.questions.question(1)
    assert question is not None
    await ledger.questions.amend(asked(1, "How?"))
    await ledger.questions.message_posted(question, "thread_1", "msg_1")
    assert await ledger.turns.posted(turn.id, 1, "thread_1") is None
    await ledger.questions.replace_outdated(turn.id)
    (chore,) = await ledger.chores.of_channel(CHANNEL, "message")
    await ledger.chores.done(chore)
    await posted_as(ledger, 1, "msg_2")
    assert await ledger.turns.posted(turn.id, 1, "thread_1") is not None


async def test_a_reaction_is_removed_only_where_one_may_be(ledger: Ledger) -> None:
    await ask(ledger, 1)
    await ask(ledger, 2)
    assert await ledger.questions.mark(2)
    turn = await ledger.turns.next_in(CHANNEL)
    assert turn is not None
    assert turn.has_chores
    assert await chores(ledger) == [("reaction", "50", "2")]
    # The turn has begun: no reaction is added any more.
    assert not await ledger.questions.mark(1)
    assert await ledger.chores.channels() == (CHANNEL,)
