"""Keeps a read marker per channel: every question up to that message was stored or refused.

Markers are written together, some seconds late. The delay makes the next start read a few messages
again. It also covers events that arrive out of order.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from bot.runtime.clock import Clock
from bot.store.ledger import Ledger, LedgerError, ReadMarker

WRITE_SECONDS: Final = 3.0
"""A marker is written at this age in seconds, and at twice this age at the latest."""

DIRECT: Final = 0
"""Stands in for the guild's id where a channel is a DM."""

_log: Final = logging.getLogger(__name__)


class ReadMarkers:
    """The messages read in this gateway session, and the channels that are behind.

    At the beginning of a session every channel may have a gap. Once a guild's gaps are known, the
    guild's channels with a gap are behind, and their markers do not move until they were read.
    """

    def __init__(
        self, ledger: Ledger, clock: Clock, *, write_seconds: float = WRITE_SECONDS
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._write_seconds = write_seconds
        self.is_ready = False
        """Whether the guilds of this session are known."""
        self._known_guilds: set[int] = set()
        self._behind: set[int] = set()
        self._new: dict[int, ReadMarker] = {}
        self._old: dict[int, ReadMarker] = {}
        self._held: dict[int, ReadMarker] = {}
        self._writing: asyncio.Task[None] | None = None

    def new_session(self) -> None:
        """Note a new session: every channel may have a gap before its next message."""
        self.is_ready = False
        self._known_guilds.clear()
        self._behind.clear()
        # The held messages follow an earlier gap that was not read.
        self._held.clear()

    def mark_read(self, channel_id: int, guild_id: int | None, message_id: int) -> None:
        """Note that a message was read, and stored if it is a question."""
        mark = ReadMarker(channel_id=channel_id, guild_id=guild_id, message_id=message_id)
        if channel_id in self._behind or (guild_id or DIRECT) not in self._known_guilds:
            _advance(self._held, mark)
        else:
            _advance(self._new, mark)
            self._write_soon()

    def set_behind(self, guild_id: int | None, behind: Iterable[int]) -> None:
        """Note which of a guild's channels are behind; the others missed nothing."""
        self._known_guilds.add(guild_id or DIRECT)
        self._behind.update(behind)
        for mark in list(self._held.values()):
            if mark.guild_id == guild_id and mark.channel_id not in self._behind:
                _advance(self._new, self._held.pop(mark.channel_id))
        self._write_soon()

    def caught_up(self, mark: ReadMarker) -> None:
        """Note that a channel was read up to this marker and is no longer behind."""
        if mark.channel_id not in self._behind:
            return  # the read belongs to an earlier session
        self._behind.discard(mark.channel_id)
        _advance(self._new, mark)
        if (held := self._held.pop(mark.channel_id, None)) is not None:
            _advance(self._new, held)
        self._write_soon()

    def forget(self, channel_id: int) -> None:
        """Forget a channel that can't be read any more."""
        self._behind.discard(channel_id)
        self._held.pop(channel_id, None)
        self._new.pop(channel_id, None)
        self._old.pop(channel_id, None)

    def holds(self, channel_id: int) -> bool:
        """Return whether turns must wait in a channel: older questions may still be read."""
        return not self.is_ready or channel_id in self._behind

    async def write(self) -> None:
        """Write the markers that are old enough; retry later if the ledger fails."""
        old, self._old, self._new = self._old, self._new, {}
        if not old:
            return
        try:
            await self._ledger.read_markers.advance(old.values())
        except LedgerError as error:
            _log.info("Read markers could not be stored: %s", error)
            for mark in old.values():
                _advance(self._old, mark)

    async def stop(self) -> None:
        """Write the markers that are old enough for the last time."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
        await self.write()

    def _write_soon(self) -> None:
        if self._new and (self._writing is None or self._writing.done()):
            self._writing = asyncio.create_task(self._write_later())

    async def _write_later(self) -> None:
        while self._new or self._old:
            await self._clock.sleep(self._write_seconds)
            await self.write()


def _advance(read_markers: dict[int, ReadMarker], mark: ReadMarker) -> None:
    known = read_markers.get(mark.channel_id)
    if known is None or known.message_id < mark.message_id:
        read_markers[mark.channel_id] = mark
