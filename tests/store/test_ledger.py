import itertools
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import get_args

import pytest

from bot.store.ledger import (
    OPEN,
    TURN_MOVES,
    Ledger,
    LedgerError,
    Link,
    NewQuestion,
    Outcome,
    Scope,
    Turn,
    TurnState,
)
from tests.support.fake_clock import START, FakeClock

CHANNEL = 500


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def ledger(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Ledger]:
    book = await Ledger.open(tmp_path / "bot.db", clock.now)
    yield book
    await book.close()


def home(channel_id: int = CHANNEL, *, parent_id: int = 50, private: bool = False) -> Link:
    return Link(
        channel_id=channel_id, guild_id=9, parent_id=parent_id, listening=True, private=private
    )


async def ask(
    ledger: Ledger,
    question_id: int,
    content: str = "Why?",
    *,
    author: int = 1,
    home_link: Link | None = None,
    fallback: bool = False,
) -> None:
    link = home_link or home()
    new = NewQuestion(
        id=question_id,
        channel_id=link.parent_id,
        guild_id=link.guild_id,
        author_id=author,
        author_name=f"person {author}",
        content=content,
    )
    if fallback:
        assert await ledger.questions.take(new)
        await ledger.questions.route(question_id, link, fallback=True)
    else:
        assert await ledger.questions.take(new, link)


async def open_turn(ledger: Ledger, question_id: int = 1) -> Turn:
    await ask(ledger, question_id)
    turn = await ledger.turns.next_in(CHANNEL)
    assert turn is not None
    return turn


async def brought_to(ledger: Ledger, state: TurnState, question_id: int = 1) -> Turn:
    return await brought_on(ledger, await open_turn(ledger, question_id), state)


async def brought_on(ledger: Ledger, turn: Turn, state: TurnState) -> Turn:
    turns, attempt = ledger.turns, turn.attempt
    end: Outcome = state if state in ("cancelled", "failed") else "answered"
    steps: dict[str, Callable[[], Awaitable[Turn | None]]] = {
        "placed": lambda: turns.placed(turn.id, attempt, 77),
        "posted": lambda: turns.posted(turn.id, attempt, "thread_1"),
        "running": lambda: turns.run_created(turn.id, attempt, "run_1"),
        "closing": lambda: turns.closing(turn.id, attempt, end),
        "end": lambda: turns.closed(turn.id, attempt),
    }
    for name, step in steps.items() if state != "waiting" else ():
        assert await step() is not None, name
        if name == state:
            break
    current = await ledger.history.turn(turn.id)
    assert current is not None
    assert current.state == state
    return current


async def test_a_question_is_taken_once_however_often_it_comes(ledger: Ledger) -> None:
    new = NewQuestion(
        id=1, channel_id=50, guild_id=9, author_id=1, author_name="Ada", content="Why?"
    )
    assert await ledger.questions.take(new)
    assert not await ledger.questions.take(new)
    (question,) = await ledger.questions.unrouted()
    assert (question.content, question.author_name, question.received_at) == ("Why?", "Ada", START)


async def test_what_waits_is_one_turn_in_the_order_of_its_ids(ledger: Ledger) -> None:
    for question_id in (3, 1, 2):
        await ask(ledger, question_id, author=question_id)
    turn = await ledger.turns.next_in(CHANNEL)
    assert turn is not None
    assert [question.id for question in await ledger.questions.of_turn(turn.id)] == [1, 2, 3]
    assert [asker.id for asker in turn.askers] == [1, 2, 3]
    assert turn.reply_to == 3
    assert await ledger.questions.waiting(CHANNEL) == ()


async def test_a_question_that_comes_during_a_turn_waits_for_the_next(ledger: Ledger) -> None:
    first = await brought_to(ledger, "running")
    await ask(ledger, 2)
    again = await ledger.turns.next_in(CHANNEL)
    assert again is not None
    assert again.id == first.id
    await ledger.turns.closing(first.id, 1, "answered")
    await ledger.turns.closed(first.id, 1)
    second = await ledger.turns.next_in(CHANNEL)
    assert second is not None
    assert [question.id for question in await ledger.questions.of_turn(second.id)] == [2]


