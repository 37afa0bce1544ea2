"""A client of a scripted server, whose waits take no time but are written down."""

from collections.abc import AsyncIterator

import pytest

from bot.client import Client
from tests.client.scripted import ScriptedServer
from tests.support.fake_clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(skips=True)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as server:
        yield server


@pytest.fixture
async def client(server: ScriptedServer, clock: FakeClock) -> AsyncIterator[Client]:
    async with Client(server.url, "sk-secret", clock=clock) as client:
        yield client
