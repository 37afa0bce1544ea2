"""Reads the ledger's rows into records."""

import json
import sqlite3
from typing import Any, Final

from bot.store.ledger.records import Asker, Personal, Question, Turn

QUESTION: Final = """
    SELECT id, channel_id, guild_id, author_id, author_name, content, attachments, home_id,
           fallback, received_at, turn_id, thread_id, message_id, points_to, unread, documents,
           revision, cause, role_ids
    FROM questions
"""

TURN: Final = """
    SELECT t.id, t.channel_id, t.guild_id, l.parent_id, t.state, t.attempt, t.pickups, t.reply_to,
           t.fallback, t.thread_id, t.run_id, t.canceller_id, t.canceller_name, t.outcome, t.error,
           t.tokens, t.created_at, t.started_at, t.ended_at,
           (SELECT json_group_array(json_array(author_id, author_name))
            FROM (SELECT author_id, author_name FROM questions
                  WHERE turn_id = t.id AND author_id <> 0 GROUP BY author_id ORDER BY min(id))),
           (SELECT json_group_array(message_id)
            FROM (SELECT message_id FROM parts WHERE turn_id = t.id ORDER BY number)),
           EXISTS (SELECT 1 FROM chores WHERE channel_id = t.channel_id),
           l.owner_id, l.place_id, l.ephemeral, l.external
    FROM turns t JOIN links l ON l.channel_id = t.channel_id
"""


def question(row: tuple[Any, ...]) -> Question:
    """Return the question in a row of ``QUESTION``."""
    return Question(
        id=row[0],
        channel_id=row[1],
        guild_id=row[2],
        author_id=row[3],
        author_name=row[4],
        content=row[5],
        attachments=row[6],
        home_id=row[7],
        fallback=bool(row[8]),
        received_at=row[9],
        turn_id=row[10],
        thread_id=row[11],
        message_id=row[12],
        points_to=row[13],
        unread=row[14],
        documents=bool(row[15]),
        revision=row[16],
        cause=row[17],
        role_ids=row[18],
    )


def turn(row: tuple[Any, ...]) -> Turn:
    """Return the turn in a row of ``TURN``."""
    return Turn(
        id=row[0],
        channel_id=row[1],
        guild_id=row[2],
        parent_id=row[3],
        state=row[4],
        attempt=row[5],
        interruptions=row[6],
        reply_to=row[7],
        fallback=bool(row[8]),
        thread_id=row[9],
        run_id=row[10],
        canceller=None if row[11] is None else Asker(row[11], row[12]),
        outcome=row[13],
        error=row[14],
        tokens=row[15],
        created_at=row[16],
        started_at=row[17],
        ended_at=row[18],
        askers=tuple(Asker(id_, name) for id_, name in json.loads(row[19])),
        parts=tuple(json.loads(row[20])),
        has_chores=bool(row[21]),
        personal=personal(row[22:26]),
    )


def personal(row: tuple[Any, ...]) -> Personal | None:
    """Return the owner, place and kind of a personal conversation; None for a channel's own."""
    if row[0] is None:
        return None
    return Personal(owner_id=row[0], place_id=row[1], ephemeral=bool(row[2]), external=bool(row[3]))


def turn_by_id(db: sqlite3.Connection, turn_id: int) -> Turn | None:
    """Return a turn as this transaction sees it; None if there is none."""
    row = db.execute(TURN + " WHERE t.id = ?", (turn_id,)).fetchone()
    return None if row is None else turn(row)
