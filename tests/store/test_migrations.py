"""The migrations of bot.db: a released one never changes the tables that it leaves."""

import hashlib
import sqlite3
from contextlib import closing

from bot.store.ledger.schema.migrations import MIGRATIONS

RELEASED = [
    "6adee4e596909cc8",
    "94d5ff9b5bd16cc8",
    "f9ab0f500ac6d945",
    "dc9ff7d3eaa48eb5",
    "00d153ad74b42ad8",
    "43a5de705daef294",
    "24f6c17ee2b8c6a6",
    "0a8a52e484a3d74f",
    "9ae646fbe6a46cee",
    "d13dc2e4d20f52ad",
    "d9de11da9bcee6af",
    "a2afea27b3770938",
    "83c3f8be79dc7d25",
    "e5f13907d9d2cf3b",
    "994622cadd4c7f2f",
    "f8fb4da1dc7b81ee",
    "5f360942f2bf62ab",
    "1138cf31cb1a992e",
    "b8efa7fad056dc2d",
    "e592325380b91892",
    "380aa106b838bea8",
    "b29f9043f3cb03c1",
]
"""What identifies the tables after each version; a new migration adds a line."""


def identity(db: sqlite3.Connection) -> str:
    """Return a digest of all tables and indexes, whatever white space their statements have."""
    schema = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name")
    texts = [(*names, sql and " ".join(sql.split())) for *names, sql in schema]
    return hashlib.sha256(repr(texts).encode()).hexdigest()[:16]


def test_each_version_has_the_tables_that_it_was_released_with() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        found = []
        for migrate in MIGRATIONS:
            migrate(db)
            found.append(identity(db))
    assert found == RELEASED
