"""Reads the ledger's rows into records, such as questions and turns."""

import json
import sqlite3
from functools import cache
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from bot.store.ledger.records import Asker, Personal, Question, Turn
from bot.store.queries import Values, named

R = TypeVar("R", bound=Struct)

_QUESTION: Final = """
    SELECT id, channel_id, guild_id, author_id, author_name, content, attachments, home_id,
           fallback, received_at, turn_id, thread_id, message_id, points_to, unread, documents,
           revision, cause, role_ids
    FROM questions
"""

_TURN: Final = """
    SELECT t.id, t.channel_id, t.guild_id, l.parent_id, t.state, t.attempt,
           t.pickups AS interruptions, t.reply_to, t.fallback, t.thread_id, t.run_id,
           t.canceller_id, t.canceller_name, t.outcome, t.error, t.tokens, t.created_at,
           t.started_at, t.ended_at,
           (SELECT json_group_array(json_array(author_id, author_name))
            FROM (SELECT author_id, author_name FROM questions
                  WHERE turn_id = t.id AND author_id <> 0
                  GROUP BY author_id ORDER BY min(id))) AS askers,
           (SELECT json_group_array(message_id)
            FROM (SELECT message_id FROM parts WHERE turn_id = t.id ORDER BY number)) AS parts,
           EXISTS (SELECT 1 FROM chores WHERE channel_id = t.channel_id) AS has_chores,
           l.owner_id, l.place_id, l.ephemeral, l.external
    FROM turns t JOIN links l ON l.channel_id = t.channel_id
"""


def records(
    db: sqlite3.Connection, kind: type[R], statement: str, values: Values = ()
) -> tuple[R, ...]:
    """Return each row as a record whose fields have the names of the columns.

    SQLite has no booleans: the 0 and 1 of ``bool`` fields become False and True. A field
    ``personal`` is made of a link's columns: owner_id, place_id, ephemeral and external.
    """
    return tuple(_record(kind, row) for row in named(db, statement, values))


def record(db: sqlite3.Connection, kind: type[R], statement: str, values: Values = ()) -> R | None:
    """Return the first row as a record, like ``records``; None if there is no row."""
    return next(iter(records(db, kind, statement, values)), None)


def questions(db: sqlite3.Connection, where: str, values: Values = ()) -> tuple[Question, ...]:
    """Return the questions that a WHERE clause chooses, oldest first."""
    return records(db, Question, f"{_QUESTION} {where} ORDER BY id", values)


def turns(db: sqlite3.Connection, where: str, values: Values = ()) -> tuple[Turn, ...]:
    """Return the turns ``t``, with their links ``l``, that a WHERE clause chooses and orders."""
    found: list[Turn] = []
    for row in named(db, f"{_TURN} {where}", values):
        canceller_id, canceller_name = row.pop("canceller_id"), row.pop("canceller_name")
        row["canceller"] = None if canceller_id is None else Asker(canceller_id, canceller_name)
        row["askers"] = tuple(Asker(*asker) for asker in json.loads(row["askers"]))
        row["parts"] = tuple(json.loads(row["parts"]))
        found.append(_record(Turn, row))
    return tuple(found)


def turn(db: sqlite3.Connection, where: str, values: Values = ()) -> Turn | None:
    """Return the first turn, like ``turns``; None if there is none."""
    return next(iter(turns(db, where, values)), None)


def turn_by_id(db: sqlite3.Connection, turn_id: int) -> Turn | None:
    """Return a turn as this transaction sees it; None if there is none."""
    return turn(db, "WHERE t.id = ?", (turn_id,))


def _record(kind: type[R], row: dict[str, Any]) -> R:
    if "personal" in kind.__struct_fields__:
        owner = {name: row.pop(name) for name in Personal.__struct_fields__}
        row["personal"] = None if owner["owner_id"] is None else _record(Personal, owner)
    for name in _flags(kind):
        if name in row:
            row[name] = bool(row[name])
    return kind(**row)


@cache
def _flags(kind: type[Struct]) -> tuple[str, ...]:
    return tuple(field.name for field in msgspec.structs.fields(kind) if field.type is bool)
