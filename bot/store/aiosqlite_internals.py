"""Every use of aiosqlite's private parts, and a check that they exist.

aiosqlite runs each call of a connection on the connection's own thread, one statement at a time.
A transaction of the store is one function that runs whole on that thread; aiosqlite has no public
method for that.
"""

import inspect
import sqlite3
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aiosqlite

T = TypeVar("T")


class ThreadConnection(aiosqlite.Connection):
    """A connection that also runs a whole function on its thread."""

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` on the connection's thread, to its end even if the caller is cancelled."""
        execute: Callable[..., Awaitable[T]] = self._execute
        return await execute(work, self._conn)


def missing_internals(connection: type[object] = aiosqlite.Connection) -> tuple[str, ...]:
    """Return the private names that a connection class lacks, or has with another signature."""
    missing: list[str] = []
    execute = getattr(connection, "_execute", None)
    if not inspect.iscoroutinefunction(execute) or not _takes_function_and_argument(execute):
        missing.append("Connection._execute(fn, *args)")
    if not isinstance(getattr(connection, "_conn", None), property):
        missing.append("Connection._conn")
    return tuple(missing)


def _takes_function_and_argument(method: Callable[..., object]) -> bool:
    try:
        inspect.signature(method).bind(object(), len, ())
    except TypeError:
        return False
    return True
