"""What several parts of the ledger do with the rows of questions within their transactions."""

import sqlite3
from typing import Final

from bot.store.ledger.records import Link, NewQuestion

_DISCORD_EPOCH: Final = 1_420_070_400.0
"""The beginning of the time in Discord's ids, in seconds since 1970."""

_LOW_BITS: Final = 22


def insert_with_quotes(db: sqlite3.Connection, new: NewQuestion, now: float) -> bool:
    """Store a question like ``insert``, and which messages it quotes."""
    if not insert(db, new, now):
        return False
    db.executemany(
        "INSERT INTO quotes (message_id, question_id, author_id) VALUES (?, ?, ?)",
        [(message_id, new.id, author_id) for message_id, author_id in new.quotes],
    )
    return True


def insert(db: sqlite3.Connection, new: NewQuestion, now: float) -> bool:
    """Store a question that is in no channel's order yet; False if id or cause are known."""
    cursor = db.execute(
        """
        INSERT INTO questions (id, channel_id, guild_id, author_id, author_name, content,
                               attachments, received_at, points_to, cause, role_ids)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
        """,
        (
            new.id,
            new.channel_id,
            new.guild_id,
            new.author_id,
            new.author_name,
            new.content,
            new.attachments,
            now,
            new.points_to,
            new.cause,
            new.role_ids,
        ),
    )
    return cursor.rowcount == 1


def free_id(db: sqlite3.Connection, now: float) -> int:
    """Return an id for a question that is no Discord message: it sorts among Discord's by time.

    Discord counts the low bits of its ids up from 0 in each millisecond, this function down from
    their maximum, so that no message gets the same id.
    """
    question_id = (max(int((now - _DISCORD_EPOCH) * 1_000), 1) + 1 << _LOW_BITS) - 1
    while db.execute("SELECT 1 FROM questions WHERE id = ?", (question_id,)).fetchone():
        question_id -= 1
    return question_id


def id_before(db: sqlite3.Connection, question_id: int) -> int:
    """Return a free id that sorts right before a question's."""
    return free_id(db, _DISCORD_EPOCH + ((question_id >> _LOW_BITS) - 1) / 1_000)


def waiting_beside(db: sqlite3.Connection, new: NewQuestion, home: Link | None) -> int:
    """Return how many questions wait where a new one will."""
    waiting = "SELECT count(*) FROM questions WHERE turn_id IS NULL AND withdrawn_at IS NULL"
    if home is not None:
        row = db.execute(f"{waiting} AND home_id = ?", (home.channel_id,)).fetchone()
    else:
        beside = f"{waiting} AND home_id IS NULL AND channel_id = ? AND id <> ?"
        row = db.execute(beside, (new.channel_id, new.id)).fetchone()
    return int(row[0])


def route(
    db: sqlite3.Connection, question_id: int, home: Link, *, fallback: bool, now: float
) -> None:
    """Set a question's answering channel once; an existing link stays unchanged."""
    own = home.personal
    db.execute(
        """
        INSERT INTO links (channel_id, guild_id, parent_id, listening, private, thread_id,
                           created_at, owner_id, place_id, ephemeral, external)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (channel_id) DO NOTHING
        """,
        (
            home.channel_id,
            home.guild_id,
            home.parent_id,
            home.listening,
            home.private,
            home.thread_id,
            now,
            None if own is None else own.owner_id,
            None if own is None else own.place_id,
            own is not None and own.ephemeral,
            own is not None and own.external,
        ),
    )
    db.execute(
        "UPDATE questions SET home_id = ?, fallback = ? WHERE id = ? AND home_id IS NULL",
        (home.channel_id, fallback, question_id),
    )
