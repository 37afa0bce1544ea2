"""Connections for searches alone: bounded in time, fair to groups, apart from all other reads."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

from bot.runtime.fair_slots import FairSlots
from bot.store.group_commit import Work

T = TypeVar("T")

Check = Callable[[], None]
"""Raises ``SearchStoppedError`` once a search has to stop; for loops outside of SQLite."""

SearchWork = Callable[[sqlite3.Connection, Check], T]
"""What a search does: it only reads, and may be stopped within any statement."""

_INSTRUCTIONS: Final = 4000
"""SQLite's instructions between two looks at the time, roughly a millisecond of work."""


class SearchStoppedError(Exception):
    """A search that took longer than it may, or whose caller has gone."""


class SearchConnection(Protocol):
    """An SQLite connection with a thread of its own."""

    async def run(self, work: Work[T]) -> T:
        """Run ``work`` whole on the thread, also where the caller is cancelled."""

    async def close(self) -> None:
        """Close the connection once its thread has nothing left to do."""


class SearchReaders:
    """Shares connections among searches; one group leaves at least one of them to the others."""

    def __init__(self, connections: Sequence[SearchConnection]) -> None:
        self._connections = list(connections)
        self._idle = list(connections)
        self._slots = FairSlots(len(connections), max(1, len(connections) - 1))
        self._searches: set[_Search[Any]] = set()

    async def run(self, work: SearchWork[T], group: str, seconds: float) -> T:
        """Run ``work`` on one snapshot of what is committed, as soon as it is the group's turn.

        Raises ``SearchStoppedError`` if the search itself takes longer than ``seconds``; the wait
        for its turn does not count. The search also stops when the caller is cancelled.
        """
        await self._slots.acquire(group)
        connection = self._idle.pop()
        search = _Search(work, seconds)
        running = asyncio.ensure_future(connection.run(search.on))
        self._searches.add(search)

        def over(done: "asyncio.Future[T]") -> None:
            # Only now is the connection's thread free, also where the caller went before.
            self._searches.discard(search)
            self._idle.append(connection)
            self._slots.release(group)
            if not done.cancelled():
                done.exception()  # seen, also where nobody waits for the search any more

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
        """Have the search end soon; nobody waits for what it finds."""
        self._stopped.set()

    def on(self, db: sqlite3.Connection) -> T:
        """Search; runs on the connection's thread."""
        self._deadline = time.monotonic() + self._seconds
        self._check()
        db.set_progress_handler(self._due, _INSTRUCTIONS)
        db.execute("BEGIN")
        try:
            return self._work(db, self._check)
        except sqlite3.OperationalError:
            self._check()  # "interrupted" is what SQLite says of it
            raise
        finally:
            db.set_progress_handler(None, 0)
            db.execute("ROLLBACK")

    def _due(self) -> bool:
        return self._stopped.is_set() or time.monotonic() >= self._deadline

    def _check(self) -> None:
        if self._due():
            raise SearchStoppedError
