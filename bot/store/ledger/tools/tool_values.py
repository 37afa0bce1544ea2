"""Small values that functions keep for a place: a server, or the channel of direct messages."""

import sqlite3
from typing import Final

from bot.store import queries
from bot.store.ledger.transactions import LedgerPart, reads, writes

MOST_VALUES: Final = 1_000
"""The most values of a place."""


class TooManyValuesError(Exception):
    """A place has as many values as it may have; the new one is not stored."""


class ToolValueStore(LedgerPart):
    """The values of functions; each method is one transaction."""

    @reads
    def get(self, db: sqlite3.Connection, place_id: int, key: str) -> str | None:
        """Return a value; None if it was never set."""
        statement = "SELECT value FROM tool_values WHERE place_id = ? AND key = ?"
        return queries.value(db, statement, (place_id, key))

    @writes
    def set(self, db: sqlite3.Connection, place_id: int, key: str, value: str) -> None:
        """Set a value; raises ``TooManyValuesError`` for a new one of a full place."""
        stored = db.execute(
            """
            INSERT INTO tool_values
            SELECT :place, :key, :value
            WHERE EXISTS (SELECT 1 FROM tool_values WHERE place_id = :place AND key = :key)
               OR (SELECT count(*) FROM tool_values WHERE place_id = :place) < :most
            ON CONFLICT (place_id, key) DO UPDATE SET value = excluded.value
            """,
            {"place": place_id, "key": key, "value": value, "most": MOST_VALUES},
        )
        if stored.rowcount == 0:
            raise TooManyValuesError(f"there are {MOST_VALUES} values already")

    @writes
    def delete(self, db: sqlite3.Connection, place_id: int, key: str) -> None:
        """Delete a value, if it was set."""
        db.execute("DELETE FROM tool_values WHERE place_id = ? AND key = ?", (place_id, key))
