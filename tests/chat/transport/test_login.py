import aiohttp
import discord

from bot.chat.transport.login import login_with_retries
from tests.support.fake_clock import FakeClock


async def test_a_login_succeeds_within_seconds_of_the_end_of_an_outage() -> None:
    clock, left = FakeClock(skips=True), [aiohttp.ServerDisconnectedError()] * 2_000

    async def attempt() -> None:
        if left:
            raise left.pop()

    async with discord.Client(intents=discord.Intents.none()) as client:
        await login_with_retries(client, attempt, clock)
    assert not left
    assert max(clock.slept) <= 10.0
    assert clock.monotonic() > 3_600
