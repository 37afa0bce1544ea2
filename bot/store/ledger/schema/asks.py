"""The migration of bot.db for questions by command, whose replies answer interactions."""

import sqlite3
from typing import Final

_STATEMENTS: Final = (
    # A conversation that one member leads by commands: who leads it, and in which channel.
    "ALTER TABLE links ADD COLUMN owner_id INTEGER",
    "ALTER TABLE links ADD COLUMN place_id INTEGER",
    "ALTER TABLE links ADD COLUMN ephemeral INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE links ADD COLUMN external INTEGER NOT NULL DEFAULT 0",
    # The owner of a forgotten member's conversations becomes 0.
    """
    CREATE UNIQUE INDEX links_of_owner ON links (owner_id, place_id, ephemeral, external)
    WHERE owner_id <> 0
    """,
    # The interaction that a reply answers. The token leaves when its 15 minutes are over.
    """
    CREATE TABLE asks (
        question_id INTEGER PRIMARY KEY REFERENCES questions (id),
        interaction_id INTEGER NOT NULL,
        token TEXT NOT NULL,
        expires_at REAL NOT NULL,
        assistant_id TEXT
    ) STRICT
    """,
    "CREATE INDEX ask_tokens ON asks (expires_at) WHERE token <> ''",
    # The message about which a member asks by a form that is open.
    """
    CREATE TABLE ask_drafts (
        id INTEGER PRIMARY KEY,
        member_id INTEGER NOT NULL,
        content TEXT NOT NULL,
        attachments TEXT NOT NULL,
        quoted_id INTEGER NOT NULL,
        quoted_author_id INTEGER NOT NULL,
        created_at REAL NOT NULL
    ) STRICT
    """,
)


def ask_tables(db: sqlite3.Connection) -> None:
    """Create the tables of questions by command, and extend the links by their conversations."""
    for statement in _STATEMENTS:
        db.execute(statement)
