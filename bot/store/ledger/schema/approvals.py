"""The migration of bot.db for the approval of function calls."""

import sqlite3
from typing import Final

_TABLES: Final = (
    # Calls that ask a person. A call's id may come again in a run: round counts such calls.
    """
    CREATE TABLE approvals (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run_id TEXT NOT NULL,
        call_id TEXT NOT NULL,
        round INTEGER NOT NULL,
        turn_id INTEGER NOT NULL REFERENCES turns (id),
        channel_id INTEGER NOT NULL,
        guild_id INTEGER,
        asker_id INTEGER NOT NULL,
        asker_name TEXT NOT NULL,
        thread_id TEXT NOT NULL,
        assistant_id TEXT NOT NULL,
        name TEXT NOT NULL,
        arguments TEXT NOT NULL,
        state TEXT NOT NULL,
        message_id INTEGER,
        decider_id INTEGER,
        decider_name TEXT,
        reason TEXT,
        asked_at REAL NOT NULL,
        UNIQUE (run_id, call_id, round)
    ) STRICT
    """,
    "CREATE INDEX approvals_of_turn ON approvals (turn_id)",
    """
    CREATE INDEX approvals_open ON approvals (id)
    WHERE state IN ('allowed', 'granted', 'started')
    """,
    # Functions that somebody allowed for the rest of a conversation, by its thread.
    """
    CREATE TABLE allowances (
        thread_id TEXT NOT NULL,
        name TEXT NOT NULL,
        PRIMARY KEY (thread_id, name)
    ) STRICT, WITHOUT ROWID
    """,
    # Every decision about a call, by a rule or by a person.
    """
    CREATE TABLE tool_decisions (
        id INTEGER PRIMARY KEY,
        guild_id INTEGER,
        channel_id INTEGER NOT NULL,
        turn_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        decision TEXT NOT NULL,
        decider_id INTEGER,
        reason TEXT,
        decided_at REAL NOT NULL
    ) STRICT
    """,
    "CREATE INDEX tool_decisions_of_guild ON tool_decisions (guild_id, id)",
    "CREATE INDEX tool_decisions_of_turn ON tool_decisions (turn_id)",
)


def approval_tables(db: sqlite3.Connection) -> None:
    """Create the tables of approvals, of allowances, and of the decisions about calls."""
    for statement in _TABLES:
        db.execute(statement)


def untold_denials(db: sqlite3.Connection) -> None:
    """Create the column of late denials of which the assistant learns with the next question."""
    db.execute("ALTER TABLE approvals ADD COLUMN untold TEXT")
    db.execute("CREATE INDEX approvals_untold ON approvals (channel_id) WHERE untold IS NOT NULL")
