"""The tables of functions, which the ledger's migrations create."""

import sqlite3
from typing import Final

_TABLES: Final = (
    # The function calls of runs. Some models use a call's id again: round counts such calls.
    """
    CREATE TABLE tool_calls (
        id INTEGER PRIMARY KEY,
        run_id TEXT NOT NULL,
        call_id TEXT NOT NULL,
        round INTEGER NOT NULL,
        turn_id INTEGER NOT NULL REFERENCES turns (id),
        channel_id INTEGER NOT NULL,
        guild_id INTEGER,
        asker_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        arguments TEXT NOT NULL,
        state TEXT NOT NULL,
        outcome TEXT,
        output TEXT,
        started_at REAL NOT NULL,
        ended_at REAL,
        UNIQUE (run_id, call_id, round)
    ) STRICT
    """,
    "CREATE INDEX tool_calls_of_turn ON tool_calls (turn_id)",
    "CREATE INDEX tool_calls_of_guild ON tool_calls (guild_id, started_at)",
    "CREATE INDEX tool_calls_of_asker ON tool_calls (asker_id, started_at)",
    # Files that calls returned, until the reply has them.
    """
    CREATE TABLE call_files (
        id INTEGER PRIMARY KEY,
        turn_id INTEGER NOT NULL REFERENCES turns (id),
        run_id TEXT NOT NULL,
        name TEXT NOT NULL,
        data BLOB NOT NULL
    ) STRICT
    """,
    "CREATE INDEX call_files_of_run ON call_files (run_id, id)",
    "CREATE INDEX call_files_of_turn ON call_files (turn_id)",
    # Small values that functions keep for a server, or for a direct message.
    """
    CREATE TABLE tool_values (
        place_id INTEGER NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (place_id, key)
    ) STRICT, WITHOUT ROWID
    """,
)


def tool_tables(db: sqlite3.Connection) -> None:
    """Create the tables of function calls, their files, and the values that functions keep."""
    for statement in _TABLES:
        db.execute(statement)


def functions_of_drafts(db: sqlite3.Connection) -> None:
    """Create the column of the functions that a form gives to an assistant."""
    db.execute("ALTER TABLE assistant_drafts ADD COLUMN functions TEXT")
