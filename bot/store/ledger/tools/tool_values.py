"""Small values that functions keep for a place: a server, or the channel of direct messages."""

import sqlite3
from typing import Final

from bot.store.ledger.session import LedgerSession

MOST_VALUES: Final = 1_000
"""The most values of a place."""


class TooManyValuesError(Exception):
    """A place has its most values."""


class ToolValueStore:
    """The values of functions; each method is one transaction."""

    def __init__(self, database: LedgerSession) -> None:
        self._database = database

    async def get(self, place_id: int, key: str) -> str | None:
        """Return a value; None if it was never set."""

        def work(db: sqlite3.Connection) -> str | None:
            row = db.execute(
                "SELECT value FROM tool_values WHERE place_id = ? AND key = ?", (place_id, key)
            ).fetchone()
            return None if row is None else str(row[0])

        return await self._database.read(work)

    async def set(self, place_id: int, key: str, value: str) -> None:
        """Set a value; raises ``TooManyValuesError`` for a new one of a full place."""

        def work(db: sqlite3.Connection) -> bool:
            db.execute(
                """
                INSERT INTO tool_values
                SELECT :place, :key, :value
                WHERE EXISTS (SELECT 1 FROM tool_values WHERE place_id = :place AND key = :key)
                   OR (SELECT count(*) FROM tool_values WHERE place_id = :place) < :most
                ON CONFLICT (place_id, key) DO UPDATE SET value = excluded.value
                """,
                {"place": place_id, "key": key, "value": value, "most": MOST_VALUES},
            )
            return bool(db.execute("SELECT changes()").fetchone()[0])

        if not await self._database.write(work):
            raise TooManyValuesError(f"there are {MOST_VALUES} values already")

    async def delete(self, place_id: int, key: str) -> None:
        """Delete a value, if it was set."""
        await self._database.write(
            lambda db: db.execute(
                "DELETE FROM tool_values WHERE place_id = ? AND key = ?", (place_id, key)
            ).close()
        )
