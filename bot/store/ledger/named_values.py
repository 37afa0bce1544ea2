"""Single values that the ledger keeps by name, in the table ``facts``."""

import sqlite3

from bot.store import queries


def value_of(db: sqlite3.Connection, key: str) -> str | None:
    """Return the value of a fact; None if it was never set."""
    return queries.value(db, "SELECT value FROM facts WHERE key = ?", (key,))


def store(db: sqlite3.Connection, key: str, value: str) -> None:
    """Set a fact, in place of an earlier value."""
    db.execute(
        """
        INSERT INTO facts VALUES (?, ?)
        ON CONFLICT (key) DO UPDATE SET value = excluded.value
        """,
        (key, value),
    )
