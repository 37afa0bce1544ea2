"""The schema of engine.db, one migration a version; what has shipped is never edited.

``seq`` orders everything: times are whole seconds, and two objects of one second must not swap.
"""

import sqlite3
from typing import Final

from bot.store.database import Migration

_OBJECTS = """
CREATE TABLE assistants (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    project TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX assistants_of_project ON assistants (project, seq);
CREATE TABLE threads (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    project TEXT NOT NULL,
    messages INTEGER NOT NULL DEFAULT 0,
    body BLOB NOT NULL
);
CREATE TABLE messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    thread_id TEXT NOT NULL REFERENCES threads (id) ON DELETE CASCADE,
    run_id TEXT,
    body BLOB NOT NULL
);
CREATE INDEX messages_of_thread ON messages (thread_id, seq);
CREATE INDEX messages_of_run ON messages (run_id, seq) WHERE run_id IS NOT NULL;
CREATE TABLE runs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    project TEXT NOT NULL,
    thread_id TEXT NOT NULL REFERENCES threads (id) ON DELETE CASCADE,
    status TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    body BLOB NOT NULL
);
CREATE INDEX runs_of_thread ON runs (thread_id, seq);
CREATE UNIQUE INDEX active_run_of_thread ON runs (thread_id)
    WHERE status IN ('queued', 'in_progress', 'requires_action', 'cancelling');
CREATE INDEX active_runs ON runs (expires_at)
    WHERE status IN ('queued', 'in_progress', 'requires_action', 'cancelling');
CREATE TABLE steps (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    body BLOB NOT NULL
);
CREATE INDEX steps_of_run ON steps (run_id, seq);
"""


def _objects(db: sqlite3.Connection) -> None:
    for statement in _OBJECTS.split(";\n"):
        if statement.strip():
            db.execute(statement)


MIGRATIONS: Final[tuple[Migration, ...]] = (_objects,)
