"""Calls to Discord's REST API, retried after failures for which discord.py gives up.

A call raises an error only where Discord refuses it for good.
"""

import asyncio
import json
import logging
import math
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import aiohttp
import discord

from bot.runtime.backoff import backoff
from bot.runtime.clock import Clock
from bot.runtime.retry import TryAgain, endless, retry, retry_after

T = TypeVar("T")

UNKNOWN_CHANNEL: Final = 10003
UNKNOWN_GUILD: Final = 10004
UNKNOWN_MESSAGE: Final = 10008
UNKNOWN_WEBHOOK: Final = 10015
MISSING_ACCESS: Final = 50001
MISSING_PERMISSIONS: Final = 50013
OLD_MESSAGE_EDITED_TOO_OFTEN: Final = 30046
INVALID_INTERACTION_TOKEN: Final = 50027
CHANNEL_THREAD_ARCHIVED: Final = 50083
CHANNEL_THREAD_EXISTS: Final = 160004

LONGEST_WAIT: Final = 10.0
"""The longest wait between two tries, in seconds; a reply comes that late after an outage."""

_LONGEST_WHILE_REFUSED: Final = 30.0
"""The longest wait after a 4xx, in seconds: Discord bans an address with too many of these."""

_LONGEST_ASKED_FOR: Final = 300.0
_CALL_SECONDS: Final = 60.0

_log: Final = logging.getLogger(__name__)


class RestRetry:
    """Retries calls to Discord while another try may help; a try has ``call_seconds``."""

    def __init__(self, clock: Clock, *, call_seconds: float = _CALL_SECONDS) -> None:
        self._clock = clock
        self._call_seconds = call_seconds

    async def call(self, call: Callable[[], Awaitable[T]], *, within: float = math.inf) -> T:
        """Retry a call until it succeeds; raise ``discord.HTTPException`` for a refused call.

        A second try must do no harm, as with an edit or with a message that has a nonce. After
        ``within`` seconds the error of the last try is raised.
        """

        async def bounded() -> T:
            async with asyncio.timeout(self._call_seconds):
                return await call()

        policy = endless(longest_delay=LONGEST_WAIT, patience=within)
        return await retry(bounded, policy, verdict, self._clock, on_wait=_log_wait)

    async def back_off(self, failures: int) -> None:
        """Wait before a try that the caller makes itself; longer after more ``failures``."""
        await self._clock.sleep(backoff(max(failures - 1, 0), LONGEST_WAIT))


def _log_wait(error: Exception, seconds: float) -> None:
    _log.info("Discord %s; trying again in %.1f s", describe_error(error), seconds)


def verdict(error: Exception) -> TryAgain | None:
    """Return how a failed call to Discord is retried; None where the error must be raised."""
    if isinstance(error, discord.RateLimited):
        return TryAgain(retry_after=error.retry_after)
    if isinstance(error, discord.HTTPException):
        if not is_passing(error):
            return None
        asked = retry_after(error.response.headers, now=time.time()) or 0.0
        longest = LONGEST_WAIT if error.status >= 500 else _LONGEST_WHILE_REFUSED
        return TryAgain(retry_after=min(asked, _LONGEST_ASKED_FOR), longest_delay=longest)
    broken = isinstance(error, aiohttp.ClientError | OSError | json.JSONDecodeError)
    return TryAgain() if broken else None


def is_passing(error: discord.HTTPException) -> bool:
    """Return whether an error response is temporary: the same call may succeed later."""
    if error.code in (OLD_MESSAGE_EDITED_TOO_OFTEN, INVALID_INTERACTION_TOKEN):
        return False
    # The gateway ends the bot if its token was revoked; until then a 401 may be temporary.
    return error.status in (401, 429) or error.status >= 500


def describe_error(error: Exception) -> str:
    """Describe a failure for the log as "Discord …", without the web page of a proxy."""
    if isinstance(error, discord.HTTPException | aiohttp.ClientResponseError):
        return f"answers {error.status}"
    if isinstance(error, discord.RateLimited):
        return "wants fewer requests"
    return f"can't be reached ({str(error) or repr(error)})"
