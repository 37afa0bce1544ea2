"""When to try a request again: growing jittered delays, as the server asks, within bounds."""

import asyncio
import email.utils
import random
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Final

import aiohttp
from msgspec import Struct

from bot.runtime.clock import Clock

RETRIED_STATUSES: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})


class Answered(Struct, frozen=True):
    """A request that was answered with a failure."""

    status: int
    headers: Mapping[str, str]


class RetryPolicy(Struct, frozen=True, kw_only=True):
    """How often and how long; all times in seconds, ``attempts`` counts the first try too.

    A server that asks for more than ``longest_retry_after``, or a wait that would bring the sum of
    waits over ``total``, ends the retries at once: waiting less than asked would only annoy it.
    """

    attempts: int = 4
    first_delay: float = 0.5
    longest_delay: float = 8.0
    longest_retry_after: float = 30.0
    total: float = 60.0
    statuses: frozenset[int] = RETRIED_STATUSES

    def delay(
        self,
        failure: Answered | BaseException,
        *,
        attempt: int,
        waited: float,
        now: float,
        roll: float,
    ) -> float | None:
        """Seconds to wait after try number ``attempt`` (from 1) failed, or None to give up.

        ``waited`` is the sum of the waits so far, ``now`` the wall time that HTTP dates are read
        against, ``roll`` a random number in [0, 1) that the jitter comes from.
        """
        if attempt >= self.attempts:
            return None
        asked: float | None = None
        if isinstance(failure, Answered):
            verdict = failure.headers.get("x-should-retry")
            if verdict == "false" or (verdict != "true" and failure.status not in self.statuses):
                return None
            asked = retry_after(failure.headers, now)
        elif not isinstance(failure, (TimeoutError, OSError, aiohttp.ClientError)):
            return None
        backoff = min(self.longest_delay, self.first_delay * 2 ** min(attempt - 1, 32))
        wait = backoff * (0.5 + roll / 2)
        if asked is not None:
            if asked > self.longest_retry_after:
                return None
            # Jitter is added to what was asked, never taken off: all who were refused together
            # would otherwise come back together.
            wait = asked + min(asked, 1.0) * roll * 0.25 if asked > 0 else wait
        return None if waited + wait > self.total else wait


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds the server asks to wait (``retry-after-ms``, or ``Retry-After`` as seconds or date).

    None where it asks nothing that can be read; a date that has passed is 0. ``headers`` must take
    names in lower case (aiohttp's do).
    """
    in_ms = _number(headers.get("retry-after-ms"))
    if in_ms is not None:
        return in_ms / 1000
    value = headers.get("retry-after")
    if value is None:
        return None
    seconds = _number(value)
    if seconds is not None:
        return seconds
    try:
        date = email.utils.parsedate_to_datetime(value)
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)
        return max(0.0, date.timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _number(value: str | None) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


class Retrying:
    """One request's tries: counts them, sleeps between them, and says when they are used up."""

    def __init__(
        self, policy: RetryPolicy, clock: Clock, roll: Callable[[], float] = random.random
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._roll = roll
        self._waited = 0.0
        self.attempt = 1

    async def again(self, failure: Answered | BaseException) -> bool:
        """Wait as the policy says after ``failure``; False when there shall be no other try."""
        if isinstance(failure, asyncio.CancelledError):
            return False
        delay = self._policy.delay(
            failure,
            attempt=self.attempt,
            waited=self._waited,
            now=self._clock.now(),
            roll=self._roll(),
        )
        if delay is None:
            return False
        await self._clock.sleep(delay)
        self._waited += delay
        self.attempt += 1
        return True
