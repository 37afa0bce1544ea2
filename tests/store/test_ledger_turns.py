"""Turns in the ledger: the allowed moves, and the fields that they count, keep and clear."""

import itertools
from collections.abc import Awaitable, Callable
from typing import get_args

import pytest

from bot.store.ledger import (
    OPEN,
    TURN_MOVES,
    Ledger,
    Turn,
    TurnState,
)
from tests.store.turns import CHANNEL, ask, brought_to, posted_as
from tests.support.fake_clock import FakeClock


async def waiting_again(book: Ledger, turn_id: int) -> Turn | None:
    """Ask for the next attempt: by Retry, "Answer again", or by deleting one of two questions."""
    retried = await book.turns.retry(turn_id, 1) or await book.turns.again(turn_id, 1)
    if retried is not None or len(await book.questions.of_turn(turn_id)) == 1:
        return retried
    deletion = await book.deletions.messages_deleted([1])
    return await book.history.turn(turn_id) if deletion.turns else None


MOVES: dict[TurnState, Callable[[Ledger, int], Awaitable[Turn | None]]] = {
    "placed": lambda book, id_: book.turns.placed(id_, 1, 78),
    "posted": lambda book, id_: book.turns.posted(id_, 1, "thread_2"),
    "running": lambda book, id_: book.turns.run_created(id_, 1, "run_2"),
    "closing": lambda book, id_: book.turns.closing(id_, 1, "failed", error="x"),
    "waiting": waiting_again,
}


@pytest.mark.parametrize(("state", "target"), list(itertools.product(get_args(TurnState), MOVES)))
async def test_a_turn_moves_only_as_the_table_says(
    ledger: Ledger, state: TurnState, target: TurnState
) -> None:
    if target == "waiting" and state in ("posted", "running"):
        await ask(ledger, 2)
    turn = await brought_to(ledger, state)
    if (state, target) == ("posted", "placed"):
        assert await ledger.turns.lost_thread(turn.id, 1) is not None
        return
    moved = await MOVES[target](ledger, turn.id)
    after = await ledger.history.turn(turn.id)
    assert after is not None
    if target in TURN_MOVES[state]:
        assert moved == after
        assert after.state == target
    else:
        assert moved is None
        assert after == turn


@pytest.mark.parametrize("state", get_args(TurnState))
async def test_only_a_closing_turn_can_be_closed(ledger: Ledger, state: TurnState) -> None:
    turn = await brought_to(ledger, state)
    assert (await ledger.turns.closed(turn.id, 1) is not None) == (state == "closing")


@pytest.mark.parametrize("state", get_args(TurnState))
async def test_a_turn_owes_an_answer_until_it_has_ended(ledger: Ledger, state: TurnState) -> None:
    turn = await brought_to(ledger, state)
    assert turn.open == (state in OPEN) == (turn.ended_at is None)


async def test_a_retry_keeps_the_questions_and_forgets_how_the_last_attempt_ended(
    ledger: Ledger, clock: FakeClock
) -> None:
    turn = await brought_to(ledger, "failed")
    await posted_as(ledger, 1, "msg_1")
    clock.advance(1_000)
    retried = await ledger.turns.retry(turn.id, 1)
    assert retried is not None
    assert (retried.state, retried.attempt, retried.run_id, retried.outcome, retried.error) == (
        "waiting",
        2,
        None,
        None,
        None,
    )
    assert retried.started_at == clock.now()
    assert retried.parts == (77,)
    (question,) = await ledger.questions.of_turn(turn.id)
    assert (question.thread_id, question.message_id) == ("thread_1", "msg_1")


async def test_a_turn_under_way_goes_before_one_that_waits_for_its_retry(ledger: Ledger) -> None:
    failed = await brought_to(ledger, "failed")
    await ask(ledger, 2)
    second = await ledger.turns.next_in(CHANNEL)
    assert second is not None
    await ledger.turns.placed(second.id, 1, 90)
    await ledger.turns.retry(failed.id, 1)
    current = await ledger.turns.next_in(CHANNEL)
    assert current is not None
    assert current.id == second.id


