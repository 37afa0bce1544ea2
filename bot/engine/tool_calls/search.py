"""Searches vector stores: queries become FTS5 expressions, chunks get scores, filters apply."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bot.assistants.errors import invalid
from bot.hosted.search.filters import FilterError, check_filter, matches
from bot.hosted.search.query import parse_query
from bot.store.engine import Check, Tables


class ScoredHit(NamedTuple):
    """A chunk that matches a search; the score is 0 to 1."""

    file_id: str
    filename: str
    attributes: dict[str, Any] | None
    text: str
    score: float


class VectorStoreSearch(NamedTuple):
    """A search of vector stores: at most ``limit`` chunks that score at least ``threshold``."""

    project: str
    store_ids: Sequence[str]
    queries: Sequence[str]
    limit: int
    threshold: float = 0.0
    filters: Mapping[str, Any] | None = None

    def run(self, tables: Tables, check: Check) -> list[ScoredHit]:
        """Return the chunks that match one of the queries best, the best chunk first.

        ``check`` raises when the search must stop. Raises ``APIError`` 400 for invalid filters.
        """
        among = None if self.filters is None else self._among(tables, self.filters, check)
        best: dict[tuple[str, str], ScoredHit] = {}
        for query in dict.fromkeys(self.queries):
            check()
            parsed = parse_query(query)
            # More than needed: our score may rank a chunk above one that bm25 prefers.
            for hit in tables.files.search(
                self.project, self.store_ids, parsed.match, self.limit * 3, among
            ):
                score = min(1.0, parsed.score(hit.rank, hit.form))
                scored = ScoredHit(hit.file_id, hit.filename, hit.attributes, hit.text, score)
                key = (hit.file_id, hit.text)
                if score >= self.threshold and (key not in best or best[key].score < score):
                    best[key] = scored
        return sorted(best.values(), key=lambda hit: -hit.score)[: self.limit]

    def _among(self, tables: Tables, filters: Mapping[str, Any], check: Check) -> list[str]:
        """Return the ids of the files whose attributes match the filters."""
        try:
            check_filter(filters)
        except FilterError as error:
            param = f"filters.{error.path}" if error.path else "filters"
            raise invalid(f"Invalid '{param}': {error}", param, "invalid_value") from None
        found: list[str] = []
        for store_id in self.store_ids:
            for file_id, attributes in tables.files.attributes(store_id):
                check()
                if matches(filters, attributes):
                    found.append(file_id)
        return found
