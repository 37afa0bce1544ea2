import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.store.database import StoreError
from bot.store.ledger import (
    AskResponse,
    Ledger,
    LedgerError,
    NewQuestion,
    Personal,
    QueueFullError,
    Scope,
    TooManyValuesError,
    Turn,
)
from bot.store.ledger.turns.history import turn_answering
from bot.store.ledger.turns.votes import exported_votes
from tests.store.turns import CHANNEL, ask, asked, brought_to, home, open_turn
from tests.support.fake_clock import START, FakeClock
from tests.support.troubled_database import troubled_ledger


async def test_a_question_is_taken_once_however_often_it_comes(ledger: Ledger) -> None:
    new = NewQuestion(
        id=1, channel_id=50, guild_id=9, author_id=1, author_name="Ada", content="Why?"
    )
    assert await ledger.questions.take(new)
    assert not await ledger.questions.take(new)
    (question,) = await ledger.questions.unrouted()
    assert (question.content, question.author_name, question.received_at) == ("Why?", "Ada", START)


async def test_waiting_questions_become_one_turn_in_the_order_of_their_ids(ledger: Ledger) -> None:
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


async def test_the_newest_wording_of_a_question_counts(ledger: Ledger) -> None:
    await ask(ledger, 1, "Wy?")
    assert await ledger.questions.amend(asked(1, "Why?")) is None
    turn = await ledger.turns.next_in(CHANNEL)
    assert turn is not None
    assert await ledger.questions.amend(asked(1, "What?")) is None
    (question,) = await ledger.questions.of_turn(turn.id)
    assert (question.content, question.revision) == ("What?", 2)


async def test_a_withdrawn_question_is_not_answered_and_not_taken_again(ledger: Ledger) -> None:
    await ask(ledger, 1)
    assert await ledger.questions.withdraw(1)
    assert await ledger.turns.next_in(CHANNEL) is None
    new = NewQuestion(
        id=1, channel_id=50, guild_id=9, author_id=1, author_name="Ada", content="Why?"
    )
    assert not await ledger.questions.take(new)


async def test_a_thread_is_set_only_in_place_of_the_one_it_replaces(ledger: Ledger) -> None:
    await ask(ledger, 1)
    first = await ledger.set_thread(CHANNEL, "thread_1", instead_of=None)
    second = await ledger.set_thread(CHANNEL, "thread_2", instead_of=None)
    assert first == second
    assert second.thread_id == "thread_1"
    third = await ledger.set_thread(CHANNEL, "thread_3", instead_of="thread_1")
    assert third.thread_id == "thread_3"


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


async def test_a_scope_shows_the_visible_turns_newest_first(ledger: Ledger) -> None:
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
    mine = Scope(channel_id=501, guild_id=9, readable=(50, 51, 52), asker_id=3, state="active")
    assert [t.channel_id for t in await ledger.history.newest(mine, offset=0, limit=9)] == [503]


async def test_everything_is_stored_when_the_file_is_opened_again(
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


async def test_the_people_who_ask_in_a_channel_are_counted(ledger: Ledger) -> None:
    await ask(ledger, 1, author=1)
    await ask(ledger, 2, author=1)
    assert await ledger.questions.asker_count(CHANNEL) == 1
    await ask(ledger, 3, author=2)
    assert await ledger.questions.asker_count(CHANNEL) == 2


async def test_a_failing_database_raises_ledger_errors_and_changes_nothing(
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


async def test_a_channel_without_a_link_gets_no_thread(ledger: Ledger) -> None:
    with pytest.raises(LookupError, match="channel 5 has no link"):
        await ledger.set_thread(5, "thread_1", instead_of=None)


async def test_a_probe_that_the_disk_refuses_raises(tmp_path: Path, clock: FakeClock) -> None:
    troubled, database = await troubled_ledger(tmp_path / "troubled.db", clock.now)
    await troubled.probe()
    database.failing_writes = 1
    with pytest.raises(LedgerError):
        await troubled.probe()
    await troubled.close()


async def test_a_place_keeps_its_most_values_and_no_more(ledger: Ledger) -> None:
    values = ledger.tool_values
    await asyncio.gather(*(values.set(9, str(number), "x") for number in range(1_000)))
    with pytest.raises(TooManyValuesError):
        await values.set(9, "one more", "x")
    await values.set(9, "7", "another")
    await values.set(8, "elsewhere", "x")
    assert await values.get(9, "7") == "another"
    await values.delete(9, "7")
    await values.set(9, "one more", "x")


async def test_an_assistant_that_the_server_does_not_have_is_not_deleted(ledger: Ledger) -> None:
    assert await ledger.assistants.begin_delete(9, "asst_1") is None


def test_a_ledger_from_before_votes_exports_none(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "bot.db")) as db:
        db.execute("CREATE TABLE questions (id INTEGER PRIMARY KEY)")
    assert list(exported_votes(tmp_path / "bot.db")) == []


async def test_a_title_and_its_tokens_are_stored_once(ledger: Ledger) -> None:
    turn = await brought_to(ledger, "answered")
    titles = ledger.channel_titles
    await titles.want(CHANNEL, turn.id)
    for title in ("Tea", "Coffee"):
        await titles.written(CHANNEL, title, 7)
    wanted = await titles.of_channel(CHANNEL)
    assert wanted is not None
    assert wanted.title == "Tea"
    after = await ledger.history.turn(turn.id)
    assert after is not None
    assert after.tokens == 7
    await titles.settle(CHANNEL)
    assert await titles.of_channel(CHANNEL) is None


async def test_a_question_by_command_is_taken_once_and_refused_in_a_full_conversation(
    ledger: Ledger,
) -> None:
    personal = Personal(owner_id=1, place_id=50, ephemeral=True)
    response = AskResponse(interaction_id=1, token="secret", expires_at=START + 900)

    async def take(question_id: int) -> int | None:
        new = asked(question_id, "Why?")
        return await ledger.asks.take(new, personal, response, parent_id=50, most=2)

    assert [await take(number) for number in (1, 2)] == [1, 1]
    with pytest.raises(QueueFullError):
        await take(3)
    assert await ledger.turns.next_in(1) is not None
    assert await take(1) is None
    assert await ledger.asks.of_turn(99) is None


async def test_the_turn_that_answers_a_question_is_read_beside_the_bot(
    ledger: Ledger, tmp_path: Path
) -> None:
    turn = await brought_to(ledger, "answered")
    assert turn_answering(tmp_path / "bot.db", 1) == turn
    assert turn_answering(tmp_path / "bot.db", 2) is None
    with pytest.raises(StoreError, match=r"The turns in .* can't be read"):
        turn_answering(tmp_path / "other.db", 1)
