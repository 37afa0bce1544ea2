"""Group commit: transactions that wait for the writer share one commit.

Each transaction has its own result. A transaction that raises is rolled back to its own savepoint;
the others are committed.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

Work = Callable[[sqlite3.Connection], T]
"""The body of a transaction: it runs statements of this connection and never waits."""

OnThread = Callable[[Work[None]], Awaitable[None]]
"""Runs a function on the writer's thread, in order, even if the caller is cancelled."""

_SAVEPOINT: Final = "one_of_many"


class _Transaction(Generic[T]):
    """A transaction that waits for the writer; later its result or its error."""

    def __init__(self, work: Work[T]) -> None:
        self.work = work
        self.done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._result: T | None = None
        self.error: BaseException | None = None

    def run(self, db: sqlite3.Connection) -> None:
        """Run the transaction and keep its result or its exception."""
        try:
            self._result = self.work(db)
        except BaseException as error:  # noqa: BLE001 - `deliver` raises it for the caller
            self.error = error

    def deliver(self) -> None:
        """Give the outcome to the caller, on the event loop; a cancelled caller gets none."""
        if self.done.done():
            return
        if self.error is not None:
            self.done.set_exception(self.error)
        else:
            self.done.set_result(self._result)  # type: ignore[arg-type]  # set by `run`


class Commits:
    """The writer's queue: transactions that wait while the writer is busy share the next commit."""

    def __init__(self, on_thread: OnThread) -> None:
        self._on_thread = on_thread
        self._guard = threading.Lock()
        self._waiting: list[_Transaction[Any]] = []

    async def write(self, work: Work[T]) -> T:
        """Run ``work`` in a transaction and return its result once it is committed.

        Raises the exceptions of ``work`` and of the commit. A cancelled caller stops neither.
        """
        mine = _Transaction(work)
        with self._guard:
            first = not self._waiting
            self._waiting.append(mine)
        if not first:
            return await mine.done
        loop = asyncio.get_running_loop()

        def together(db: sqlite3.Connection) -> None:
            group = self._take()
            _commit(db, group)
            if others := group[1:]:
                # From the thread, because this caller may have been cancelled.
                loop.call_soon_threadsafe(_deliver, others)

        try:
            await self._on_thread(together)
        except asyncio.CancelledError:
            mine.done.cancel()
            raise
        except BaseException as error:  # noqa: BLE001 - each of the callers gets it
            # The writer is closed: no waiting transaction will run.
            group = self._take()
            for each in group:
                each.error = error
            _deliver(group[1:])
        mine.deliver()
        return await mine.done

    def _take(self) -> list[_Transaction[Any]]:
        with self._guard:
            group, self._waiting = self._waiting, []
        return group


def _commit(db: sqlite3.Connection, group: Sequence[_Transaction[Any]]) -> None:
    """Run and commit a group of transactions; a failed commit fails each of them."""
    try:
        db.execute("BEGIN IMMEDIATE")
        if len(group) == 1:
            group[0].run(db)
            if group[0].error is not None:
                _roll_back(db)
                return
        else:
            for each in group:
                _run_in_savepoint(db, each)
        db.execute("COMMIT")
    except BaseException as error:  # noqa: BLE001 - each of the callers gets it
        _roll_back(db)
        for each in group:
            each.error = each.error or error


def _run_in_savepoint(db: sqlite3.Connection, each: _Transaction[Any]) -> None:
    """Run one transaction of a group in a savepoint, which is rolled back if it raises."""
    db.execute(f"SAVEPOINT {_SAVEPOINT}")
    each.run(db)
    if each.error is not None:
        if not db.in_transaction:
            # A full disk ended the whole transaction: the others are rolled back, too.
            raise sqlite3.OperationalError(str(each.error)) from each.error
        db.execute(f"ROLLBACK TO {_SAVEPOINT}")
    db.execute(f"RELEASE {_SAVEPOINT}")


def _roll_back(db: sqlite3.Connection) -> None:
    # SQLite may have ended the transaction itself, because the disk is full.
    if db.in_transaction:
        db.execute("ROLLBACK")


def _deliver(group: Sequence[_Transaction[Any]]) -> None:
    for each in group:
        each.deliver()