async def test_channels_do_not_wait_for_each_other(ledger: Ledger) -> None:
    await ask(ledger, 1, home_link=home(501))
    await ask(ledger, 2, home_link=home(502))
    one, two = await ledger.turns.next_in(501), await ledger.turns.next_in(502)
    assert one is not None
    assert two is not None
    assert one.id != two.id
    assert await ledger.turns.channels_with_work() == (501, 502)


async def test_a_channel_with_nothing_to_do_has_no_turn(ledger: Ledger) -> None:
    assert await ledger.turns.next_in(CHANNEL) is None
    await brought_to(ledger, "answered")
    assert await ledger.turns.next_in(CHANNEL) is None
    assert await ledger.turns.channels_with_work() == ()


async def test_an_edit_counts_until_the_question_is_in_a_turn(ledger: Ledger) -> None:
    await ask(ledger, 1, "Wy?")
    assert await ledger.questions.amend(1, "Why?")
    turn = await ledger.turns.next_in(CHANNEL)
    assert turn is not None
    assert not await ledger.questions.amend(1, "What?")
    (question,) = await ledger.questions.of_turn(turn.id)
    assert question.content == "Why?"


async def test_a_withdrawn_question_is_not_answered_and_not_taken_again(ledger: Ledger) -> None:
    await ask(ledger, 1)
    assert await ledger.questions.withdraw(1)
    assert await ledger.turns.next_in(CHANNEL) is None
    new = NewQuestion(
        id=1, channel_id=50, guild_id=9, author_id=1, author_name="Ada", content="Why?"
    )
    assert not await ledger.questions.take(new)


MOVES: dict[TurnState, Callable[[Ledger, int], Awaitable[Turn | None]]] = {
    "placed": lambda book, id_: book.turns.placed(id_, 1, 78),
    "posted": lambda book, id_: book.turns.posted(id_, 1, "thread_2"),
    "running": lambda book, id_: book.turns.run_created(id_, 1, "run_2"),
    "closing": lambda book, id_: book.turns.closing(id_, 1, "failed", error="x"),
    "waiting": lambda book, id_: book.turns.retry(id_, 1),
}


@pytest.mark.parametrize(("state", "target"), list(itertools.product(get_args(TurnState), MOVES)))
async def test_a_turn_moves_only_as_the_table_says(
    ledger: Ledger, state: TurnState, target: TurnState
) -> None:
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


async def test_a_move_for_an_attempt_that_is_over_changes_nothing(ledger: Ledger) -> None:
    turn = await brought_to(ledger, "failed")
    assert await ledger.turns.retry(turn.id, 1) is not None
    assert await ledger.turns.retry(turn.id, 1) is None
    assert await ledger.turns.placed(turn.id, 1, 80) is None
    assert await ledger.turns.placed(turn.id, 2, 80) is not None


