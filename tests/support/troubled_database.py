"""A database on a bad day: reads and writes fail, or wait until a test lets them go on."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from bot.store.database import Database, StoreUnavailableError
from bot.store.engine import EngineStore
from bot.store.engine.schema import MIGRATIONS as ENGINE_MIGRATIONS
from bot.store.group_commit import Work
from bot.store.ledger import Ledger
from bot.store.ledger.schema.migrations import MIGRATIONS

T = TypeVar("T")


class Held:
    """One held transaction: ``begun`` is set once somebody waits for it, ``release`` ends that."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self._released = asyncio.Event()

    def release(self) -> None:
        self._released.set()

    async def wait(self) -> None:
        self.begun.set()
        await self._released.wait()


class TroubledDatabase(Database):
    """Fails ``failing_reads`` reads and ``failing_writes`` writes, after ``sound_writes`` more.

    ``on_failure`` is called before each failed write.
    """

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.failing_reads = 0
        self.failing_writes = 0
        self.sound_writes = 0
        self.on_failure: Callable[[], None] = lambda: None
        self._held_results: dict[int, Held] = {}
        self._writes = 0
        self._held: Held | None = None

    def hold_next_read(self) -> Held:
        """Have the next read wait; the reads after it go on."""
        self._held = Held()
        return self._held

    def hold_result(self, number: int) -> Held:
        """Have the ``number``th write from now commit, and wait before it returns."""
        held = self._held_results[self._writes + number] = Held()
        return held

    async def limit_pages(self, pages: int = 1) -> None:
        """Let the file grow to ``pages`` pages at most: SQLite then reports a full disk."""
        await super().write(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").close())

    async def read(self, work: Work[T]) -> T:
        held, self._held = self._held, None
        if held is not None:
            await held.wait()
        if self.failing_reads:
            self.failing_reads -= 1
            raise StoreUnavailableError("disk I/O error")
        return await super().read(work)

    async def write(self, work: Work[T]) -> T:
        if self.sound_writes:
            self.sound_writes -= 1
        elif self.failing_writes:
            self.failing_writes -= 1
            self.on_failure()
            raise StoreUnavailableError("database or disk is full")
        self._writes += 1
        held = self._held_results.pop(self._writes, None)
        result = await super().write(work)
        if held is not None:
            await held.wait()
        return result


async def troubled_ledger(
    path: Path, now: Callable[[], float], busy_seconds: float = 30.0
) -> tuple[Ledger, TroubledDatabase]:
    """Open a ledger on a database that a test can trouble."""
    database = await TroubledDatabase.open(
        path, MIGRATIONS, synchronous="FULL", busy_seconds=busy_seconds
    )
    return Ledger(database, now), database


async def troubled_store(path: Path) -> tuple[EngineStore, TroubledDatabase]:
    """Open an engine's store on a database that a test can trouble."""
    database = await TroubledDatabase.open(
        path, ENGINE_MIGRATIONS, synchronous="NORMAL", search_readers=1
    )
    return EngineStore(database), database
