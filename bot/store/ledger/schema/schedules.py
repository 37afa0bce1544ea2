"""The migration of bot.db for schedules."""

import sqlite3
from typing import Final

_TABLES: Final = (
    # Questions that are asked at times. ``rule`` is JSON of chat; ``zone`` is the name of the time
    # zone in which ``due_at`` was computed. ``due_at`` is NULL once nothing follows.
    """
    CREATE TABLE schedules (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        guild_id INTEGER,
        channel_id INTEGER NOT NULL,
        creator_id INTEGER NOT NULL,
        creator_name TEXT NOT NULL,
        content TEXT NOT NULL,
        rule TEXT NOT NULL,
        zone TEXT NOT NULL,
        due_at REAL,
        paused INTEGER NOT NULL DEFAULT 0,
        problem TEXT,
        created_at REAL NOT NULL
    ) STRICT
    """,
    "CREATE INDEX schedules_due ON schedules (due_at) WHERE due_at IS NOT NULL AND NOT paused",
    "CREATE INDEX schedules_of_guild ON schedules (guild_id, id)",
    "CREATE INDEX schedules_of_creator ON schedules (creator_id, id)",
    # The cause of a question that is no Discord message, such as a schedule and its due time: a
    # cause asks once.
    "ALTER TABLE questions ADD COLUMN cause TEXT",
    "CREATE UNIQUE INDEX questions_of_cause ON questions (cause) WHERE cause IS NOT NULL",
)


def schedule_tables(db: sqlite3.Connection) -> None:
    """Create the table of schedules, and what identifies the questions that they ask."""
    for statement in _TABLES:
        db.execute(statement)


def reminders(db: sqlite3.Connection) -> None:
    """Create the column that tells reminders from the schedules that repeat."""
    db.execute("ALTER TABLE schedules ADD COLUMN once INTEGER NOT NULL DEFAULT 0")
