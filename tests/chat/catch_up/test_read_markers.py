"""Marks: none passes what may still come, or what is still to be read."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.chat.catch_up.read_markers import ReadMarkers
from bot.runtime.clock import SystemClock
from bot.store.ledger import Ledger, ReadMarker
from tests.support.troubled_database import TroubledDatabase, troubled_ledger

HOME = 1


@pytest.fixture
async def troubled(tmp_path: Path) -> AsyncIterator[tuple[Ledger, TroubledDatabase]]:
    book, database = await troubled_ledger(tmp_path / "bot.db", lambda: 1_000.0)
    yield book, database
    await book.close()


@pytest.fixture
def ledger(troubled: tuple[Ledger, TroubledDatabase]) -> Ledger:
    return troubled[0]


@pytest.fixture
async def read_markers(ledger: Ledger) -> AsyncIterator[ReadMarkers]:
    kept = ReadMarkers(ledger, SystemClock())
    yield kept
    await kept.stop()


def mark(message_id: int) -> ReadMarker:
    return ReadMarker(channel_id=HOME, guild_id=None, message_id=message_id)


async def written(read_markers: ReadMarkers, ledger: Ledger) -> list[int]:
    """Let all be written that is to be, and return it."""
    await read_markers.write()
    await read_markers.write()
    return [each.message_id for each in await ledger.read_markers.of_guild(None)]


async def test_a_marker_is_not_written_before_late_events_had_time_to_arrive(
    read_markers: ReadMarkers, ledger: Ledger
) -> None:
    read_markers.set_behind(None, ())
    read_markers.mark_read(HOME, None, 10)
    await read_markers.write()
    assert await ledger.read_markers.of_guild(None) == ()
    assert await written(read_markers, ledger) == [10]


async def test_a_marker_that_could_not_be_written_is_written_later(
    read_markers: ReadMarkers, troubled: tuple[Ledger, TroubledDatabase]
) -> None:
    ledger, database = troubled
    read_markers.set_behind(None, ())
    read_markers.mark_read(HOME, None, 10)
    database.failing_writes = 1
    assert await written(read_markers, ledger) == []
    assert database.failing_writes == 0
    assert await written(read_markers, ledger) == [10]


async def test_messages_after_a_gap_count_once_the_gap_was_read(
    read_markers: ReadMarkers, ledger: Ledger
) -> None:
    read_markers.mark_read(HOME, None, 20)
    read_markers.set_behind(None, [HOME])
    read_markers.mark_read(HOME, None, 30)
    assert await written(read_markers, ledger) == []
    read_markers.caught_up(mark(10))
    assert await written(read_markers, ledger) == [30]


async def test_messages_after_an_unread_gap_do_not_count_in_the_next_session(
    read_markers: ReadMarkers, ledger: Ledger
) -> None:
    read_markers.set_behind(None, [HOME])
    read_markers.mark_read(HOME, None, 20)
    read_markers.new_session()
    # Whoever read for the session before comes too late.
    read_markers.caught_up(mark(10))
    read_markers.set_behind(None, ())
    assert await written(read_markers, ledger) == []


async def test_a_new_session_sees_nothing_until_its_gaps_are_known(
    read_markers: ReadMarkers, ledger: Ledger
) -> None:
    read_markers.set_behind(None, ())
    read_markers.new_session()
    read_markers.mark_read(HOME, None, 20)
    assert await written(read_markers, ledger) == []