@pytest.mark.parametrize("state", get_args(TurnState))
async def test_a_wish_to_cancel_is_stored_until_the_outcome_is_known(
    ledger: Ledger, state: TurnState
) -> None:
    turn = await brought_to(ledger, state)
    cancelled = await ledger.turns.request_cancel(turn.id, 1, 5, "Bo")
    assert (cancelled is not None) == (state in ("waiting", "placed", "posted", "running"))
    if cancelled is not None:
        assert cancelled.canceller is not None
        assert cancelled.canceller.name == "Bo"
        second = await ledger.turns.request_cancel(turn.id, 1, 6, "Cy")
        assert second is not None
        assert second.canceller == cancelled.canceller


async def test_starts_within_seconds_count_once_against_a_turn(
    ledger: Ledger, clock: FakeClock
) -> None:
    first = await brought_to(ledger, "posted")
    counted: list[tuple[bool, int]] = []
    for seconds in (0, 1, 30, 28, 1, 59, 1):
        clock.advance(seconds)
        counts = await ledger.turns.count_interruptions()
        turn = await ledger.history.turn(first.id)
        assert turn is not None
        counted.append((counts, turn.interruptions))
    assert counted == [
        (True, 1),
        (False, 1),
        (False, 1),
        (False, 1),
        (True, 2),
        (False, 2),
        (True, 3),
    ]


async def test_a_turn_made_between_two_quick_starts_counts_one_interruption(
    ledger: Ledger,
) -> None:
    await ledger.turns.count_interruptions()
    turn = await brought_to(ledger, "posted")
    assert not await ledger.turns.count_interruptions()
    picked = await ledger.history.turn(turn.id)
    assert picked is not None
    assert picked.interruptions == 1


async def test_starts_count_after_the_clock_was_set_back(ledger: Ledger, clock: FakeClock) -> None:
    assert await ledger.turns.count_interruptions()
    clock.advance(-3_600)
    assert await ledger.turns.count_interruptions()


async def test_interruptions_are_counted_in_a_state_and_begin_anew_in_the_next(
    ledger: Ledger, clock: FakeClock
) -> None:
    turn = await brought_to(ledger, "posted")
    for count in (1, 2):
        clock.advance(60)
        await ledger.turns.count_interruptions()
        picked = await ledger.history.turn(turn.id)
        assert picked is not None
        assert picked.interruptions == count
    await ledger.turns.discount_interruptions()
    discounted = await ledger.history.turn(turn.id)
    assert discounted is not None
    assert discounted.interruptions == 1
    moved = await ledger.turns.run_created(turn.id, 1, "run_1")
    assert moved is not None
    assert moved.interruptions == 0


async def test_a_placeholder_sent_while_the_question_was_deleted_is_a_part_of_the_reply(
    ledger: Ledger,
) -> None:
    turn = await brought_to(ledger, "waiting")
    await ledger.deletions.messages_deleted([1])
    assert await ledger.turns.placed(turn.id, 1, 77) is None
    closing = await ledger.history.turn(turn.id)
    assert closing is not None
    assert (closing.state, closing.outcome, closing.parts) == ("closing", "withdrawn", (77,))


async def test_parts_of_a_reply_are_kept_in_order_and_forgotten_from_the_end(
    ledger: Ledger,
) -> None:
    turn = await brought_to(ledger, "placed")
    await ledger.turns.set_part(turn.id, 2, 79)
    await ledger.turns.set_part(turn.id, 1, 78)
    await ledger.turns.set_part(turn.id, 0, 70)
    current = await ledger.history.turn(turn.id)
    assert current is not None
    assert current.parts == (70, 78, 79)
    assert await ledger.turns.known_parts([77, 78, 1]) == {78}
    await ledger.turns.drop_parts(current, 1)
    current = await ledger.history.turn(turn.id)
    assert current is not None
    assert current.parts == (70,)
    # Their messages have to be deleted, and are the bot's until then.
    chores = await ledger.chores.of_channel(CHANNEL, "part")
    assert [chore.target for chore in chores] == ["78", "79"]
    assert await ledger.turns.known_parts([70, 77, 78]) == {70, 78}
