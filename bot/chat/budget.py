"""Requests to Discord, all of one bot's together: no more in a second than it takes of a bot.

discord.py learns of that limit by being refused, each waiting call by a refusal of its own; an
address with ten thousand refusals in ten minutes is shut out.
"""

import asyncio
import heapq
import itertools
import re
from collections import deque
from contextvars import ContextVar
from enum import IntEnum
from types import SimpleNamespace
from typing import Final

import aiohttp
import discord

from bot.clock import Clock

PER_SECOND: Final = 49
"""Requests in any second; Discord takes 50 of a bot, and counts when they arrive."""


class Rank(IntEnum):
    """What goes first where not everything can go at once."""

    URGENT = 0
    USUAL = 1
    PROGRESS = 2
    NOTICE = 3


RANK: Final[ContextVar[Rank]] = ContextVar("RANK", default=Rank.USUAL)
"""The rank of what the running task asks of Discord."""

_WINDOW_SECONDS: Final = 1.01
# What is answered with an interaction's own token does not count towards the limit of a bot.
_COUNTS: Final = re.compile(r"^/api/v\d+/(?!webhooks/\d+/|interactions/\d+/)")


class Budget:
    """So many a second and no more; by their rank, then who waits longest."""

    def __init__(self, clock: Clock, *, per_second: int = PER_SECOND) -> None:
        self._clock = clock
        self._spent: deque[float] = deque(maxlen=per_second)
        self._waiting: list[tuple[Rank, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._giving: asyncio.Task[None] | None = None

    def hold(self, client: discord.Client) -> None:
        """Have every request of a client's wait for its turn; call it before the login."""
        trace = client.http.http_trace
        if trace is None:
            trace = client.http.http_trace = aiohttp.TraceConfig()
        trace.on_request_start.append(self._before)

    async def spend(self, rank: Rank = Rank.USUAL) -> None:
        """Wait until one more may be made."""
        if not self._waiting and self._wait() <= 0:
            self._spent.append(self._clock.monotonic())
            return
        given: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (rank, next(self._numbers), given))
        if self._giving is None or self._giving.done():
            self._giving = asyncio.create_task(self._give())
        await given

    async def _give(self) -> None:
        while self._waiting:
            wait = self._wait()
            if wait > 0:
                await self._clock.sleep(wait)
                continue
            given = heapq.heappop(self._waiting)[2]
            if not given.done():  # else nobody waits for it any more
                self._spent.append(self._clock.monotonic())
                given.set_result(None)

    def _wait(self) -> float:
        if len(self._spent) < (self._spent.maxlen or 0):
            return 0.0
        return self._spent[0] + _WINDOW_SECONDS - self._clock.monotonic()

    async def _before(
        self,
        session: aiohttp.ClientSession,
        context: SimpleNamespace,
        params: aiohttp.TraceRequestStartParams,
    ) -> None:
        if _COUNTS.search(params.url.path):
            await self.spend(RANK.get())
