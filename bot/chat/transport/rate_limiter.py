"""Requests to Discord, all of one bot's together: no more in a second than it takes of a bot.

discord.py learns of that limit by being refused, each waiting call by a refusal of its own; an
address with ten thousand refusals in ten minutes is shut out. Here the first refusal is enough.
"""

import asyncio
import heapq
import itertools
import math
import re
from collections import deque
from contextvars import ContextVar
from enum import IntEnum
from types import SimpleNamespace
from typing import Final

import aiohttp

from bot.runtime.clock import Clock

PER_SECOND: Final = 49
"""Requests in any second; Discord takes 50 of a bot, and counts when they arrive."""

KEPT_SECONDS: Final = 600.0
"""How long a limit that was met is kept to; bots of many servers have a higher one than others."""


class RequestPriority(IntEnum):
    """What goes first where not everything can go at once."""

    URGENT = 0
    USUAL = 1
    PROGRESS = 2
    NOTICE = 3


REQUEST_PRIORITY: Final[ContextVar[RequestPriority]] = ContextVar(
    "REQUEST_PRIORITY", default=RequestPriority.USUAL
)
"""The priority of the requests that the running task sends; only ``ChannelWriter`` sets it."""

_WINDOW_SECONDS: Final = 1.01
# What is answered with an interaction's own token does not count towards the limit of a bot.
_COUNTS: Final = re.compile(r"^/api/v\d+/(?!webhooks/\d+/|interactions/\d+/)")


class RateLimiter:
    """So many a second and no more; by their rank, then who waits longest.

    ``once_met`` holds nothing back until ``met`` says that there is such a limit.
    """

    def __init__(
        self, clock: Clock, *, per_second: int = PER_SECOND, once_met: bool = False
    ) -> None:
        self._clock = clock
        self._kept_until = -math.inf if once_met else math.inf
        self._spent: deque[float] = deque(maxlen=per_second)
        self._waiting: list[tuple[RequestPriority, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._giving: asyncio.Task[None] | None = None

    def met(self) -> None:
        """Keep to the budget from now on, for a while: it was exceeded."""
        if self._kept_until < math.inf:
            self._kept_until = self._clock.monotonic() + KEPT_SECONDS

    async def spend(self, priority: RequestPriority = RequestPriority.USUAL) -> None:
        """Wait until one more may be made."""
        if not self._waiting and self._wait() <= 0:
            self._spent.append(self._clock.monotonic())
            return
        given: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._numbers), given))
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
        if self._clock.monotonic() > self._kept_until:
            return 0.0
        if len(self._spent) < (self._spent.maxlen or 0):
            return 0.0
        return self._spent[0] + _WINDOW_SECONDS - self._clock.monotonic()

    async def before(
        self,
        session: aiohttp.ClientSession,
        context: SimpleNamespace,
        params: aiohttp.TraceRequestStartParams,
    ) -> None:
        """Let a request wait for its turn; what aiohttp calls before it makes one."""
        if _COUNTS.search(params.url.path):
            await self.spend(REQUEST_PRIORITY.get())
