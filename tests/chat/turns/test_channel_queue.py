import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.chat.turns.channel_queue import DIRECT, ChannelQueue
from bot.runtime.clock import SystemClock
from bot.store.ledger import Ledger, Link, NewQuestion
from tests.support.eventually import eventually
from tests.support.troubled_database import troubled_ledger


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = await Ledger.open(tmp_path / "bot.db", SystemClock().now)
    yield opened
    await opened.close()


async def linked(ledger: Ledger, channel_id: int, guild_id: int | None) -> None:
    question = NewQuestion(
        id=channel_id,
        channel_id=channel_id,
        guild_id=guild_id,
        author_id=1,
        author_name="ada",
        content="q",
    )
    link = Link(channel_id=channel_id, guild_id=guild_id, parent_id=channel_id, listening=True)
    await ledger.questions.take(question, link)


class Workers:
    """Gives channels of one guild a worker at once; waits until channels were offered."""

    def __init__(self, free_guild: int | None = None) -> None:
        self.begun: list[int] = []
        self._free_guild = free_guild
        self._offered: asyncio.Queue[int] = asyncio.Queue()

    def begin_at_once(self, channel_id: int, guild_id: int) -> bool:
        self._offered.put_nowait(channel_id)
        if guild_id == self._free_guild:
            self.begun.append(channel_id)
        return guild_id == self._free_guild

    async def offered(self, count: int) -> None:
        """Wait until the queue has looked up the guilds of ``count`` channels."""
        for _ in range(count):
            await self._offered.get()


async def test_guilds_with_few_channels_are_served_between_those_of_a_large_one(
    ledger: Ledger,
) -> None:
    workers = Workers()
    backlog = ChannelQueue(ledger, workers.begin_at_once)
    for channel_id, guild_id in ((1, 7), (2, 7), (3, 7), (4, 8), (5, None), (6, None)):
        await linked(ledger, channel_id, guild_id)
        backlog.add(channel_id)
        backlog.add(channel_id)
    await workers.offered(6)
    assert len(backlog) == 6
    order = [backlog.next() for _ in range(7)]
    assert order == [(1, 7), (4, 8), (5, DIRECT), (2, 7), (6, DIRECT), (3, 7), None]
    assert len(backlog) == 0


async def test_a_channel_of_a_guild_with_little_to_do_does_not_wait(ledger: Ledger) -> None:
    workers = Workers(free_guild=8)
    backlog = ChannelQueue(ledger, workers.begin_at_once)
    for channel_id, guild_id in ((1, 7), (2, 8)):
        await linked(ledger, channel_id, guild_id)
        backlog.add(channel_id)
    await workers.offered(2)
    assert workers.begun == [2]
    assert [backlog.next(), backlog.next()] == [(1, 7), None]


async def test_channels_of_unknown_guilds_are_served_in_their_order(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ledger, database = await troubled_ledger(tmp_path / "bot.db", SystemClock().now)
    database.failing_reads = 2
    backlog = ChannelQueue(ledger, lambda channel_id, guild_id: False)
    backlog.add(1)
    backlog.add(2)
    await eventually(lambda: "can't be looked up" in caplog.text)
    assert [backlog.next(), backlog.next(), backlog.next()] == [(1, None), (2, None), None]
    await ledger.close()
