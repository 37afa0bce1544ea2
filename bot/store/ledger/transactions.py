"""Transactions of the ledger: its parts, and the decorators that make a method a transaction."""

import sqlite3
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from bot.store.database import Database
from bot.store.group_commit import Work

T = TypeVar("T")
P = ParamSpec("P")


class LedgerError(Exception):
    """The ledger can't be read or written now, for example on a full disk; nothing was changed."""


class LedgerSession:
    """Transactions on the ledger's database, and its clock; raises ``LedgerError``.

    ``now`` returns seconds since 1970. ``settings_version`` counts the transactions that may have
    changed a table of which ``CachedTable`` keeps the content in memory.
    """

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self.now = now
        self.settings_version = 0

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


class LedgerPart:
    """A part of the ledger: each method marked by a decorator below is one transaction."""

    def __init__(self, session: LedgerSession) -> None:
        self._session = session

    def _now(self) -> float:
        return self._session.now()


Part = TypeVar("Part", bound=LedgerPart)


def reads(
    method: Callable[Concatenate[Part, sqlite3.Connection, P], T],
) -> Callable[Concatenate[Part, P], Coroutine[Any, Any, T]]:
    """Run a method on one snapshot; its callers leave ``db`` out and await the result."""

    @wraps(method)
    async def transaction(self: Part, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._session.read(lambda db: method(self, db, *args, **kwargs))

    return transaction


def writes(
    method: Callable[Concatenate[Part, sqlite3.Connection, P], T],
) -> Callable[Concatenate[Part, P], Coroutine[Any, Any, T]]:
    """Run a method in one transaction that writes; its callers leave ``db`` out and await it."""

    @wraps(method)
    async def transaction(self: Part, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._session.write(lambda db: method(self, db, *args, **kwargs))

    return transaction


def writes_settings(
    method: Callable[Concatenate[Part, sqlite3.Connection, P], T],
) -> Callable[Concatenate[Part, P], Coroutine[Any, Any, T]]:
    """Like ``writes``, for settings that are kept in memory: their next use reads them anew."""
    write = writes(method)

    @wraps(method)
    async def transaction(self: Part, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await write(self, *args, **kwargs)
        finally:
            # Also after a failure: the write may have been committed.
            self._session.settings_version += 1

    return transaction
