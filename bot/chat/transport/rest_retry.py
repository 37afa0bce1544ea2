"""Calls to Discord that arrive: what discord.py gives up on is tried again until it is through.

Only what Discord refuses for good comes back as an error.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import aiohttp
import discord

from bot.runtime.backoff import backoff
from bot.runtime.clock import Clock

T = TypeVar("T")

UNKNOWN_CHANNEL: Final = 10003
UNKNOWN_GUILD: Final = 10004
UNKNOWN_MESSAGE: Final = 10008
MISSING_ACCESS: Final = 50001
MISSING_PERMISSIONS: Final = 50013
OLD_MESSAGE_EDITED_TOO_OFTEN: Final = 30046
INVALID_INTERACTION_TOKEN: Final = 50027
CHANNEL_THREAD_ARCHIVED: Final = 50083
CHANNEL_THREAD_EXISTS: Final = 160004

_LONGEST_WAIT: Final = 10.0
"""Between two tries of a call, in seconds: so late may an answer be after an outage's end."""

_LONGEST_WHILE_REFUSED: Final = 30.0
"""The same where Discord is there and says no: an address with too many such calls is shut out."""

_LONGEST_ASKED_FOR: Final = 300.0
_CALL_SECONDS: Final = 60.0

_log = logging.getLogger(__name__)


class RestRetry:
    """Makes calls to Discord, again and again where that can help."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def insist(self, call: Callable[[], Awaitable[T]], *, within: float | None = None) -> T:
        """Make a call until Discord answers it; raises ``discord.HTTPException`` when refused.

        A call that is made twice must be harmless: an edit, or a message with a nonce. ``within``
        is how many seconds there are for it; then the last try's error is raised, whatever it is.
        """
        attempt = 0
        end = None if within is None else self._clock.monotonic() + within
        while True:
            try:
                async with asyncio.timeout(_CALL_SECONDS):
                    return await call()
            except discord.RateLimited as error:
                trouble: Exception = error
                wait = error.retry_after
            except discord.HTTPException as error:
                if not is_passing(error):
                    raise
                trouble = error
                longest = _LONGEST_WAIT if error.status >= 500 else _LONGEST_WHILE_REFUSED
                wait = max(retry_after(error), backoff(attempt, longest))
            except (aiohttp.ClientError, OSError, json.JSONDecodeError) as error:
                trouble = error
                wait = backoff(attempt, _LONGEST_WAIT)
            if end is not None and self._clock.monotonic() + wait > end:
                raise trouble
            _log.info("Discord %s; trying again in %.1f s", told(trouble), wait)
            attempt += 1
            await self._clock.sleep(wait)

    async def breathe(self, failures: int) -> None:
        """Wait for what is tried by others, the longer the more often it has failed."""
        await self._clock.sleep(backoff(max(failures - 1, 0), _LONGEST_WAIT))


def is_passing(error: discord.HTTPException) -> bool:
    """Whether the refusal says nothing about the call itself."""
    if error.code in (OLD_MESSAGE_EDITED_TOO_OFTEN, INVALID_INTERACTION_TOKEN):
        return False
    # A token that was revoked ends the bot by its gateway; until then nothing is given up.
    return error.status in (401, 429) or error.status >= 500


def told(trouble: Exception) -> str:
    """Say in a few words what Discord does; a proxy's web page is not among them."""
    if isinstance(trouble, discord.HTTPException):
        return f"answers {trouble.status}"
    if isinstance(trouble, aiohttp.ClientResponseError):
        return f"answers {trouble.status}"
    if isinstance(trouble, discord.RateLimited):
        return "wants fewer requests"
    return f"can't be reached ({str(trouble) or repr(trouble)})"


def retry_after(error: discord.HTTPException) -> float:
    """Return when Discord wants to be asked again, in seconds, so far as it says so."""
    try:
        return min(float(error.response.headers.get("Retry-After", "0")), _LONGEST_ASKED_FOR)
    except ValueError:
        return 0.0
