"""Discord's rate limits: by route and major parameter, a global one, and one for renames.

Discord publishes the headers and not the numbers, so clients must obey the headers. The numbers
here are modelled on observed ones: https://discord.com/developers/docs/topics/rate-limits.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from bot.sandbox.clock import SandboxClock
from bot.sandbox.errors import RateLimited

GLOBAL_PER_SECOND: Final = 50
RENAMES: Final = 2
RENAME_SECONDS: Final = 600.0


@dataclass(slots=True, frozen=True)
class Limit:
    """A rate limit: ``count`` requests in ``seconds`` for each value of the major parameters.

    The route's bucket has the ``name``.
    """

    name: str
    count: int
    seconds: float


@dataclass(slots=True)
class _Window:
    ends: float
    used: int = 0


class RestRateLimiter:
    """Counts a bot's requests; ``enabled`` false allows all of them and still sends the headers."""

    def __init__(self, clock: SandboxClock, *, enabled: bool) -> None:
        self._clock = clock
        self.enabled = enabled
        self._windows: dict[tuple[str, str], _Window] = {}
        self._global = _Window(0.0)
        self._renames: dict[int, list[float]] = {}

    def count(self, limit: Limit, major: str) -> dict[str, str]:
        """Count a request; returns Discord's headers or raises a 429 with them."""
        now = self._clock.now()
        window = self._windows.get((limit.name, major))
        if window is None or window.ends <= now:
            # A long benchmark visits many channels; windows that ended are dropped now and then.
            if len(self._windows) > 10_000:
                self._windows = {key: one for key, one in self._windows.items() if one.ends > now}
            window = self._windows[limit.name, major] = _Window(now + limit.seconds)
        over = self.enabled and window.used >= limit.count
        if not over:
            window.used += 1
        left = window.ends - now
        remaining = max(0, limit.count - window.used) if self.enabled else limit.count
        # Every answer of a limited route carries these headers, so that clients can wait in time.
        headers = {
            "X-RateLimit-Limit": str(limit.count),
            "X-RateLimit-Remaining": str(remaining),
            "X-RateLimit-Reset": f"{window.ends:.3f}",
            "X-RateLimit-Reset-After": f"{left:.3f}",
            "X-RateLimit-Bucket": hashlib.blake2s(limit.name.encode(), digest_size=16).hexdigest(),
        }
        if over:
            error = RateLimited(left)
            error.headers = {**headers, **error.headers}
            raise error
        return headers

    def count_global(self) -> None:
        """Count a request towards the global limit; raises a 429."""
        now = self._clock.now()
        if self._global.ends <= now:
            self._global = _Window(now + 1.0)
        if self.enabled and self._global.used >= GLOBAL_PER_SECOND:
            raise RateLimited(self._global.ends - now, scope="global")
        self._global.used += 1

    def count_rename(self, channel_id: int) -> None:
        """Count a change of a channel's name or topic; raises a 429 at the third in ten minutes."""
        now = self._clock.now()
        recent = [at for at in self._renames.get(channel_id, []) if at > now - RENAME_SECONDS]
        if self.enabled and len(recent) >= RENAMES:
            raise RateLimited(recent[0] + RENAME_SECONDS - now, scope="shared")
        self._renames[channel_id] = [*recent, now]
