"""A table of API objects: a JSON body for each id, listed by ``seq``.

A body is written only if it can be read back. A row that cannot be read (a damaged file, another
program's row) is skipped in lists and logged once.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Final, Generic, TypeVar

import msgspec

from bot.assistants.errors import Noun, invalid, not_found, unreadable
from bot.assistants.schema.objects import ListPage
from bot.assistants.schema.requests import Page

_ENCODER: Final = msgspec.json.Encoder()
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError)

_log: Final = logging.getLogger(__name__)

MOST_PAGE_BYTES: Final = 4 * 1024 * 1024
"""The most bytes of bodies on a page; a page has at least one row, whatever its size."""

Value = str | int | bytes | None
T = TypeVar("T", bound=msgspec.Struct)


class WriteError(ValueError):
    """A body could not be read back and was not written: a defect of this program."""


class Unreadable:
    """The unreadable rows of one database; each is logged once."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str]] = set()

    def note(self, table: str, id_: str, error: Exception) -> None:
        """Log an unreadable row the first time."""
        if (table, id_) not in self._known:
            self._known.add((table, id_))
            _log.error("Skipping %s in table %s: its row cannot be read (%s)", id_, table, error)


class Rows(Generic[T]):
    """One table of objects of one kind, valid within one transaction.

    ``owner`` is the column with the owner of a row: its project, or the object that contains the
    row, which the caller has found in its project. A lookup that does not name the owner raises
    ``TypeError``.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        table: str,
        decoder: "msgspec.json.Decoder[T]",
        noun: Noun,
        unreadable_rows: Unreadable,
        *,
        owner: str,
    ) -> None:
        self._db = db
        self._table = table
        self._decoder = decoder
        self._noun = noun
        self._unreadable = unreadable_rows
        self._owner = owner

    def encoded(self, body: T) -> bytes:
        """Return the JSON of a body; raises ``WriteError`` if it can't be read back."""
        data = _ENCODER.encode(body)
        try:
            self._decoder.decode(data)
        except _UNREADABLE as error:
            raise WriteError(f"The {self._noun} could not be read back: {error}") from error
        return data

    def decoded(self, id_: str, body: bytes) -> T | None:
        """Return the object of a row; log the row and return None if it cannot be read."""
        try:
            return self._decoder.decode(body)
        except _UNREADABLE as error:
            self._unreadable.note(self._table, id_, error)
            return None

    def insert(self, body: T, **columns: Value) -> None:
        """Add a row; raises ``sqlite3.IntegrityError`` if an index forbids it."""
        names = ", ".join(("body", *columns))
        marks = ", ".join("?" * (len(columns) + 1))
        self._db.execute(
            f"INSERT INTO {self._table} ({names}) VALUES ({marks})",
            (self.encoded(body), *columns.values()),
        )

    def get(self, **where: Value) -> T:
        """Return the object whose columns have these values.

        Raises ``APIError`` 404 if there is no such row, 422 if the row cannot be read.
        """
        row = self._row(where)
        if row is None:
            raise not_found(self._noun, str(where["id"]))
        found = self.decoded(*row)
        if found is None:
            raise unreadable(self._noun, row[0])
        return found

    def readable(self, **where: Value) -> T | None:
        """Return the object whose columns have these values.

        Returns None if there is no such row or the row cannot be read, unlike ``get``.
        """
        row = self._row(where)
        return None if row is None else self.decoded(*row)

    def write(self, body: T, **where: Value) -> None:
        """Replace the body of the object whose columns have these values."""
        self._db.execute(
            f"UPDATE {self._table} SET body = ? WHERE {self._conditions(where)}",
            (self.encoded(body), *where.values()),
        )

    def delete(self, **where: Value) -> bool:
        """Delete the rows whose columns have these values; return whether there were any."""
        cursor = self._db.execute(
            f"DELETE FROM {self._table} WHERE {self._conditions(where)}",
            tuple(where.values()),
        )
        return cursor.rowcount > 0

    def page(self, page: Page, **where: Value) -> ListPage[T]:
        """Return one page of the rows whose columns have these values.

        A page ends at ``page.limit`` objects or ``MOST_PAGE_BYTES``; then ``has_more`` is true.
        Raises ``APIError`` 400 for an unknown cursor.
        """
        conditions, values = [self._conditions(where)], list(where.values())
        ascending = page.order == "asc"
        # `before` alone means the page that ends right before that object.
        backwards = page.before is not None and page.after is None
        for cursor, forwards in ((page.after, True), (page.before, False)):
            if cursor is not None:
                relation = ">" if forwards == ascending else "<"
                conditions.append(f"seq {relation} ?")
                values.append(self._seq(cursor, "after" if forwards else "before", where))
        direction = "ASC" if ascending != backwards else "DESC"
        rows = self._db.execute(
            f"SELECT id, body FROM {self._table} WHERE {' AND '.join(conditions)} "
            f"ORDER BY seq {direction}",
            values,
        )
        ids: list[str] = []
        data: list[T] = []
        size = 0
        more = False
        with closing(rows):
            for id_, body in rows:
                found = self.decoded(id_, body)
                if found is None:
                    continue
                size += len(body)
                more = len(data) == page.limit or (bool(data) and size > MOST_PAGE_BYTES)
                if more:
                    break
                ids.append(id_)
                data.append(found)
        if backwards:
            ids.reverse()
            data.reverse()
        return ListPage(
            data=tuple(data),
            first_id=ids[0] if ids else "",
            last_id=ids[-1] if ids else "",
            has_more=more,
        )

    def all(self, **where: Value) -> list[T]:
        """Return all readable objects whose columns have these values, oldest first."""
        return list(self.each(newest_first=False, after=0, **where))

    def each(self, *, newest_first: bool = False, after: int = 0, **where: Value) -> Iterator[T]:
        """Yield the readable objects whose columns have these values, in order.

        Objects with a ``seq`` up to ``after`` are left out. Only as many rows are read as are
        used. The table must not be written meanwhile.
        """
        return (
            found for _, found in self.numbered(newest_first=newest_first, after=after, **where)
        )

    def numbered(
        self, *, newest_first: bool = False, after: int = 0, **where: Value
    ) -> Iterator[tuple[int, T]]:
        """Yield the objects of ``each``, each with its ``seq``."""
        rows = self._db.execute(
            f"SELECT seq, id, body FROM {self._table} WHERE {self._conditions(where)} "
            f"AND seq > ? ORDER BY seq {'DESC' if newest_first else 'ASC'}",
            (*where.values(), after),
        )
        return self._readable(rows)

    def _readable(self, rows: sqlite3.Cursor) -> Iterator[tuple[int, T]]:
        with closing(rows):
            for seq, id_, body in rows:
                found = self.decoded(id_, body)
                if found is not None:
                    yield seq, found

    def _row(self, where: dict[str, Value]) -> tuple[str, bytes] | None:
        row: tuple[str, bytes] | None = self._db.execute(
            f"SELECT id, body FROM {self._table} WHERE {self._conditions(where)}",
            tuple(where.values()),
        ).fetchone()
        return row

    def _seq(self, cursor: str, param: str, where: dict[str, Value]) -> int:
        row = self._db.execute(
            f"SELECT seq FROM {self._table} WHERE id = ? AND {self._conditions(where)}",
            (cursor, *where.values()),
        ).fetchone()
        if row is None:
            raise invalid(
                f"Invalid '{param}': no {self._noun} found with id '{cursor}' in this list.",
                param,
                "invalid_value",
            )
        return int(row[0])

    def _conditions(self, where: dict[str, Value]) -> str:
        if self._owner not in where:
            raise TypeError(f"a lookup in {self._table} must name its {self._owner}")
        return " AND ".join(f"{name} = ?" for name in where)
