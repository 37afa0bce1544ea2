"""A running sandbox, and real discord.py clients that talk to it and to nothing else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import discord
import pytest
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.sandbox import Sandbox
from tests.sandbox.client import Bot

StartBot = Callable[..., Awaitable[Bot]]


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A sandbox; a test ends well only if nothing was asked that it does not know."""
    async with Sandbox(rate_limits=False) as running:
        yield running
        assert running.unknown_routes == []


@pytest.fixture
def pointed(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point discord.py at the sandbox, for as long as the test runs."""
    monkeypatch.setattr(Route, "BASE", sandbox.api_url)
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(sandbox.gateway_url))


@asynccontextmanager
async def running(bot: discord.Client, token: str) -> AsyncIterator[None]:
    """Run a client until the block ends; what ended it early is raised."""
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
            await sandbox.bot_ready()
            await asyncio.wait_for(bot.wait_until_ready(), 10)
            return bot

        yield start


@pytest.fixture
async def bot(start_bot: StartBot) -> Bot:
    """A running `Bot`."""
    return await start_bot()
