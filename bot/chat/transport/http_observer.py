"""An aiohttp trace hook: handles 401 and 429 responses before discord.py sees them."""

import asyncio
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Final

import aiohttp
import discord

from bot.chat.transport import dpy_internals
from bot.chat.transport.rate_limiter import RateLimiter
from bot.runtime.clock import Clock

_CHANNEL: Final = re.compile(r"/channels/(\d+)/messages/\d+\Z")
_BY_ITS_OWN_TOKEN: Final = re.compile(r"/(webhooks|interactions)/\d+/")
_MARGIN_SECONDS: Final = 0.25


class HttpObserver:
    """Reports refused requests of a client.

    ``channel_limited`` is called with the channel's id for a 429 to an edit in that channel,
    ``global_limited`` for a 429 of the global rate limit, ``unauthorized`` for a 401 to the bot's
    token. ``answered`` is called with the status of every response.
    """

    def __init__(
        self,
        client: discord.Client,
        *,
        channel_limited: Callable[[int], None],
        global_limited: Callable[[], None],
        unauthorized: Callable[[], None],
        answered: Callable[[int], None],
    ) -> None:
        self._client = client
        self._channel_limited = channel_limited
        self._global_limited = global_limited
        self._unauthorized = unauthorized
        self._report = answered
        self.trace = aiohttp.TraceConfig()
        self.trace.on_request_end.append(self._answered)

    async def _answered(
        self,
        session: aiohttp.ClientSession,
        context: SimpleNamespace,
        params: aiohttp.TraceRequestEndParams,
    ) -> None:
        status, path, headers = params.response.status, params.url.path, params.response.headers
        self._report(status)
        if status == 401 and not _BY_ITS_OWN_TOKEN.search(path):
            self._unauthorized()
        if status != 429:
            return
        channel = _CHANNEL.search(path)
        if channel is not None:
            self._channel_limited(int(channel[1]))
        if "X-RateLimit-Global" in headers:
            self._global_limited()
            # discord.py holds every request until the refused one was retried. Where the refused
            # one is cancelled meanwhile, the others would wait for ever.
            wait = float(headers.get("Retry-After", "0")) + _MARGIN_SECONDS
            asyncio.get_running_loop().call_later(wait, dpy_internals.end_global_wait, self._client)


def observe_requests(
    client: discord.Client,
    clock: Clock,
    *,
    channel_limited: Callable[[int], None],
    unauthorized: Callable[[], None],
    answered: Callable[[int], None],
) -> None:
    """Have the client's REST requests limited, and their refusals reported."""
    rate_limiter = RateLimiter(clock, until_limited=True)
    observer = HttpObserver(
        client,
        channel_limited=channel_limited,
        global_limited=rate_limiter.limit_reached,
        unauthorized=unauthorized,
        answered=answered,
    )
    observer.trace.on_request_start.append(rate_limiter.before_request)
    dpy_internals.set_trace(client, observer.trace)
