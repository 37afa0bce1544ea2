"""A client of a scripted server, whose waits take no time but are written down."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.client import Client
from tests.client.scripted import ScriptedServer


class NotedClock:
    """Sleeps are over at once; `slept` has their seconds."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> float:
        return 1_800_000_000.0

    def monotonic(self) -> float:
        return sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> NotedClock:
    return NotedClock()


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as server:
        yield server


@pytest.fixture
async def client(server: ScriptedServer, clock: NotedClock) -> AsyncIterator[Client]:
    async with Client(server.url, "sk-secret", clock=clock) as client:
        yield client
