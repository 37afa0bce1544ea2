"""A ledger in a file of its own, on a clock that tests advance."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.store.ledger import (
    Ledger,
)
from tests.support.fake_clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def ledger(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Ledger]:
    book = await Ledger.open(tmp_path / "bot.db", clock.now)
    yield book
    await book.close()
