"""Counts requests as Discord does: buckets by route and place, a global limit, renames apart.

Discord publishes the headers and not the numbers: those of the routes are modelled on what clients
see, and a client has to go by the headers.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from bot.sandbox.clock import SandboxClock
from bot.sandbox.errors import RateLimited

RENAMES: Final = 2
RENAME_SECONDS: Final = 600.0


@dataclass(slots=True, frozen=True)
class Limit:
    """A bucket: ``count`` requests in ``seconds`` for each value of the major parameters."""

    name: str
    count: int
    seconds: float


@dataclass(slots=True)
class _Window:
    ends: float
    used: int = 0


class RestRateLimiter:
    """Counts one bot's requests; ``enabled`` false lets everything through, headers stay."""

    def __init__(
        self, clock: SandboxClock, *, enabled: bool = True, global_per_second: int = 50
    ) -> None:
        self._clock = clock
        self.enabled = enabled
        self.global_per_second = global_per_second
        self._windows: dict[tuple[str, str], _Window] = {}
        self._global = _Window(0.0)
        self._renames: dict[int, list[float]] = {}

    def count(self, limit: Limit, major: str) -> dict[str, str]:
        """Count a request; returns Discord's headers, raises a 429 that carries them."""
        now = self._clock.now()
        window = self._windows.get((limit.name, major))
        if window is None or window.ends <= now:
            if len(self._windows) > 10_000:
                self._windows = {key: one for key, one in self._windows.items() if one.ends > now}
            window = self._windows[limit.name, major] = _Window(now + limit.seconds)
        over = self.enabled and window.used >= limit.count
        if not over:
            window.used += 1
        left = window.ends - now
        remaining = max(0, limit.count - window.used) if self.enabled else limit.count
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
        """Count a request towards the limit of all; raises a 429."""
        now = self._clock.now()
        if self._global.ends <= now:
            self._global = _Window(now + 1.0)
        if self.enabled and self._global.used >= self.global_per_second:
            raise RateLimited(self._global.ends - now, scope="global")
        self._global.used += 1

    def count_rename(self, channel_id: int) -> None:
        """Count a new name or topic of a channel; raises a 429 at the third in ten minutes."""
        now = self._clock.now()
        recent = [at for at in self._renames.get(channel_id, []) if at > now - RENAME_SECONDS]
        if self.enabled and len(recent) >= RENAMES:
            raise RateLimited(recent[0] + RENAME_SECONDS - now, scope="shared")
        self._renames[channel_id] = [*recent, now]
