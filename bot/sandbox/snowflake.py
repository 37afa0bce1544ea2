"""Mints Discord ids: they carry their millisecond and only ever grow."""

from typing import Final

from bot.sandbox.clock import SandboxClock

EPOCH_MS: Final = 1_420_070_400_000


class Snowflakes:
    """A source of ids, each greater than the one before."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        """A new id for this moment."""
        at = (int(self._clock.now() * 1000) - EPOCH_MS) << 22
        self._last = max(self._last + 1, at)
        return self._last


def created_at(snowflake: int) -> float:
    """The Unix seconds at which an id was minted."""
    return ((snowflake >> 22) + EPOCH_MS) / 1000
