"""Transactions of the ledger; every database error becomes a ``LedgerError``."""

import sqlite3
from typing import TypeVar

from bot.store.database import Database
from bot.store.group_commit import Work

T = TypeVar("T")


class LedgerError(Exception):
    """The ledger can't be read or written now, for example on a full disk; nothing was changed."""


class LedgerSession:
    """Transactions on the ledger's database; raises ``LedgerError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, work: Work[T]) -> T:
        """Run ``work`` in one transaction."""
        try:
            return await self._database.write(work)
        except sqlite3.Error as error:
            raise LedgerError(str(error)) from error

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` on one snapshot."""
        try:
            return await self._database.read(work)
        except sqlite3.Error as error:
            raise LedgerError(str(error)) from error

    async def probe(self) -> None:
        """Write to the disk and change nothing."""
        try:
            await self._database.probe()
        except sqlite3.Error as error:
            raise LedgerError(str(error)) from error

    async def close(self) -> None:
        """Close the database."""
        await self._database.close()
