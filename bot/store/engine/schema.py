"""The schema of engine.db, one migration for each version; a released migration never changes.

Rows are ordered by ``seq``, because times are whole seconds and two objects may share one.
"""

import sqlite3
import time
from typing import Any, Final

import msgspec

from bot.store.database import Migration, script

TOKENIZER: Final = "porter unicode61 remove_diacritics 0 categories 'L* M* N* Co'"
"""FTS5's tokenizer: tokens are letters, marks and numbers; English words are stemmed."""

_OBJECTS: Final = """
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
CREATE INDEX steps_of_run ON steps (run_id, seq)
"""


_FILES: Final = """
CREATE TABLE files (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    project TEXT NOT NULL,
    purpose TEXT NOT NULL,
    expires_at INTEGER,
    body BLOB NOT NULL
);
CREATE INDEX files_of_project ON files (project, seq);
CREATE INDEX files_of_purpose ON files (project, purpose, seq);
CREATE INDEX files_that_expire ON files (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE vector_stores (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    project TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX vector_stores_of_project ON vector_stores (project, seq);
CREATE TABLE file_batches (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    store_id TEXT NOT NULL REFERENCES vector_stores (id) ON DELETE CASCADE,
    cancelled INTEGER NOT NULL DEFAULT 0,
    body BLOB NOT NULL
);
CREATE TABLE store_files (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL REFERENCES files (id) ON DELETE CASCADE,
    store_id TEXT NOT NULL REFERENCES vector_stores (id) ON DELETE CASCADE,
    batch_id TEXT,
    status TEXT NOT NULL,
    usage_bytes INTEGER NOT NULL DEFAULT 0,
    body BLOB NOT NULL,
    UNIQUE (store_id, id)
);
CREATE INDEX store_files_of_store ON store_files (store_id, seq);
CREATE INDEX store_files_in_state ON store_files (store_id, status, seq);
CREATE INDEX store_files_of_batch ON store_files (batch_id, seq) WHERE batch_id IS NOT NULL;
CREATE INDEX store_files_of_file ON store_files (id);
CREATE TABLE chunks (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    file INTEGER NOT NULL REFERENCES store_files (seq) ON DELETE CASCADE,
    text TEXT NOT NULL
);
CREATE INDEX chunks_of_file ON chunks (file, seq);
CREATE VIRTUAL TABLE chunk_index USING fts5 (store, form, tokenize = 'unicode61')
"""


_CHUNK_GONE: Final = """
CREATE TRIGGER chunk_gone AFTER DELETE ON chunks BEGIN
    DELETE FROM chunk_index WHERE rowid = OLD.seq;
END
"""

_MADE_FILES_DAYS: Final = 30
"""Days until files expire that were generated before this migration."""


def _made_files(db: sqlite3.Connection) -> None:
    # Generated files expire and count against quotas of their thread and project.
    db.execute("ALTER TABLE files ADD COLUMN made_on TEXT")
    db.execute("ALTER TABLE files ADD COLUMN made_bytes INTEGER")
    db.execute(
        "CREATE INDEX files_made ON files (project, made_on, made_bytes) "
        "WHERE made_bytes IS NOT NULL"
    )
    expires_at = int(time.time()) + _MADE_FILES_DAYS * 86_400
    rows = db.execute(
        "SELECT f.seq, f.body, r.thread_id FROM files f LEFT JOIN runs r ON r.id = f.run_id "
        "WHERE f.run_id IS NOT NULL"
    ).fetchall()
    for seq, body, thread_id in rows:
        try:
            file = msgspec.json.decode(body, type=dict[str, Any])
            size = int(file["bytes"])
        except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, TypeError, ValueError):
            continue  # a damaged row stays as it is
        db.execute(
            "UPDATE files SET made_on = ?, made_bytes = ?, expires_at = ?, body = ? WHERE seq = ?",
            (
                thread_id or "",
                size,
                expires_at,
                msgspec.json.encode({**file, "expires_at": expires_at}),
                seq,
            ),
        )


def _stems(db: sqlite3.Connection) -> None:
    # The index of the versions before knew no stems: "cat" did not find "cats".
    (trigger,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'chunk_gone'").fetchone()
    db.execute("DROP TRIGGER chunk_gone")
    db.execute("ALTER TABLE chunk_index RENAME TO plain_index")
    db.execute(f'CREATE VIRTUAL TABLE chunk_index USING fts5 (store, form, tokenize="{TOKENIZER}")')
    db.execute(
        "INSERT INTO chunk_index (rowid, store, form) SELECT rowid, store, form FROM plain_index"
    )
    db.execute("DROP TABLE plain_index")
    db.execute(trigger)


MIGRATIONS: Final[tuple[Migration, ...]] = (
    script(*_OBJECTS.split(";\n")),
    script(*_FILES.split(";\n"), _CHUNK_GONE),
    script(
        # The response that a run reads from its endpoint, and the model's continuation data.
        "ALTER TABLE runs ADD COLUMN response TEXT",
        "ALTER TABLE steps ADD COLUMN continuation TEXT",
    ),
    script(
        # If a response is read again from its beginning, its steps are written again.
        "ALTER TABLE steps ADD COLUMN response TEXT",
        # An answer names the files that its run's code generated, perhaps long before.
        "ALTER TABLE files ADD COLUMN run_id TEXT",
        "CREATE INDEX files_of_run ON files (run_id) WHERE run_id IS NOT NULL",
    ),
    _made_files,
    # When a stop was last counted against a run, in seconds since 1970.
    script("ALTER TABLE runs ADD COLUMN tried_at REAL"),
    _stems,
    script(
        # A summary covers the messages of its thread up to the one whose seq is ``through``.
        "CREATE TABLE summaries (thread_id TEXT NOT NULL REFERENCES threads (id) ON DELETE "
        "CASCADE, through INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (thread_id, through))",
        # A run's usage has the tokens of the summaries that it made, which are no run steps.
        "ALTER TABLE runs ADD COLUMN summary_prompt_tokens INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE runs ADD COLUMN summary_completion_tokens INTEGER NOT NULL DEFAULT 0",
    ),
)
