"""What tests do to a database behind its owner's back: a full disk, and rows changed by hand."""

from typing import Any

from bot.store.engine import EngineStore
from bot.store.ledger import Ledger


async def execute(owner: EngineStore | Ledger, sql: str) -> Any:
    """Execute one statement on the owner's writing connection; return its first row.

    A second connection would not do: SQLite's limits hold for the connection that sets them.
    """
    database: Any = owner._session if isinstance(owner, Ledger) else owner._database  # noqa: SLF001 - no public door leads to this connection
    return await database.write(lambda db: db.execute(sql).fetchone())


async def limit_pages(owner: EngineStore | Ledger, pages: int = 1) -> None:
    """Let the owner's file grow to so many pages at most: SQLite's own full disk."""
    await execute(owner, f"PRAGMA max_page_count = {pages}")
