"""The channels that wait for a worker of the scheduler; guilds take turns.

The guild of a channel is looked up in the ledger only when the channel has to wait.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from bot.runtime.fair_queue import FairQueue
from bot.store.ledger import Ledger, LedgerError

DIRECT: Final = 0
"""Stands in for the guild id of DMs: all DMs together take turns with the guilds."""

_log: Final = logging.getLogger(__name__)


class ChannelQueue:
    """Waiting channels, in the order in which they get a worker.

    ``begin_at_once`` is called with the ids of a channel and its guild. It returns True where it
    gave the channel a worker beyond the limit.
    """

    def __init__(self, ledger: Ledger, begin_at_once: Callable[[int, int], bool]) -> None:
        self._ledger = ledger
        self._begin_at_once = begin_at_once
        self._unsorted: dict[int, None] = {}
        self._queue: FairQueue[int] = FairQueue()
        self._guild_of: dict[int, int] = {}
        self._sorting: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._unsorted) + len(self._queue)

    def add(self, channel_id: int) -> None:
        """Append a channel, unless it waits already."""
        if channel_id in self._guild_of:
            return
        self._unsorted[channel_id] = None
        if self._sorting is None or self._sorting.done():
            self._sorting = asyncio.create_task(self._sort())

    def next(self) -> tuple[int, int | None] | None:
        """Remove and return the next channel, with its guild if known; None if no channel waits."""
        found = self._queue.pop()
        if found is not None:
            channel_id = found[1]
            return channel_id, self._guild_of.pop(channel_id)
        for channel_id in self._unsorted:
            del self._unsorted[channel_id]
            return channel_id, None
        return None

    async def stop(self) -> None:
        """Look up no more guilds."""
        if self._sorting is not None:
            self._sorting.cancel()
            await asyncio.wait({self._sorting})

    async def _sort(self) -> None:
        while self._unsorted:
            channel_id = next(iter(self._unsorted))
            try:
                link = await self._ledger.link(channel_id)
            except LedgerError as error:
                # The channels are then served in the order in which they came.
                _log.info("The guild of channel %d can't be looked up: %s", channel_id, error)
                return
            if channel_id not in self._unsorted:
                continue
            del self._unsorted[channel_id]
            guild_id = (link.guild_id if link is not None else None) or DIRECT
            if not self._begin_at_once(channel_id, guild_id):
                self._queue.add((guild_id, channel_id), channel_id)
                self._guild_of[channel_id] = guild_id
