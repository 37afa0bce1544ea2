"""A full-text table as the store will have one, in memory."""

import sqlite3
from collections.abc import Mapping
from typing import Self

from bot.hosted.search.query import TOKENIZER, ask, searchable


class SearchIndex:
    """Texts by name, found by asking; a context manager."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._db = sqlite3.connect(":memory:")
        self._db.execute(
            f'CREATE VIRTUAL TABLE found USING fts5(name UNINDEXED, terms, tokenize="{TOKENIZER}")'
        )
        self._db.executemany(
            "INSERT INTO found VALUES (?, ?)", ((n, searchable(t)) for n, t in texts.items())
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def bm25(self, question: str) -> list[str]:
        """Names in SQLite's own order."""
        return [name for name, _, _ in self._rows(question)]

    def names(self, question: str) -> list[str]:
        """Names, best score first."""
        return [name for name, _ in self.search(question)]

    def search(self, question: str) -> list[tuple[str, float]]:
        """Names with their scores, best first, of the 50 that SQLite puts first."""
        asked = ask(question)
        scored = [(n, asked.score(rank, terms)) for n, terms, rank in self._rows(question)[:50]]
        return sorted(scored, key=lambda pair: -pair[1])

    def _rows(self, question: str) -> list[tuple[str, str, float]]:
        asked = ask(question)
        if not asked.match:
            return []
        return self._db.execute(
            "SELECT name, terms, rank FROM found WHERE found MATCH ? ORDER BY rank", (asked.match,)
        ).fetchall()
