"""Reads the results of queries: single values, columns, and rows by name."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Values = Sequence[Any] | Mapping[str, Any]
"""The values of a statement's ``?`` in their order, or of its ``:name`` by name."""


def value(db: sqlite3.Connection, statement: str, values: Values = ()) -> Any | None:
    """Return the first column of the first row; None if there is no row."""
    row = db.execute(statement, values).fetchone()
    return None if row is None else row[0]


def column(db: sqlite3.Connection, statement: str, values: Values = ()) -> tuple[Any, ...]:
    """Return the first column of each row."""
    return tuple(row[0] for row in db.execute(statement, values))


def named(db: sqlite3.Connection, statement: str, values: Values = ()) -> Iterator[dict[str, Any]]:
    """Yield each row by the names of its columns."""
    cursor = db.execute(statement, values)
    names = [description[0] for description in cursor.description]
    return (dict(zip(names, row, strict=True)) for row in cursor)
