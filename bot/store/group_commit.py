"""Transactions that wait for the writer go to disk together: one commit, each with its own outcome.

A transaction that raises takes back what it did and nothing of the others.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

Work = Callable[[sqlite3.Connection], T]
"""What a transaction does, once; it may run only this connection's statements, and never waits."""

OnThread = Callable[[Work[None]], Awaitable[None]]
"""Runs a function on the writer's thread, in order; cancelling the caller takes nothing back."""

_MARK: Final = "one_of_many"


class _Waiting(Generic[T]):
    """A transaction and, once it ran, its outcome."""

    def __init__(self, work: Work[T]) -> None:
        self.work = work
        self.done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._result: T | None = None
        self.error: BaseException | None = None

    def run(self, db: sqlite3.Connection) -> None:
        """Run it; what it raises is its outcome."""
        try:
            self._result = self.work(db)
        except BaseException as error:  # noqa: BLE001 - it is its caller's, who gets it from `tell`
            self.error = error

    def tell(self) -> None:
        """Let its caller have the outcome, on the loop; one that went away gets none."""
        if self.done.done():
            return
        if self.error is not None:
            self.done.set_exception(self.error)
        else:
            self.done.set_result(self._result)  # type: ignore[arg-type]  # set by `run`, None where T is


class Commits:
    """The writer's queue; everything that waits when the writer is free is one commit."""

    def __init__(self, on_thread: OnThread) -> None:
        self._on_thread = on_thread
        self._guard = threading.Lock()
        self._waiting: list[_Waiting[Any]] = []

    async def write(self, work: Work[T]) -> T:
        """Run ``work`` whole in a transaction and return when it is committed.

        Raises what it raises. Cancelling the caller takes nothing back.
        """
        mine = _Waiting(work)
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
                # Not by way of this caller, who may have been cancelled.
                loop.call_soon_threadsafe(_tell, others)

        try:
            await self._on_thread(together)
        except asyncio.CancelledError:
            mine.done.cancel()
            raise
        except BaseException as error:  # noqa: BLE001 - each of the callers gets it
            # The writer is closed: nobody's transaction will run.
            group = self._take()
            for each in group:
                each.error = error
            _tell(group[1:])
        mine.tell()
        return await mine.done

    def _take(self) -> list[_Waiting[Any]]:
        with self._guard:
            group, self._waiting = self._waiting, []
        return group


def _commit(db: sqlite3.Connection, group: Sequence[_Waiting[Any]]) -> None:
    """Run and commit a group's transactions; where the commit fails, it fails for each of them."""
    try:
        db.execute("BEGIN IMMEDIATE")
        if len(group) == 1:
            group[0].run(db)
            if group[0].error is not None:
                _roll_back(db)
                return
        else:
            for each in group:
                _run_marked(db, each)
        db.execute("COMMIT")
    except BaseException as error:  # noqa: BLE001 - each of the callers gets it
        _roll_back(db)
        for each in group:
            each.error = each.error or error


def _run_marked(db: sqlite3.Connection, each: _Waiting[Any]) -> None:
    """Run one of many so that it can be taken back alone."""
    db.execute(f"SAVEPOINT {_MARK}")
    each.run(db)
    if each.error is not None:
        if not db.in_transaction:
            # A full disk ended the whole transaction: what the others did is gone, too.
            raise sqlite3.OperationalError(str(each.error)) from each.error
        db.execute(f"ROLLBACK TO {_MARK}")
    db.execute(f"RELEASE {_MARK}")


def _roll_back(db: sqlite3.Connection) -> None:
    # A full disk may have ended the transaction by itself already.
    if db.in_transaction:
        db.execute("ROLLBACK")


def _tell(group: Sequence[_Waiting[Any]]) -> None:
    for each in group:
        each.tell()
