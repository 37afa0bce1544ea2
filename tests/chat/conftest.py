from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.discord_rest import RestBot, rest_bot


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[RestBot]:
    """All parts of the chat on a sandbox that is reached over REST alone."""
    async with rest_bot(tmp_path) as parts:
        yield parts
