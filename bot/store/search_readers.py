"""Connections for searches: each search is bounded in time, and groups take turns."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from bot.runtime.fair_queue import FairSlots
from bot.store.aiosqlite_internals import ThreadConnection

T = TypeVar("T")

Check = Callable[[], None]
"""Raises ``SearchStoppedError`` when a search must stop; for loops outside of SQLite."""

SearchWork = Callable[[sqlite3.Connection, Check], T]
"""The body of a search: it only reads, and may be stopped in any statement."""

_INSTRUCTIONS: Final = 4000
"""Instructions of SQLite's virtual machine between two checks of the time: about 1 ms."""


class SearchStoppedError(Exception):
    """A search took too long, or its caller was cancelled."""


class SearchReaders:
    """Shares connections among searches; one group's searches leave a connection to others."""

    def __init__(self, connections: Sequence[ThreadConnection]) -> None:
        self._connections = list(connections)
        self._idle = list(connections)
        self._slots = FairSlots(len(connections), max(1, len(connections) - 1))
        self._searches: set[_Search[Any]] = set()

    async def run(self, work: SearchWork[T], group: str, seconds: float) -> T:
        """Run ``work`` on one snapshot of the committed data when the group's turn comes.

        Raises ``SearchStoppedError`` if the search takes longer than ``seconds``, without the wait
        for its turn. A cancelled caller stops its search.
        """
        await self._slots.acquire(group)
        connection = self._idle.pop()
        search = _Search(work, seconds)
        running = asyncio.ensure_future(connection.run(search.on))
        self._searches.add(search)

        def over(done: "asyncio.Future[T]") -> None:
            # Only now is the connection's thread free, even if the caller was cancelled before.
            self._searches.discard(search)
            self._idle.append(connection)
            self._slots.release(group)
            if not done.cancelled():
                done.exception()  # retrieved, because a cancelled caller does not retrieve it

        running.add_done_callback(over)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            search.stop()
            raise

    async def close(self) -> None:
        """Stop the searches and close the connections."""
        for search in self._searches:
            search.stop()
        for connection in self._connections:
            await connection.close()


class _Search(Generic[T]):
    """One search on a connection's thread."""

    def __init__(self, work: SearchWork[T], seconds: float) -> None:
        self._work = work
        self._seconds = seconds
        self._deadline = 0.0
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End the search soon; nobody waits for its result."""
        self._stopped.set()

    def on(self, db: sqlite3.Connection) -> T:
        """Run the search; called on the connection's thread."""
        self._deadline = time.monotonic() + self._seconds
        self._check()
        db.set_progress_handler(self._due, _INSTRUCTIONS)
        db.execute("BEGIN")
        try:
            return self._work(db, self._check)
        except sqlite3.OperationalError:
            self._check()  # SQLite's error for a stopped statement is "interrupted"
            raise
        finally:
            db.set_progress_handler(None, 0)
            db.execute("ROLLBACK")

    def _due(self) -> bool:
        return self._stopped.is_set() or time.monotonic() >= self._deadline

    def _check(self) -> None:
        if self._due():
            raise SearchStoppedError
