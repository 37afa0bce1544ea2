"""Creates Discord ids, which hold their time in milliseconds and grow.

https://discord.com/developers/docs/reference#snowflakes describes them.
"""

from typing import Final

from bot.sandbox.clock import SandboxClock

EPOCH_MS: Final = 1_420_070_400_000


class Snowflakes:
    """Creates ids, each greater than the one before."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        """Return a new id for the present time."""
        at = (int(self._clock.now() * 1000) - EPOCH_MS) << 22
        self._last = max(self._last + 1, at)
        return self._last


def created_at(snowflake: int) -> float:
    """Return when an id was created, in Unix seconds."""
    return ((snowflake >> 22) + EPOCH_MS) / 1000
