"""The one retry loop: a policy has the limits, a verdict says which failures to retry."""

import email.utils
import math
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC
from typing import Final, TypeAlias, TypeVar

from msgspec import Struct

from bot.runtime.backoff import FIRST_WAIT, backoff
from bot.runtime.clock import Clock

T = TypeVar("T")

_JITTER: Final = 0.25
"""How much is added to a wait that a server asked for, in seconds."""


class RetryPolicy(Struct, frozen=True, kw_only=True):
    """How often and how long to retry; all times in seconds.

    ``attempts`` counts the first try too. ``first_delay`` and ``longest_delay`` bound the backoff.
    A server that asks for more than ``longest_retry_after`` ends the retries at once, because it
    would refuse an earlier try. ``total`` bounds the sum of waits, ``patience`` the time since
    the first try began, the calls included.
    """

    attempts: float = 4
    first_delay: float = FIRST_WAIT
    longest_delay: float = 8.0
    longest_retry_after: float = 30.0
    total: float = 60.0
    patience: float = math.inf


def endless(
    *,
    first_delay: float = FIRST_WAIT,
    longest_delay: float = 10.0,
    patience: float = math.inf,
) -> RetryPolicy:
    """Return a policy that waits as long as a server asks, until ``patience`` seconds are over."""
    return RetryPolicy(
        attempts=math.inf,
        first_delay=first_delay,
        longest_delay=longest_delay,
        longest_retry_after=math.inf,
        total=math.inf,
        patience=patience,
    )


class TryAgain(Struct, frozen=True, kw_only=True):
    """The verdict on a failure that may pass.

    ``retry_after`` is how many seconds the server asked to wait; ``longest_delay`` replaces the
    policy's for this failure.
    """

    retry_after: float = 0.0
    longest_delay: float | None = None


Verdict: TypeAlias = Callable[[Exception], TryAgain | None]
"""Judges a failure: ``TryAgain`` for another try, None to raise the failure."""


class Attempts:
    """Counts the tries of one call, for loops that ``retry`` does not fit."""

    def __init__(
        self, policy: RetryPolicy, clock: Clock, roll: Callable[[], float] = random.random
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._roll = roll
        self._waited = 0.0
        self._began = clock.monotonic()
        self.count = 1
        """The number of the current try, counted from 1."""

    def next_wait(self, again: TryAgain) -> float | None:
        """Count a failure; return the seconds until the next try, None if no try is left."""
        policy, roll, asked = self._policy, self._roll(), again.retry_after
        if self.count >= policy.attempts or asked > policy.longest_retry_after:
            return None
        longest = policy.longest_delay if again.longest_delay is None else again.longest_delay
        # Jitter is added to what the server asked for and never taken off: all callers that it
        # refused together would otherwise come back together, too early.
        wait = max(
            backoff(self.count - 1, longest, first=policy.first_delay, roll=roll),
            asked + min(asked, 1.0) * roll * _JITTER,
        )
        if self._waited + wait > policy.total:
            return None
        if self._clock.monotonic() + wait > self._began + policy.patience:
            return None
        self._waited += wait
        self.count += 1
        return wait

    async def wait(self, again: TryAgain) -> bool:
        """Wait before the next try; return False at once if no try is left."""
        seconds = self.next_wait(again)
        if seconds is None:
            return False
        await self._clock.sleep(seconds)
        return True


async def retry(
    call: Callable[[], Awaitable[T]],
    policy: RetryPolicy,
    verdict: Verdict,
    clock: Clock,
    *,
    on_wait: Callable[[Exception, float], None] | None = None,
) -> T:
    """Repeat a call until it succeeds; raise its last failure if another try can't help.

    Making the call twice must be harmless. ``on_wait`` gets each failure, and the
    seconds before the next try.
    """
    attempts = Attempts(policy, clock)
    while True:
        try:
            return await call()
        except Exception as error:
            again = verdict(error)
            wait = None if again is None else attempts.next_wait(again)
            if wait is None:
                raise
            if on_wait is not None:
                on_wait(error, wait)
        await clock.sleep(wait)


def on_error(*kinds: type[Exception]) -> Verdict:
    """Return the verdict that another try may help after an exception of these classes."""
    return lambda error: TryAgain() if isinstance(error, kinds) else None


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that a server asks to wait, None without a readable header.

    Reads ``Retry-After-Ms`` in milliseconds first, then ``Retry-After`` in seconds or as an HTTP
    date (RFC 9110, 10.2.3), measured from ``now`` in seconds since 1970. A past date gives 0.
    """
    milliseconds = _number(headers.get("Retry-After-Ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("Retry-After")
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
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if 0 <= number < math.inf else None
