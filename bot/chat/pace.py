"""How fast replies grow: spaced a channel, fairly within one budget, and stopped by three 429s.

Only progress waits here. What ends a reply never does.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bot.clock import Clock

CHANNEL_SECONDS: Final = 1.1
"""Between two progress edits in a channel, in seconds; Discord takes about five in five."""

PER_SECOND: Final = 30.0
"""Progress edits of all replies together; a bot has 50 requests a second for everything."""

STRIKES: Final = 3

_MOST_ROOM: Final = 15.0
"""How many times slower progress gets at most to make room."""


class Pace:
    """Says when a reply may show its progress."""

    def __init__(
        self,
        clock: Clock,
        *,
        channel_seconds: float = CHANNEL_SECONDS,
        per_second: float = PER_SECOND,
    ) -> None:
        self._clock = clock
        self._channel_seconds = channel_seconds
        self._slot_seconds = 1 / per_second
        self._next_slot = 0.0
        self._strikes: dict[int, int] = {}
        self._last: dict[int, float] = {}
        self._order = asyncio.Lock()
        self._urgent = 0

    def begin(self, channel_id: int) -> None:
        """A reply begins in a channel, with no strike against it."""
        self._strikes[channel_id] = 0

    def end(self, channel_id: int) -> None:
        """The channel's reply has ended."""
        self._strikes.pop(channel_id, None)
        self._last.pop(channel_id, None)

    def strike(self, channel_id: int) -> None:
        """Discord said 429 to a call in this channel."""
        if channel_id in self._strikes:
            self._strikes[channel_id] += 1

    @contextmanager
    def urgent(self) -> Iterator[None]:
        """While something that may not wait is on its way to Discord, progress makes room for it.

        Both share what Discord takes of a bot.
        """
        self._urgent += 1
        try:
            yield
        finally:
            self._urgent -= 1

    def struck_out(self, channel_id: int) -> bool:
        """Whether the channel's reply shows no more progress."""
        return self._strikes.get(channel_id, 0) >= STRIKES

    async def turn(self, channel_id: int) -> None:
        """Wait until this channel's reply may be edited; whoever waits longest goes first."""
        last = self._last.get(channel_id)
        if last is not None:
            await self._sleep_until(last + self._channel_seconds)
        async with self._order:
            await self._sleep_until(self._next_slot)
            now = self._clock.monotonic()
            slot = self._slot_seconds * min(1 + self._urgent / 2, _MOST_ROOM)
            self._next_slot = max(now, self._next_slot) + slot
        self._last[channel_id] = now

    async def _sleep_until(self, moment: float) -> None:
        wait = moment - self._clock.monotonic()
        if wait > 0:
            await self._clock.sleep(wait)
