"""Read markers: the last message seen in a channel; they only move forward."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.store.ledger import Ledger, Link, NewQuestion, ReadMarker
from bot.store.ledger.schema.migrations import MIGRATIONS


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    book = await Ledger.open(tmp_path / "bot.db", lambda: 1_000.0)
    yield book
    await book.close()


def mark(channel_id: int, message_id: int, *, guild_id: int | None = 9) -> ReadMarker:
    return ReadMarker(channel_id=channel_id, guild_id=guild_id, message_id=message_id)


async def ask(ledger: Ledger, channel_id: int, *, guild_id: int | None = None) -> None:
    link = Link(channel_id=channel_id, guild_id=guild_id, parent_id=channel_id, listening=True)
    new = NewQuestion(
        id=channel_id + 1,
        channel_id=channel_id,
        guild_id=guild_id,
        author_id=1,
        author_name="Ada",
        content="Why?",
    )
    assert await ledger.questions.take(new, link)


async def test_a_marker_moves_forward_and_never_back(ledger: Ledger) -> None:
    for message_id in (5, 9, 7):
        await ledger.read_markers.advance([mark(1, message_id)])
    assert [each.message_id for each in await ledger.read_markers.of_guild(9)] == [9]


async def test_the_markers_of_a_guild_come_newest_first(ledger: Ledger) -> None:
    await ledger.read_markers.advance([mark(1, 5), mark(2, 8), mark(3, 6, guild_id=4), mark(4, 7)])
    assert [each.channel_id for each in await ledger.read_markers.of_guild(9)] == [2, 4, 1]
    assert [each.channel_id for each in await ledger.read_markers.of_guild(None)] == []


async def test_a_linked_channel_has_a_marker_at_its_beginning(ledger: Ledger) -> None:
    await ask(ledger, 100)
    await ask(ledger, 200, guild_id=9)
    (direct,) = await ledger.read_markers.of_guild(None)
    assert (direct.channel_id, direct.message_id, direct.linked) == (100, 100, True)
    await ledger.read_markers.advance([mark(100, 150, guild_id=None)])
    (direct,) = await ledger.read_markers.of_guild(None)
    assert (direct.message_id, direct.linked) == (150, True)


async def test_the_marker_of_a_deleted_channel_is_forgotten(ledger: Ledger) -> None:
    await ledger.read_markers.advance([mark(1, 5)])
    await ledger.read_markers.forget(1)
    assert await ledger.read_markers.of_guild(9) == ()


async def test_a_ledger_of_version_1_keeps_its_links(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    db = sqlite3.connect(path, isolation_level=None)
    MIGRATIONS[0](db)
    db.execute("PRAGMA user_version = 1")
    db.execute("INSERT INTO links VALUES (100, NULL, 100, 1, 0, 'thread_1', 1.0)")
    db.close()
    book = await Ledger.open(path, lambda: 1_000.0)
    link = await book.link(100)
    assert link is not None
    assert link.thread_id == "thread_1"
    assert [each.channel_id for each in await book.read_markers.of_guild(None)] == [100]
    await book.close()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 99))))
async def test_the_furthest_marker_stands_in_whatever_order_they_come(
    tmp_path_factory: pytest.TempPathFactory, told: list[tuple[int, int]]
) -> None:
    book = await Ledger.open(tmp_path_factory.mktemp("seen") / "bot.db", lambda: 1_000.0)
    await book.read_markers.advance(mark(channel_id, message_id) for channel_id, message_id in told)
    found = {each.channel_id: each.message_id for each in await book.read_markers.of_guild(9)}
    assert found == {
        channel_id: max(message for channel, message in told if channel == channel_id)
        for channel_id, _ in told
    }
    await book.close()
