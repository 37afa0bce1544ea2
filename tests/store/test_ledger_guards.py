"""The ledger refuses a question in a full queue, a second routing, and moves of past attempts."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import get_args

import pytest

from bot.store.ledger import Ledger, NewQuestion, QueueFullError, Turn, TurnState
from bot.store.ledger.transactions import writes
from tests.store.test_ledger_turns import MOVES
from tests.store.turns import CHANNEL, ask, brought_on, brought_to, home, open_turn
from tests.support.fake_clock import FakeClock


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    book = await Ledger.open(tmp_path / "bot.db", lambda: 1_000.0)
    yield book
    await book.close()


async def test_a_question_that_was_withdrawn_before_it_was_routed_stays_unrouted(
    ledger: Ledger,
) -> None:
    new = NewQuestion(
        id=1, channel_id=50, guild_id=9, author_id=1, author_name="Ada", content="Why?"
    )
    assert await ledger.questions.take(new)
    assert await ledger.questions.withdraw(1)
    assert await ledger.questions.unrouted() == ()


async def test_a_question_of_a_turn_can_not_be_withdrawn(ledger: Ledger) -> None:
    turn = await open_turn(ledger)
    (before,) = await ledger.questions.of_turn(turn.id)
    assert not await ledger.questions.withdraw(1)
    assert await ledger.questions.of_turn(turn.id) == (before,)


async def test_a_question_is_routed_once(ledger: Ledger) -> None:
    await ask(ledger, 1)
    await ledger.questions.route(1, home(501), fallback=True)
    assert [question.id for question in await ledger.questions.waiting(CHANNEL)] == [1]
    assert await ledger.questions.waiting(501) == ()


async def test_a_question_beyond_the_limit_is_refused_and_never_answered(ledger: Ledger) -> None:
    def new(question_id: int, channel_id: int = 50) -> NewQuestion:
        return NewQuestion(
            id=question_id,
            channel_id=channel_id,
            guild_id=9,
            author_id=1,
            author_name="Ada",
            content="Why?",
        )

    for link in (None, home()):
        first = 10 if link is None else 20
        assert await ledger.questions.take(new(first), link, most=2)
        assert await ledger.questions.take(new(first + 1), link, most=2)
        with pytest.raises(QueueFullError):
            await ledger.questions.take(new(first + 2), link, most=2)
        # Nor is it there when the place that it did not get is free.
        assert await ledger.questions.withdraw(first)
        assert not await ledger.questions.take(new(first + 2), link, most=2)
        assert await ledger.questions.take(new(first + 3), link, most=2)
    # Another channel's questions take no place here.
    assert await ledger.questions.take(new(30, 51), most=1)
    assert [question.id for question in await ledger.questions.unrouted()] == [11, 13, 30]
    assert [question.id for question in await ledger.questions.waiting(CHANNEL)] == [21, 23]


@pytest.mark.parametrize("state", get_args(TurnState))
async def test_a_move_of_an_attempt_that_is_over_changes_no_later_attempt(
    ledger: Ledger, state: TurnState
) -> None:
    failed = await brought_to(ledger, "failed")
    retried = await ledger.turns.retry(failed.id, 1)
    assert retried is not None
    turn = await brought_on(ledger, retried, state)
    for move in MOVES.values():
        assert await move(ledger, turn.id) is None
    assert await ledger.turns.lost_thread(turn.id, 1) is None
    assert await ledger.turns.closed(turn.id, 1) is None
    assert await ledger.turns.request_cancel(turn.id, 1, 5, "Bo") is None
    assert await ledger.history.turn(turn.id) == turn


async def test_each_move_resets_the_interruptions_of_a_turn(ledger: Ledger) -> None:
    turn, turns = await open_turn(ledger), ledger.turns
    steps: tuple[Callable[[], Awaitable[Turn | None]], ...] = (
        lambda: turns.placed(turn.id, 1, 77),
        lambda: turns.posted(turn.id, 1, "thread_1"),
        lambda: turns.run_created(turn.id, 1, "run_1"),
        lambda: turns.closing(turn.id, 1, "failed"),
        lambda: turns.closed(turn.id, 1),
        lambda: turns.retry(turn.id, 1),
    )
    for step in steps:
        await turns.count_interruptions()
        moved = await step()
        assert moved is not None
        assert moved.interruptions == 0, moved.state


async def test_a_channel_with_a_waiting_question_has_work_before_it_has_a_turn(
    ledger: Ledger,
) -> None:
    await ask(ledger, 1)
    assert await ledger.turns.channels_with_work() == (CHANNEL,)
    assert await ledger.questions.withdraw(1)
    assert await ledger.turns.channels_with_work() == ()


@pytest.mark.parametrize("state", get_args(TurnState))
async def test_only_a_posted_turn_goes_back_for_another_thread(
    ledger: Ledger, state: TurnState
) -> None:
    turn = await brought_to(ledger, state)
    assert (await ledger.turns.lost_thread(turn.id, 1) is not None) == (state == "posted")


async def test_a_retry_has_no_canceller_from_the_attempt_before(
    ledger: Ledger,
) -> None:
    turn = await brought_to(ledger, "running")
    assert await ledger.turns.request_cancel(turn.id, 1, 5, "Bo") is not None
    assert await ledger.turns.closing(turn.id, 1, "failed") is not None
    assert await ledger.turns.closed(turn.id, 1) is not None
    retried = await ledger.turns.retry(turn.id, 1)
    assert retried is not None
    assert retried.canceller is None


class ProbedLedger(Ledger):
    """A ledger that says how its writing connection syncs commits."""

    @writes
    def synchronous(self, db: sqlite3.Connection) -> int:
        return int(db.execute("PRAGMA synchronous").fetchone()[0])


async def test_each_commit_of_the_ledger_is_synced_to_the_disk(tmp_path: Path) -> None:
    ledger = await ProbedLedger.open(tmp_path / "bot.db", FakeClock().now)
    assert await ledger.synchronous() == 2  # FULL: each commit outlives a power cut
    await ledger.close()
