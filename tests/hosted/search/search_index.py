"""The store's own tables in memory, with one vector store of one chunk a file."""

import sqlite3
from collections.abc import Mapping
from typing import Self

from bot.assistants.schema.files import File
from bot.assistants.schema.vector_stores import VectorStore, VectorStoreFile
from bot.hosted.search.query import parse_query, searchable
from bot.store.engine.files import FileTables, Hit
from bot.store.engine.rows import Unreadable
from bot.store.engine.schema import MIGRATIONS

_STORE = "vs_1"


class SearchIndex:
    """Texts by name, found by asking; a context manager."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._db = sqlite3.connect(":memory:")
        for migration in MIGRATIONS:
            migration(self._db)
        self._files = FileTables(self._db, Unreadable())
        self._files.stores.insert(
            VectorStore(id=_STORE, created_at=0), id=_STORE, project="default"
        )
        for number, (name, text) in enumerate(texts.items()):
            self._add(f"file-{number}", name, text)

    def _add(self, file_id: str, name: str, text: str) -> None:
        file = File(id=file_id, bytes=1, created_at=0, filename=name, purpose="assistants")
        self._files.add_file("default", file)
        place = VectorStoreFile(id=file_id, created_at=0, vector_store_id=_STORE)
        self._files.add_store_file(place, None)
        self._files.add_chunks(_STORE, file_id, [(text, searchable(text))])
        self._files.move_store_file(_STORE, file_id, "completed")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def bm25(self, question: str) -> list[str]:
        """Names in SQLite's own order."""
        return [hit.filename for hit in self._hits(question)]

    def names(self, question: str) -> list[str]:
        """Names, best score first."""
        return [name for name, _ in self.search(question)]

    def search(self, question: str) -> list[tuple[str, float]]:
        """Names with their scores, best first, of the 50 that SQLite puts first."""
        asked = parse_query(question)
        scored = [(hit.filename, asked.score(hit.rank, hit.form)) for hit in self._hits(question)]
        return sorted(scored, key=lambda pair: -pair[1])

    def _hits(self, question: str) -> list[Hit]:
        return self._files.search("default", [_STORE], parse_query(question).match, 50)
