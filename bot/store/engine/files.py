"""The tables of files, vector stores, file batches and searchable chunks."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET
from msgspec.json import Decoder

from bot.assistants.schema.files import File
from bot.assistants.schema.objects import Run
from bot.assistants.schema.vector_stores import (
    FileCounts,
    FileStatus,
    VectorStore,
    VectorStoreFile,
    VectorStoreFileBatch,
)
from bot.store import queries
from bot.store.engine.rows import MOST_PAGE_BYTES, Rows, Unreadable

_FILES: Final = Decoder(File)
_STORES: Final = Decoder(VectorStore)
_STORE_FILES: Final = Decoder(VectorStoreFile)
_BATCHES: Final = Decoder(VectorStoreFileBatch)

_LEAST_BYTES: Final = 4096
"""The bytes that even a tiny generated file counts against quotas: its row and its disk block."""


class Hit(NamedTuple):
    """A chunk that matches a search; the smaller its ``rank`` (bm25), the better it matches.

    ``text`` is what the model reads, ``form`` the form of the text that searches match.
    """

    file_id: str
    filename: str
    attributes: dict[str, Any] | None
    text: str
    form: str
    rank: float


class FileTables:
    """The tables of files and vector stores within one transaction."""

    def __init__(self, db: sqlite3.Connection, unreadable: Unreadable) -> None:
        self._db = db
        self.files = Rows(db, "files", _FILES, "file", unreadable, owner="project")
        self.stores = Rows(
            db, "vector_stores", _STORES, "vector store", unreadable, owner="project"
        )
        self.store_files = Rows(
            db, "store_files", _STORE_FILES, "file", unreadable, owner="store_id"
        )
        self.batches = Rows(
            db, "file_batches", _BATCHES, "file batch", unreadable, owner="store_id"
        )

    def add_file(self, project: str, file: File, run: Run | None = None) -> None:
        """Add the row of a file.

        ``run`` is the run whose code generated the file, which then counts against quotas.
        """
        made: dict[str, str | int] = {}
        if run is not None:
            size = max(file.bytes, _LEAST_BYTES)
            made = {"run_id": run.id, "made_on": run.thread_id, "made_bytes": size}
        expires_at = file.expires_at if isinstance(file.expires_at, int) else None
        self.files.insert(
            file, id=file.id, project=project, purpose=file.purpose, expires_at=expires_at, **made
        )

    def generated_bytes(self, project: str, thread_id: str) -> tuple[int, int]:
        """Return the bytes of generated files on a thread, and in the whole project."""
        query = (
            "SELECT coalesce(sum(made_bytes) FILTER (WHERE made_on = ?), 0), "
            "coalesce(sum(made_bytes), 0) FROM files WHERE project = ? AND made_bytes IS NOT NULL"
        )
        on_thread, in_project = self._db.execute(query, (thread_id, project)).fetchone()
        return on_thread, in_project

    def files_of_run(self, project: str, run_id: str) -> dict[str, str]:
        """Return the ids of a run's generated files by name; the newest of each name."""
        files = self.files.all(run_id=run_id, project=project)
        return {file.filename: file.id for file in files}

    def waiting_file(self, store_id: str, file_id: str) -> File | None:
        """Return a file that waits to be indexed in a vector store of its own project.

        Returns None if the file does not wait, or if its row cannot be read.
        """
        row = self._db.execute(
            "SELECT f.id, f.body FROM files f JOIN vector_stores s ON s.project = f.project "
            "JOIN store_files w ON w.store_id = s.id AND w.id = f.id AND w.status = 'in_progress' "
            "WHERE s.id = ? AND f.id = ?",
            (store_id, file_id),
        ).fetchone()
        return self.files.decoded(*row) if row else None

    def all_file_ids(self) -> set[str]:
        """Return the ids of all projects' files."""
        return set(queries.column(self._db, "SELECT id FROM files"))

    def drop_expired_files(self, now: int) -> tuple[str, ...]:
        """Delete the rows of expired files and return their ids."""
        return queries.column(
            self._db, "DELETE FROM files WHERE expires_at <= ? RETURNING id", (now,)
        )

    def add_store_file(self, file: VectorStoreFile, batch_id: str | None) -> None:
        """Add a file to a vector store; a file that is there already is indexed again."""
        self._db.execute(
            "DELETE FROM store_files WHERE store_id = ? AND id = ?", (file.vector_store_id, file.id)
        )
        self.store_files.insert(
            file,
            id=file.id,
            store_id=file.vector_store_id,
            batch_id=batch_id,
            status=file.status,
        )

    def move_store_file(
        self, store_id: str, file_id: str, target: FileStatus, **changes: Any
    ) -> VectorStoreFile | None:
        """Move a file of a vector store from ``in_progress`` to ``target`` and return it.

        Returns None, and changes nothing, if the file is gone or has another status.
        """
        file = self.store_files.readable(store_id=store_id, id=file_id)
        if file is None:
            return None
        moved = msgspec.structs.replace(file, status=target, **changes)
        row = self._db.execute(
            "UPDATE store_files SET status = ?, usage_bytes = ?, body = ? "
            "WHERE store_id = ? AND id = ? AND status = 'in_progress' RETURNING id",
            (target, moved.usage_bytes, self.store_files.encoded(moved), store_id, file_id),
        ).fetchone()
        return moved if row else None

    def cancel_batch(self, batch_id: str) -> None:
        """Cancel a batch: its files that are still ``in_progress``."""
        self._db.execute("UPDATE file_batches SET cancelled = 1 WHERE id = ?", (batch_id,))
        waiting = self._db.execute(
            "SELECT store_id, id FROM store_files WHERE batch_id = ? AND status = 'in_progress'",
            (batch_id,),
        ).fetchall()
        for store_id, file_id in waiting:
            self.move_store_file(store_id, file_id, "cancelled")

    def unfinished(self) -> list[tuple[str, VectorStoreFile]]:
        """Return project and file for each file that waits to be indexed, oldest first.

        A file whose row cannot be read becomes ``failed``, because it can never be indexed.
        """
        rows = self._db.execute(
            "SELECT f.seq, f.id, f.body, s.project FROM store_files f "
            "JOIN vector_stores s ON s.id = f.store_id WHERE f.status = 'in_progress' "
            "ORDER BY f.seq"
        ).fetchall()
        files: list[tuple[str, VectorStoreFile]] = []
        for seq, file_id, body, project in rows:
            file = self.store_files.decoded(file_id, body)
            if file is not None:
                files.append((project, file))
            else:
                self._db.execute("UPDATE store_files SET status = 'failed' WHERE seq = ?", (seq,))
        return files

    def in_progress(self, store_ids: Sequence[str]) -> bool:
        """Return whether any file of these vector stores still waits to be indexed."""
        query = (
            "SELECT 1 FROM store_files WHERE status = 'in_progress' "
            "AND store_id IN (SELECT value FROM json_each(?)) LIMIT 1"
        )
        return queries.value(self._db, query, (json.dumps(store_ids),)) is not None

    def store(self, store: VectorStore) -> VectorStore:
        """Return a vector store with the counts and the status of its files."""
        counts, size = self._counts(store_id=store.id)
        status = "in_progress" if counts.in_progress else "completed"
        if store.status == "expired":
            status = "expired"
        return msgspec.structs.replace(
            store,
            file_counts=counts,
            usage_bytes=size,
            status=status,
            expires_after=store.expires_after or UNSET,  # the API has no null here
        )

    def touch_stores(self, project: str, store_ids: Sequence[str], now: int) -> None:
        """Record that a project's vector stores were used, which postpones their expiration."""
        for store_id in store_ids:
            store = self.stores.readable(id=store_id, project=project)
            if store is not None:
                self.stores.write(store.used(now), id=store_id, project=project)

    def batch(self, batch: VectorStoreFileBatch) -> VectorStoreFileBatch:
        """Return a batch with the counts and the status of its files."""
        counts, _ = self._counts(batch_id=batch.id)
        query = "SELECT cancelled FROM file_batches WHERE id = ?"
        status: FileStatus = "in_progress" if counts.in_progress else "completed"
        if queries.value(self._db, query, (batch.id,)):
            status = "cancelled"
        elif counts.total and counts.failed == counts.total:
            status = "failed"
        return msgspec.structs.replace(batch, file_counts=counts, status=status)

    def add_chunks(self, store_id: str, file_id: str, chunks: Iterable[tuple[str, str]]) -> bool:
        """Index chunks of a file: pairs of a text and the form that searches match.

        Searches find the chunks once the file is completed. Returns False if the file is no longer
        ``in_progress``.
        """
        row = self._db.execute(
            "SELECT f.seq, s.seq FROM store_files f JOIN vector_stores s ON s.id = f.store_id "
            "WHERE f.store_id = ? AND f.id = ? AND f.status = 'in_progress'",
            (store_id, file_id),
        ).fetchone()
        if row is None:
            return False
        for text, form in chunks:
            cursor = self._db.execute(
                "INSERT INTO chunks (file, text) VALUES (?, ?)", (row[0], text)
            )
            self._db.execute(
                "INSERT INTO chunk_index (rowid, store, form) VALUES (?, ?, ?)",
                (cursor.lastrowid, f"s{row[1]}", form),
            )
        return True

    def drop_chunks(self, store_id: str, file_id: str) -> None:
        """Delete the chunks of a file that is not completed."""
        self._db.execute(
            "DELETE FROM chunks WHERE file IN (SELECT seq FROM store_files "
            "WHERE store_id = ? AND id = ? AND status <> 'completed')",
            (store_id, file_id),
        )

    def drop_unfinished_chunks(self) -> None:
        """Delete the chunks that an interrupted process has left."""
        self._db.execute(
            "DELETE FROM chunks WHERE file IN "
            "(SELECT seq FROM store_files WHERE status <> 'completed')"
        )

    def chunks(
        self, store_id: str, file_id: str, skipped: int = 0, most_bytes: int = MOST_PAGE_BYTES
    ) -> tuple[list[str], bool]:
        """Return a file's chunks after the first ``skipped``, and whether more follow.

        The chunks of one call take at most ``most_bytes``, but the first one is always returned.
        """
        rows = self._db.execute(
            "SELECT c.text FROM chunks c JOIN store_files f ON f.seq = c.file "
            "WHERE f.store_id = ? AND f.id = ? AND f.status = 'completed' "
            "ORDER BY c.seq LIMIT -1 OFFSET ?",
            (store_id, file_id, skipped),
        )
        texts: list[str] = []
        size = 0
        with closing(rows):
            for (text,) in rows:
                size += len(text.encode())
                if texts and size > most_bytes:
                    return texts, True
                texts.append(text)
        return texts, False

    def attributes(self, store_id: str) -> list[tuple[str, dict[str, Any]]]:
        """Return id and attributes of each indexed file of a vector store."""
        files = self.store_files.all(store_id=store_id, status="completed")
        return [(file.id, file.attributes or {}) for file in files]

    def search(
        self,
        project: str,
        store_ids: Sequence[str],
        match: str,
        limit: int,
        among: Sequence[str] | None = None,
    ) -> list[Hit]:
        """Return the chunks whose form matches an FTS5 expression, best first.

        Vector stores and files of other projects are left out. ``among`` restricts the search to
        these file ids.
        """
        ids = json.dumps(list(store_ids))
        # "+" makes SQLite use the index on id: a project may have many vector stores.
        query = (
            "SELECT seq FROM vector_stores "
            "WHERE +project = ? AND id IN (SELECT value FROM json_each(?))"
        )
        places = " OR ".join(f"s{seq}" for seq in queries.column(self._db, query, (project, ids)))
        if not places or not match:
            return []
        rows: list[tuple[str, bytes, bytes, str, str, float]] = self._db.execute(
            "SELECT f.id, f.body, files.body, c.text, form, bm25(chunk_index, 0.0, 1.0) AS rank "
            "FROM chunk_index JOIN chunks c ON c.seq = chunk_index.rowid "
            "JOIN store_files f ON f.seq = c.file JOIN files ON files.id = f.id "
            "WHERE chunk_index MATCH ? AND f.status = 'completed' AND files.project = ? "
            "AND (? IS NULL OR f.id IN (SELECT value FROM json_each(?))) "
            "ORDER BY rank, c.seq LIMIT ?",
            (
                f"{{store}} : ({places}) AND {{form}} : ({match})",
                project,
                None if among is None else 1,
                json.dumps(list(among or ())),
                limit,
            ),
        ).fetchall()
        hits: list[Hit] = []
        for file_id, store_file_body, file_body, text, form, rank in rows:
            store_file = self.store_files.decoded(file_id, store_file_body)
            file = self.files.decoded(file_id, file_body)
            if store_file is not None and file is not None:
                attributes = store_file.attributes
                hits.append(Hit(file_id, file.filename, attributes, text, form, rank))
        return hits

    def _counts(self, **where: str) -> tuple[FileCounts, int]:
        ((column, value),) = where.items()
        counts: dict[str, int] = {}
        size = 0
        for status, count, used in self._db.execute(
            f"SELECT status, count(*), sum(usage_bytes) FROM store_files WHERE {column} = ? "
            "GROUP BY status",
            (value,),
        ):
            counts[status] = count
            size += used
        return FileCounts(**counts, total=sum(counts.values())), size
