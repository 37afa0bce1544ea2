from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.scenarios.community import Community, community


@pytest.fixture
async def threads(tmp_path: Path) -> AsyncIterator[Community]:
    """A community where a mention is answered in a channel thread of its own."""
    async with community(tmp_path, "thread") as whole:
        yield whole


@pytest.fixture
async def channels(tmp_path: Path) -> AsyncIterator[Community]:
    """A community where a mention is answered in the channel itself."""
    async with community(tmp_path, "channel") as whole:
        yield whole


@pytest.fixture
async def asleep(tmp_path: Path) -> AsyncIterator[Community]:
    """A community whose bot is not started."""
    async with community(tmp_path, "thread", start=False) as whole:
        yield whole
