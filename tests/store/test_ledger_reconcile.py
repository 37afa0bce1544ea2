"""Replies that a restored ledger finds in Discord end waiting questions and nothing else."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.store.ledger import Ledger, Link, NewQuestion
from bot.store.ledger.turns.reconcile import COPIED_FACT, mark_copied

HOME = Link(channel_id=100, guild_id=9, parent_id=50, listening=True)
REPLY = 500


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    book = await Ledger.open(tmp_path / "bot.db", lambda: 1_000.0)
    yield book
    await book.close()


async def ask(ledger: Ledger, number: int, home: Link | None = HOME) -> None:
    new = NewQuestion(
        id=number, channel_id=50, guild_id=9, author_id=1, author_name="Ada", content="Why?"
    )
    assert await ledger.questions.take(new, home)


async def test_questions_up_to_the_found_reply_are_answered_and_later_ones_wait(
    ledger: Ledger,
) -> None:
    for number in (101, 102, 103):
        await ask(ledger, number)
    turn = await ledger.reconcile.answered(100, 102, REPLY)
    assert turn is not None
    assert (turn.state, turn.reply_to, turn.parts, turn.ended_at) == (
        "answered",
        102,
        (REPLY,),
        1_000.0,
    )
    assert [one.id for one in await ledger.questions.waiting(100)] == [103]
    # Once more finds nothing that waits.
    assert await ledger.reconcile.answered(100, 102, REPLY) is None
    assert await ledger.reconcile.has_replied_in(100)


async def test_a_turn_without_a_reply_gets_the_found_reply(
    ledger: Ledger,
) -> None:
    await ask(ledger, 101)
    made = await ledger.turns.next_in(100)
    assert made is not None
    turn = await ledger.reconcile.answered(100, 101, REPLY)
    assert turn is not None
    assert (turn.id, turn.state) == (made.id, "answered")
    assert await ledger.turns.channels_with_work() == ()


async def test_a_turn_whose_reply_is_known_is_not_changed(ledger: Ledger) -> None:
    await ask(ledger, 101)
    made = await ledger.turns.next_in(100)
    assert made is not None
    await ledger.turns.placed(made.id, 1, 400)
    assert await ledger.reconcile.answered(100, 101, REPLY) is None
    turn = await ledger.history.turn(made.id)
    assert turn is not None
    assert (turn.state, turn.parts) == ("placed", (400,))


async def test_a_turn_that_waits_for_its_retry_is_not_ended_by_its_old_reply(
    ledger: Ledger,
) -> None:
    await ask(ledger, 101)
    made = await ledger.turns.next_in(100)
    assert made is not None
    await ledger.turns.placed(made.id, 1, 400)
    await ledger.turns.closing(made.id, 1, "failed")
    await ledger.turns.closed(made.id, 1)
    retried = await ledger.turns.retry(made.id, 1)
    assert await ledger.reconcile.answered(100, 101, REPLY) is None
    assert await ledger.history.turn(made.id) == retried


async def test_a_withdrawn_question_is_not_routed_by_a_found_reply(ledger: Ledger) -> None:
    await ask(ledger, 100, None)
    assert await ledger.questions.withdraw(100)
    assert await ledger.reconcile.answered(100, REPLY, REPLY, opened=HOME) is None
    assert await ledger.link(100) is None


async def test_a_found_reply_routes_its_question_to_the_channel_thread(
    ledger: Ledger,
) -> None:
    await ask(ledger, 100, None)
    turn = await ledger.reconcile.answered(100, REPLY, REPLY, opened=HOME)
    assert turn is not None
    assert turn.state == "answered"
    assert await ledger.questions.unrouted() == ()
    # A router that comes later finds nothing to do.
    await ledger.questions.route(100, HOME, fallback=False)
    assert await ledger.turns.next_in(100) is None


async def test_a_copy_skips_turn_ids_once(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    book = await Ledger.open(path, lambda: 1_000.0)
    await ask(book, 101)
    assert await book.turns.next_in(100) is not None
    await book.close()
    with closing(sqlite3.connect(path)) as db, db:
        mark_copied(db, 900.0)
    numbers = []
    for number in (102, 103):
        book = await Ledger.open(path, lambda: 1_000.0)
        assert await book.fact(COPIED_FACT) is None
        await book.reconcile.answered(100, number - 1, REPLY + number)
        await ask(book, number)
        turn = await book.turns.next_in(100)
        assert turn is not None
        numbers.append(turn.id)
        await book.close()
    assert numbers == [1_000_001, 1_000_002]


def test_a_database_that_is_no_ledger_yet_is_not_marked(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "bot.db")) as db, db:
        mark_copied(db, 1.0)
        assert db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
