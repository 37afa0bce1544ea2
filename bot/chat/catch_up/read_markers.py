"""Up to which message each channel was seen; no mark passes what was written while we were away.

Marks are kept in memory for some seconds and written together: one that is written late only makes
the next start read a little more, and what comes out of order by less than that is not passed by.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from bot.runtime.clock import Clock
from bot.store.ledger import Ledger, LedgerError, ReadMarker

WRITE_SECONDS: Final = 3.0
"""A mark is written once it is this old, in seconds, and at twice this age at the latest."""

DIRECT: Final = 0
"""Stands for direct messages where guilds are told apart."""

_log: Final = logging.getLogger(__name__)


class ReadMarkers:
    """What this session of the gateway saw, and which channels it still has to read first.

    With a session begins a gap for every channel. A guild is planned once it is known in which of
    its channels something was written in the gap; these are behind until they were read.
    """

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self.is_ready = False
        """Whether the guilds of this session are known."""
        self._known_guilds: set[int] = set()
        self._behind: set[int] = set()
        self._new: dict[int, ReadMarker] = {}
        self._old: dict[int, ReadMarker] = {}
        self._held: dict[int, ReadMarker] = {}
        self._writing: asyncio.Task[None] | None = None

    def new_session(self) -> None:
        """What comes from now on comes behind a gap."""
        self.is_ready = False
        self._known_guilds.clear()
        self._behind.clear()
        # Seen behind the gap before this one, and that one was not read yet.
        self._held.clear()

    def mark_read(self, channel_id: int, guild_id: int | None, message_id: int) -> None:
        """A message was seen, and taken if it is a question."""
        mark = ReadMarker(channel_id=channel_id, guild_id=guild_id, message_id=message_id)
        if channel_id in self._behind or (guild_id or DIRECT) not in self._known_guilds:
            _advance(self._held, mark)
        else:
            _advance(self._new, mark)
            self._write_soon()

    def set_behind(self, guild_id: int | None, behind: Iterable[int]) -> None:
        """These of a guild's channels have to be read; the others missed nothing."""
        self._known_guilds.add(guild_id or DIRECT)
        self._behind.update(behind)
        for mark in list(self._held.values()):
            if mark.guild_id == guild_id and mark.channel_id not in self._behind:
                _advance(self._new, self._held.pop(mark.channel_id))
        self._write_soon()

    def caught_up(self, mark: ReadMarker) -> None:
        """A channel that was behind has been read up to this mark."""
        if mark.channel_id not in self._behind:
            return  # a session ago
        self._behind.discard(mark.channel_id)
        _advance(self._new, mark)
        if (held := self._held.pop(mark.channel_id, None)) is not None:
            _advance(self._new, held)
        self._write_soon()

    def forget(self, channel_id: int) -> None:
        """A channel that was behind can't be read any more."""
        self._behind.discard(channel_id)
        self._held.pop(channel_id, None)
        self._new.pop(channel_id, None)
        self._old.pop(channel_id, None)

    def holds(self, channel_id: int) -> bool:
        """Return whether no turn may begin in a channel yet: older questions may still be read."""
        return not self.is_ready or channel_id in self._behind

    async def write(self) -> None:
        """Write what is old enough; where the ledger can't be written, that is tried again."""
        old, self._old, self._new = self._old, self._new, {}
        if not old:
            return
        try:
            await self._ledger.read_markers.advance(old.values())
        except LedgerError as error:
            _log.info("How far channels were seen could not be written: %s", error)
            for mark in old.values():
                _advance(self._old, mark)

    async def stop(self) -> None:
        """Write what is old enough for the last time."""
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
            await self._clock.sleep(WRITE_SECONDS)
            await self.write()


def _advance(read_markers: dict[int, ReadMarker], mark: ReadMarker) -> None:
    known = read_markers.get(mark.channel_id)
    if known is None or known.message_id < mark.message_id:
        read_markers[mark.channel_id] = mark
