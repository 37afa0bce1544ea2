"""A server on loopback over an API that tests script, and a plain HTTP session to speak to it."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.server import Server
from tests.server.fakes import RecordingAPI

BETA = {"OpenAI-Beta": "assistants=v2"}


@pytest.fixture
def api() -> RecordingAPI:
    return RecordingAPI()


@pytest.fixture
async def server(api: RecordingAPI) -> AsyncIterator[Server]:
    server = Server(lambda _project: api.api, keys={}, port=0)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def http(server: Server) -> AsyncIterator[aiohttp.ClientSession]:
    """Speaks to `server`; paths are given from /v1 on."""
    base = server.url.removesuffix("/v1")
    async with aiohttp.ClientSession(base, headers=BETA) as session:
        yield session
