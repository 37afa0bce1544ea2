import asyncio

import aiohttp
import discord

from bot.chat.login import insist_on_login


class Naps:
    """A clock on which nothing takes time, that remembers how long was slept."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> float:
        return sum(self.slept)

    def monotonic(self) -> float:
        return sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


async def test_a_start_in_an_outage_of_hours_comes_on_within_seconds_of_its_end() -> None:
    clock, left = Naps(), [aiohttp.ServerDisconnectedError()] * 2_000

    async def attempt() -> None:
        if left:
            raise left.pop()

    async with discord.Client(intents=discord.Intents.none()) as client:
        await insist_on_login(client, attempt, clock)
    assert not left
    assert max(clock.slept) <= 10.0
    assert clock.monotonic() > 3_600
