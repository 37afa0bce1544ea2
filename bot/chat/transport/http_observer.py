"""aiohttp trace hooks: limit requests to Discord, and handle 401 and 429 before discord.py does."""

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
from bot.runtime.retry import retry_after

_EDIT: Final = re.compile(r"/channels/(\d+)/messages/\d+\Z")
_BY_ITS_OWN_TOKEN: Final = re.compile(r"/(webhooks|interactions)/\d+/")
_MARGIN_SECONDS: Final = 0.25


def observe_requests(
    client: discord.Client,
    clock: Clock,
    *,
    channel_limited: Callable[[int], None],
    unauthorized: Callable[[], None],
    answered: Callable[[int], None],
) -> None:
    """Limit the client's REST requests, and report refused ones.

    ``channel_limited`` is called with the channel's id for a 429 to an edit in that channel,
    ``unauthorized`` for a 401 to the bot's token, ``answered`` with the status of every response.
    """
    rate_limiter = RateLimiter(clock, until_limited=True)

    async def response_came(
        session: aiohttp.ClientSession,
        context: SimpleNamespace,
        params: aiohttp.TraceRequestEndParams,
    ) -> None:
        status, path, headers = params.response.status, params.url.path, params.response.headers
        answered(status)
        if status == 401 and not _BY_ITS_OWN_TOKEN.search(path):
            unauthorized()
        if status != 429:
            return
        edit = _EDIT.search(path)
        if edit is not None:
            channel_limited(int(edit[1]))
        if "X-RateLimit-Global" in headers:
            rate_limiter.limit_reached()
            # discord.py holds every request until the refused one was retried. If the refused one
            # is cancelled meanwhile, the others would wait for ever.
            wait = (retry_after(headers, clock.now()) or 0.0) + _MARGIN_SECONDS
            asyncio.get_running_loop().call_later(wait, dpy_internals.end_global_wait, client)

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(rate_limiter.before_request)
    trace.on_request_end.append(response_came)
    dpy_internals.set_trace(client, trace)
