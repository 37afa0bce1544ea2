"""Keeps what a small table has in memory, because every question asks for it."""

import asyncio
from typing import Generic, TypeVar

from bot.store.group_commit import Work
from bot.store.ledger.session import LedgerSession

Content = TypeVar("Content")
T = TypeVar("T")


class CachedTable(Generic[Content]):
    """The result of ``read``, until a transaction may have changed the table."""

    def __init__(self, database: LedgerSession, read: Work[Content]) -> None:
        self._database = database
        self._read = read
        self._known: Content | None = None
        self._changes = 0
        self._reading = asyncio.Lock()

    async def content(self) -> Content:
        """Return what the table has; raises ``LedgerError``."""
        if self._known is None:
            async with self._reading:  # the first questions after a start ask at the same time
                return await self._content()
        return self._known

    async def _content(self) -> Content:
        if self._known is not None:
            return self._known
        changes = self._changes
        known = await self._database.read(self._read)
        # A change meanwhile may have been committed after the read.
        if changes == self._changes:
            self._known = known
        return known

    def changed(self) -> None:
        """Read the table anew at its next use: a transaction may have changed it."""
        self._known = None
        self._changes += 1

    async def write(self, work: Work[T]) -> T:
        """Run a transaction that changes the table; raises ``LedgerError``."""
        try:
            return await self._database.write(work)
        finally:
            # Also after a failure: the write may have been committed.
            self.changed()
