"""Statements on the rows of turns that several parts of the ledger share."""

import json
import sqlite3
from functools import cache
from typing import Any, Final

from msgspec.structs import asdict

from bot.store.ledger import rows
from bot.store.ledger.chores import add_chore
from bot.store.ledger.records import AskResponse, Turn
from bot.store.ledger.states import TurnState, sources
from bot.store.ledger.turns.late_answers import tell_denials

_NO_END: Final = 2**63 - 1


def move(
    db: sqlite3.Connection,
    turn_id: int,
    target: TurnState,
    *changes: str,
    attempt: int | None = None,
    condition: str = "TRUE",
    **values: Any,
) -> Turn | None:
    """Move a turn to a state and return it; None if another task was first.

    The turn moves if its present state allows ``target``, its attempt is ``attempt`` (None: any),
    and the SQL ``condition`` holds. ``changes`` are SQL assignments to other columns, with
    ``values`` by name.
    """
    moved = db.execute(
        f"""
        UPDATE turns SET {", ".join(("state = :target", *changes))}
        WHERE id = :id AND attempt = coalesce(:attempt, attempt) AND {condition}
          AND state IN (SELECT value FROM json_each(:sources)) RETURNING id
        """,
        values | {"id": turn_id, "target": target, "attempt": attempt, "sources": _sources(target)},
    ).fetchone()
    return None if moved is None else rows.turn_by_id(db, turn_id)


@cache
def _sources(target: TurnState) -> str:
    return json.dumps(sources(target))


def set_part(db: sqlite3.Connection, turn_id: int, number: int, message_id: int) -> None:
    """Store which Discord message is part ``number`` of a turn's reply."""
    db.execute(
        """
        INSERT INTO parts VALUES (?, ?, ?)
        ON CONFLICT (turn_id, number) DO UPDATE SET message_id = excluded.message_id
        """,
        (turn_id, number, message_id),
    )


def open_turn(
    db: sqlite3.Connection, channel_id: int, now: float, *, up_to: int = _NO_END
) -> Turn | None:
    """Create a turn of a channel's waiting questions up to ``up_to``; it replies to the newest.

    Each question by command has a turn of its own, because each has a reply of its own.
    """
    (first,) = db.execute(
        """
        SELECT min(q.id) FROM questions q JOIN links l ON l.channel_id = q.home_id
        WHERE q.home_id = ? AND q.turn_id IS NULL AND q.withdrawn_at IS NULL
          AND l.owner_id IS NOT NULL
        """,
        (channel_id,),
    ).fetchone()
    up_to = up_to if first is None else min(first, up_to)
    row = db.execute(
        """
        INSERT INTO turns (channel_id, guild_id, state, attempt, pickups, reply_to, fallback,
                           created_at, started_at)
        SELECT l.channel_id, l.guild_id, 'waiting', 1, 0, max(q.id),
               -- Told once a channel, not with every answer.
               max(q.fallback) AND NOT EXISTS (
                   SELECT 1 FROM turns WHERE channel_id = l.channel_id AND fallback),
               min(q.received_at), :now
        FROM questions q JOIN links l ON l.channel_id = q.home_id
        WHERE q.home_id = :channel AND q.turn_id IS NULL AND q.withdrawn_at IS NULL
          AND q.id <= :up_to
        GROUP BY l.channel_id
        RETURNING id
        """,
        {"channel": channel_id, "now": now, "up_to": up_to},
    ).fetchone()
    if row is None:
        return None
    turn_id = row[0]
    answered = db.execute(
        """
        UPDATE questions SET turn_id = ?
        WHERE home_id = ? AND turn_id IS NULL AND withdrawn_at IS NULL AND id <= ?
        RETURNING id, channel_id, marked
        """,
        (turn_id, channel_id, up_to),
    ).fetchall()
    for question_id, asked_in, marked in answered:
        if marked:
            add_chore(db, channel_id, "reaction", asked_in, question_id)
    tell_denials(db, channel_id, turn_id, min(question_id for question_id, _, _ in answered), now)
    return rows.turn_by_id(db, turn_id)


def store_response(
    db: sqlite3.Connection,
    question_id: int,
    response: AskResponse,
    assistant_id: str | None = None,
) -> None:
    """Store the interaction that the reply to a question answers; it replaces an earlier one."""
    db.execute(
        """
        INSERT INTO asks (question_id, interaction_id, token, expires_at, assistant_id)
        VALUES (:question_id, :interaction_id, :token, :expires_at, :assistant_id)
        ON CONFLICT (question_id) DO UPDATE SET interaction_id = excluded.interaction_id,
            token = excluded.token, expires_at = excluded.expires_at
        """,
        asdict(response) | {"question_id": question_id, "assistant_id": assistant_id},
    )
