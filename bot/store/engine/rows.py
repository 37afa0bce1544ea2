"""What every table of objects has in common: a body of JSON under an id, and pages by ``seq``."""

import sqlite3
from typing import Final, Generic, TypeVar

import msgspec

from bot.assistants.errors import invalid
from bot.assistants.objects import ListPage
from bot.assistants.requests import Page

_ENCODER: Final = msgspec.json.Encoder()

Value = str | int | bytes | None
T = TypeVar("T", bound=msgspec.Struct)


class Rows(Generic[T]):
    """One table's bodies as objects of one kind; lives as long as one transaction."""

    def __init__(
        self, db: sqlite3.Connection, table: str, decoder: "msgspec.json.Decoder[T]", noun: str
    ) -> None:
        self._db = db
        self._table = table
        self._decoder = decoder
        self._noun = noun

    def insert(self, body: T, **columns: Value) -> None:
        """Add a row; raises ``sqlite3.IntegrityError`` where an index forbids it."""
        names = ", ".join(("body", *columns))
        marks = ", ".join("?" * (len(columns) + 1))
        self._db.execute(
            f"INSERT INTO {self._table} ({names}) VALUES ({marks})",
            (_ENCODER.encode(body), *columns.values()),
        )

    def one(self, **where: Value) -> T | None:
        """Return the object whose columns are as given."""
        row = self._db.execute(
            f"SELECT body FROM {self._table} WHERE {_conditions(where)}",
            tuple(where.values()),
        ).fetchone()
        return self._decoder.decode(row[0]) if row else None

    def write(self, body: T, **where: Value) -> None:
        """Write anew the body of the object whose columns are as given."""
        self._db.execute(
            f"UPDATE {self._table} SET body = ? WHERE {_conditions(where)}",
            (_ENCODER.encode(body), *where.values()),
        )

    def delete(self, **where: Value) -> bool:
        """Delete what is as given; False where nothing was."""
        cursor = self._db.execute(
            f"DELETE FROM {self._table} WHERE {_conditions(where)}",
            tuple(where.values()),
        )
        return cursor.rowcount > 0

    def page(self, page: Page, **where: Value) -> ListPage[T]:
        """Return one page of what is as given; raises ``APIError`` for an unknown cursor."""
        conditions, values = [_conditions(where)], list(where.values())
        ascending = page.order == "asc"
        # Without `after`, `before` alone still means the page that ends there.
        backwards = page.before is not None and page.after is None
        for cursor, forwards in ((page.after, True), (page.before, False)):
            if cursor is not None:
                relation = ">" if forwards == ascending else "<"
                conditions.append(f"seq {relation} ?")
                values.append(self._seq(cursor, "after" if forwards else "before", where))
        direction = "ASC" if ascending != backwards else "DESC"
        rows = self._db.execute(
            f"SELECT id, body FROM {self._table} WHERE {' AND '.join(conditions)} "
            f"ORDER BY seq {direction} LIMIT ?",
            (*values, page.limit + 1),
        ).fetchall()
        more = len(rows) > page.limit
        rows = rows[: page.limit]
        if backwards:
            rows.reverse()
        return ListPage(
            data=tuple(self._decoder.decode(body) for _, body in rows),
            first_id=rows[0][0] if rows else "",
            last_id=rows[-1][0] if rows else "",
            has_more=more,
        )

    def all(self, **where: Value) -> list[T]:
        """Return everything that is as given, oldest first."""
        rows = self._db.execute(
            f"SELECT body FROM {self._table} WHERE {_conditions(where)} ORDER BY seq",
            tuple(where.values()),
        )
        return [self._decoder.decode(body) for (body,) in rows]

    def _seq(self, cursor: str, param: str, where: dict[str, Value]) -> int:
        row = self._db.execute(
            f"SELECT seq FROM {self._table} WHERE id = ? AND {_conditions(where)}",
            (cursor, *where.values()),
        ).fetchone()
        if row is None:
            raise invalid(
                f"Invalid '{param}': no {self._noun} found with id '{cursor}' in this list.",
                param,
                "invalid_value",
            )
        return int(row[0])


def encoded(body: msgspec.Struct) -> bytes:
    """Return a body as the tables keep it."""
    return _ENCODER.encode(body)


def _conditions(where: dict[str, Value]) -> str:
    return " AND ".join(f"{name} = ?" for name in where)
