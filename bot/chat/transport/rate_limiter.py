"""Keeps the bot's REST requests within Discord's global rate limit.

discord.py notices the limit by refusals only, one for each waiting request. Discord bans an address
with ten thousand refusals in ten minutes. This limiter holds requests back from the first refusal
on.
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
"""Requests in any second; Discord accepts 50 and counts them as they arrive."""

LIMITED_SECONDS: Final = 600.0
"""How long requests are limited after a refusal, in seconds; large bots have a higher limit."""


class RequestPriority(IntEnum):
    """The order of waiting requests; the lowest value goes first."""

    URGENT = 0
    USUAL = 1
    PROGRESS = 2
    NOTICE = 3


REQUEST_PRIORITY: Final[ContextVar[RequestPriority]] = ContextVar(
    "REQUEST_PRIORITY", default=RequestPriority.USUAL
)
"""The priority of the running task's requests; only ``ChannelWriter`` sets the variable."""

_WINDOW_SECONDS: Final = 1.01
# Requests with an interaction's own token do not count towards the bot's limit.
_COUNTED: Final = re.compile(r"^/api/v\d+/(?!webhooks/\d+/|interactions/\d+/)")


class RateLimiter:
    """Grants ``per_second`` requests in any second: by priority, then by waiting time.

    With ``until_limited`` requests pass freely until ``limit_reached`` is called.
    """

    def __init__(
        self, clock: Clock, *, per_second: int = PER_SECOND, until_limited: bool = False
    ) -> None:
        self._clock = clock
        self._limited_until = -math.inf if until_limited else math.inf
        self._granted_at: deque[float] = deque(maxlen=per_second)
        self._waiting: list[tuple[RequestPriority, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._granting: asyncio.Task[None] | None = None

    def limit_reached(self) -> None:
        """Limit requests for the next ten minutes: Discord has just refused one."""
        if self._limited_until < math.inf:
            self._limited_until = self._clock.monotonic() + LIMITED_SECONDS

    async def acquire(self, priority: RequestPriority = RequestPriority.USUAL) -> None:
        """Wait until another request may be made."""
        if not self._waiting and self._seconds_to_wait() <= 0:
            self._granted_at.append(self._clock.monotonic())
            return
        given: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._numbers), given))
        if self._granting is None or self._granting.done():
            self._granting = asyncio.create_task(self._grant())
        await given

    async def _grant(self) -> None:
        while self._waiting:
            wait = self._seconds_to_wait()
            if wait > 0:
                await self._clock.sleep(wait)
                continue
            given = heapq.heappop(self._waiting)[2]
            if not given.done():  # else the caller was cancelled
                self._granted_at.append(self._clock.monotonic())
                given.set_result(None)

    def _seconds_to_wait(self) -> float:
        if self._clock.monotonic() > self._limited_until:
            return 0.0
        if len(self._granted_at) < (self._granted_at.maxlen or 0):
            return 0.0
        return self._granted_at[0] + _WINDOW_SECONDS - self._clock.monotonic()

    async def before_request(
        self,
        session: aiohttp.ClientSession,
        context: SimpleNamespace,
        params: aiohttp.TraceRequestStartParams,
    ) -> None:
        """Delay a request; aiohttp calls this before it sends one."""
        if _COUNTED.search(params.url.path):
            await self.acquire(REQUEST_PRIORITY.get())
