"""Fixtures: a running sandbox, and real discord.py clients that talk to it alone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import aiohttp
import discord
import pytest
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.sandbox import Sandbox
from tests.sandbox.client import Bot
from tests.sandbox.description import Description, load_description
from tests.sandbox.rest import Rest
from tests.support.eventually import PATIENCE

StartBot = Callable[..., Awaitable[Bot]]


@pytest.fixture(scope="session")
def description() -> Description | None:
    """Discord's own description of its API, where it is at hand."""
    return load_description()


@pytest.fixture
async def sandbox(
    request: pytest.FixtureRequest, description: Description | None
) -> AsyncIterator[Sandbox]:
    """A sandbox without rate limits, unless the test uses the fixture `rate_limited`.

    The test fails where a request was unknown to the sandbox, or where an answer does not fit
    Discord's description of its API.
    """
    limited = request.node.get_closest_marker("usefixtures")
    names = limited.args if limited else ()
    async with Sandbox(rate_limits="rate_limited" in names) as running:
        if description is not None:
            running.response_observers.append(description.observe)
        yield running
        assert running.unknown_routes == []
        if description is not None:
            findings = description.take_findings()
            assert findings == [], "\n".join(findings)


@pytest.fixture
def rate_limited() -> None:
    """Makes the sandbox of a test count requests."""


@pytest.fixture
def pointed(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point discord.py at the sandbox, for as long as the test runs."""
    monkeypatch.setattr(Route, "BASE", sandbox.api_url)
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(sandbox.gateway_url))


@asynccontextmanager
async def running(bot: discord.Client, token: str) -> AsyncIterator[None]:
    """Run a client until the block ends; raises the error that ended it early."""
    task = asyncio.create_task(bot.start(token))
    try:
        yield
        if task.done():
            await task
    finally:
        await bot.close()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def start_bot(sandbox: Sandbox, pointed: None) -> AsyncIterator[StartBot]:
    """Start a `Bot`, connected and with its commands registered when this returns."""
    async with AsyncExitStack() as stack:

        async def start(**options: object) -> Bot:
            bot = Bot(**options)
            await stack.enter_async_context(running(bot, sandbox.token))
            await sandbox.bot_ready(timeout=PATIENCE)
            await asyncio.wait_for(bot.wait_until_ready(), PATIENCE)
            return bot

        yield start


@pytest.fixture
async def bot(start_bot: StartBot) -> Bot:
    """A running `Bot`."""
    return await start_bot()


@pytest.fixture
async def rest(sandbox: Sandbox) -> AsyncIterator[Rest]:
    """A bare HTTP client with the bot's token."""
    async with aiohttp.ClientSession() as session:
        yield Rest(sandbox, session)
