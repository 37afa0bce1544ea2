"""Keeps the content of a small table in memory, because every question asks for it."""

import asyncio
from typing import Generic, TypeVar

from bot.store.group_commit import Work
from bot.store.ledger.transactions import LedgerSession

Content = TypeVar("Content")


class CachedTable(Generic[Content]):
    """Keeps the result of ``read`` in memory, until a transaction may have changed it."""

    def __init__(self, session: LedgerSession, read: Work[Content]) -> None:
        self._session = session
        self._read = read
        self._known: tuple[int, Content] | None = None
        self._reading = asyncio.Lock()

    async def content(self) -> Content:
        """Return the content of the table; raises ``LedgerError``."""
        known = self._known
        if known is None or known[0] != self._session.settings_version:
            async with self._reading:  # the first questions after a start ask at the same time
                known = await self._read_anew()
        return known[1]

    async def _read_anew(self) -> tuple[int, Content]:
        # Before the read: after a change during the read, the content counts as outdated.
        version = self._session.settings_version
        if self._known is None or self._known[0] != version:
            self._known = version, await self._session.read(self._read)
        return self._known
