"""Channels with something to do that wait for a worker: guilds take turns, whoever asks how much.

Which guild a channel is in is looked up only here, where it matters.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from bot.store.ledger import Ledger, LedgerError

DIRECT: Final = 0
"""Stands for direct messages where guilds are told apart."""

_log: Final = logging.getLogger(__name__)


class ChannelQueue:
    """Channels in the order in which they get a worker.

    ``at_once`` may take a channel, by its id and its guild's, that need not wait.
    """

    def __init__(self, ledger: Ledger, at_once: Callable[[int, int], bool]) -> None:
        self._ledger = ledger
        self._at_once = at_once
        self._unsorted: dict[int, None] = {}
        # In the order in which guilds are served next.
        self._guilds: dict[int, dict[int, None]] = {}
        self._guild_of: dict[int, int] = {}
        self._sorting: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._unsorted) + len(self._guild_of)

    def add(self, channel_id: int) -> None:
        """Have a channel wait, once."""
        if channel_id in self._guild_of:
            return
        self._unsorted[channel_id] = None
        if self._sorting is None or self._sorting.done():
            self._sorting = asyncio.create_task(self._sort())

    def next(self) -> tuple[int, int | None] | None:
        """Take out the channel whose turn it is, with its guild so far as known; None: nobody's."""
        for guild_id in self._guilds:
            channels = self._guilds.pop(guild_id)
            channel_id = next(iter(channels))
            del channels[channel_id], self._guild_of[channel_id]
            if channels:
                # Behind all others.
                self._guilds[guild_id] = channels
            return channel_id, guild_id
        for channel_id in self._unsorted:
            del self._unsorted[channel_id]
            return channel_id, None
        return None

    async def stop(self) -> None:
        """Look up no more."""
        if self._sorting is not None:
            self._sorting.cancel()
            await asyncio.wait({self._sorting})

    async def _sort(self) -> None:
        while self._unsorted:
            channel_id = next(iter(self._unsorted))
            try:
                link = await self._ledger.link(channel_id)
            except LedgerError as error:
                # They are served in their order then.
                _log.info("Which guild %d is in can't be looked up: %s", channel_id, error)
                return
            if channel_id not in self._unsorted:
                continue
            del self._unsorted[channel_id]
            guild_id = (link.guild_id if link is not None else None) or DIRECT
            if not self._at_once(channel_id, guild_id):
                self._guilds.setdefault(guild_id, {})[channel_id] = None
                self._guild_of[channel_id] = guild_id
