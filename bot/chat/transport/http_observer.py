"""What Discord's refusals mean beyond the one call: each is looked at before discord.py has it."""

import asyncio
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Final

import aiohttp

_CHANNEL: Final = re.compile(r"/channels/(\d+)/messages/\d+\Z")
_BY_ITS_OWN_TOKEN: Final = re.compile(r"/(webhooks|interactions)/\d+/")
_LATE: Final = 0.25


class HttpObserver:
    """Tells ``strike`` of a 429 in a channel, ``doubt`` that our token was not taken.

    ``met`` is told of a 429 that means all calls; ``let_go`` ends what discord.py holds back for
    it, once that is over.
    """

    def __init__(
        self,
        *,
        strike: Callable[[int], None],
        doubt: Callable[[], None],
        met: Callable[[], None],
        let_go: Callable[[], None],
    ) -> None:
        self._strike = strike
        self._doubt = doubt
        self._met = met
        self._let_go = let_go
        self.trace = aiohttp.TraceConfig()
        self.trace.on_request_end.append(self._answered)

    async def _answered(
        self,
        session: aiohttp.ClientSession,
        context: SimpleNamespace,
        params: aiohttp.TraceRequestEndParams,
    ) -> None:
        status, path, headers = params.response.status, params.url.path, params.response.headers
        if status == 401 and not _BY_ITS_OWN_TOKEN.search(path):
            self._doubt()
        if status != 429:
            return
        place = _CHANNEL.search(path)
        if place is not None:
            self._strike(int(place[1]))
        if "X-RateLimit-Global" in headers:
            self._met()
            # discord.py has every call wait for the one that was told, also where that one is
            # given up meanwhile: then they would wait for ever.
            wait = float(headers.get("Retry-After", "0")) + _LATE
            asyncio.get_running_loop().call_later(wait, self._let_go)