async def test_a_retry_keeps_the_questions_and_forgets_how_the_last_attempt_ended(
    ledger: Ledger, clock: FakeClock
) -> None:
    turn = await brought_to(ledger, "failed")
    await ledger.questions.message_posted(1, "thread_1", "msg_1")
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
async def test_cancelling_is_a_fact_until_the_end_is_known(
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


async def test_a_turn_made_between_two_starts_within_seconds_is_known_to_be_taken_up(
    ledger: Ledger,
) -> None:
    await ledger.turns.count_interruptions()
    turn = await brought_to(ledger, "posted")
    assert not await ledger.turns.count_interruptions()
    picked = await ledger.history.turn(turn.id)
    assert picked is not None
    assert picked.interruptions == 1


async def test_a_clock_that_was_put_back_does_not_keep_starts_from_counting(
    ledger: Ledger, clock: FakeClock
) -> None:
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


async def test_a_thread_is_set_only_in_place_of_the_one_it_replaces(ledger: Ledger) -> None:
    await ask(ledger, 1)
    first = await ledger.set_thread(CHANNEL, "thread_1", instead_of=None)
    second = await ledger.set_thread(CHANNEL, "thread_2", instead_of=None)
    assert first == second
    assert second.thread_id == "thread_1"
    third = await ledger.set_thread(CHANNEL, "thread_3", instead_of="thread_1")
    assert third.thread_id == "thread_3"


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
    await ledger.turns.drop_parts(turn.id, 1)
    current = await ledger.history.turn(turn.id)
    assert current is not None
    assert current.parts == (70,)


async def test_a_missing_permission_is_told_once_a_channel(ledger: Ledger) -> None:
    await ask(ledger, 1, fallback=True)
    first = await ledger.turns.next_in(CHANNEL)
    assert first is not None
    assert first.fallback
    await ledger.turns.closing(first.id, 1, "answered")
    await ledger.turns.closed(first.id, 1)
    await ask(ledger, 2, fallback=True)
    second = await ledger.turns.next_in(CHANNEL)
    assert second is not None
    assert not second.fallback


async def test_a_scope_shows_newest_first_and_only_what_may_be_known(ledger: Ledger) -> None:
    homes = (home(501), home(502, parent_id=51), home(503, parent_id=52), home(504, private=True))
    for number, link in enumerate(homes, start=1):
        await ask(ledger, number, author=number, home_link=link)
        await ledger.turns.next_in(link.channel_id)
    scope = Scope(channel_id=501, guild_id=9, readable=(50, 51))
    shown = await ledger.history.newest(scope, offset=0, limit=10)
    assert [turn.channel_id for turn in shown] == [502, 501]
    assert await ledger.history.count(scope) == 2
    rest = await ledger.history.newest(scope, offset=1, limit=10)
    assert [turn.channel_id for turn in rest] == [501]
    inside = Scope(channel_id=504, guild_id=9)
    assert [t.channel_id for t in await ledger.history.newest(inside, offset=0, limit=9)] == [504]
    mine = Scope(channel_id=501, guild_id=9, readable=(50, 51, 52), asker_id=3)
    assert [t.channel_id for t in await ledger.history.cancellable(mine, limit=9)] == [503]


async def test_everything_is_there_after_the_file_was_opened_again(
    tmp_path: Path, clock: FakeClock
) -> None:
    async def write() -> Turn:
        book = await Ledger.open(tmp_path / "again.db", clock.now)
        turn = await brought_to(book, "running")
        await book.set_fact("commands", "abc")
        await book.set_fact("commands", "def")
        await book.close()
        return turn

    before = await write()
    book = await Ledger.open(tmp_path / "again.db", clock.now)
    assert await book.history.turn(before.id) == before
    assert await book.history.of_run("run_1") == before
    assert await book.fact("commands") == "def"
    assert await book.fact("nothing") is None
    await book.close()


async def test_how_many_people_ask_in_a_channel_is_known(ledger: Ledger) -> None:
    await ask(ledger, 1, author=1)
    await ask(ledger, 2, author=1)
    assert await ledger.questions.asker_count(CHANNEL) == 1
    await ask(ledger, 3, author=2)
    assert await ledger.questions.asker_count(CHANNEL) == 2


async def test_a_database_that_fails_is_one_kind_of_error_and_changes_nothing(
    ledger: Ledger, tmp_path: Path
) -> None:
    turn = await open_turn(ledger)
    other = sqlite3.connect(tmp_path / "bot.db")
    other.execute(
        "CREATE TRIGGER full BEFORE UPDATE ON turns BEGIN SELECT RAISE(FAIL, 'full'); END"
    )
    other.commit()
    with pytest.raises(LedgerError, match="full"):
        await ledger.turns.placed(turn.id, 1, 77)
    assert await ledger.history.turn(turn.id) == turn
    other.execute("DROP TRIGGER full")
    other.commit()
    other.close()
    assert await ledger.turns.placed(turn.id, 1, 77) is not None
