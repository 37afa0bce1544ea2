"""Marks: none passes what may still come, or what is still to be read."""

from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from bot.chat.marks import Marks
from bot.clock import SystemClock
from bot.store.ledger import Ledger, LedgerError, Mark

HOME = 1


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    book = await Ledger.open(tmp_path / "bot.db", lambda: 1_000.0)
    yield book
    await book.close()


@pytest.fixture
async def marks(ledger: Ledger) -> AsyncIterator[Marks]:
    kept = Marks(ledger, SystemClock())
    yield kept
    await kept.stop()


def mark(message_id: int) -> Mark:
    return Mark(channel_id=HOME, guild_id=None, message_id=message_id)


async def written(marks: Marks, ledger: Ledger) -> list[int]:
    """Let all be written that is to be, and return it."""
    await marks.write()
    await marks.write()
    return [each.message_id for each in await ledger.seen.of_guild(None)]


async def test_a_mark_is_not_written_before_what_it_overtook_had_time_to_come(
    marks: Marks, ledger: Ledger
) -> None:
    marks.planned(None, ())
    marks.saw(HOME, None, 10)
    await marks.write()
    assert await ledger.seen.of_guild(None) == ()
    assert await written(marks, ledger) == [10]


async def test_a_mark_that_could_not_be_written_is_written_later(
    marks: Marks, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(marks: Iterable[Mark]) -> None:
        raise LedgerError("the disk is full")

    marks.planned(None, ())
    marks.saw(HOME, None, 10)
    with monkeypatch.context() as patched:
        patched.setattr(ledger.seen, "note", full)
        assert await written(marks, ledger) == []
    assert await written(marks, ledger) == [10]


async def test_what_is_seen_behind_a_gap_counts_once_the_gap_was_read(
    marks: Marks, ledger: Ledger
) -> None:
    marks.saw(HOME, None, 20)
    marks.planned(None, [HOME])
    marks.saw(HOME, None, 30)
    assert await written(marks, ledger) == []
    marks.caught_up(mark(10))
    assert await written(marks, ledger) == [30]


async def test_what_was_seen_behind_a_gap_that_was_not_read_does_not_count_in_the_next_session(
    marks: Marks, ledger: Ledger
) -> None:
    marks.planned(None, [HOME])
    marks.saw(HOME, None, 20)
    marks.new_session()
    # Whoever read for the session before comes too late.
    marks.caught_up(mark(10))
    marks.planned(None, ())
    assert await written(marks, ledger) == []


async def test_a_new_session_sees_nothing_until_its_gaps_are_known(
    marks: Marks, ledger: Ledger
) -> None:
    marks.planned(None, ())
    marks.new_session()
    marks.saw(HOME, None, 20)
    assert await written(marks, ledger) == []
