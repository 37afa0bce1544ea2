"""Statements on the rows of questions that several parts of the ledger share."""

import sqlite3
from typing import Final

from msgspec.structs import asdict

from bot.store import queries
from bot.store.ledger.records import Link, NewQuestion

_DISCORD_EPOCH: Final = 1_420_070_400.0
"""The beginning of the time in Discord's ids, in seconds since 1970."""

_LOW_BITS: Final = 22


def insert_with_quotes(db: sqlite3.Connection, new: NewQuestion, now: float) -> bool:
    """Store a question like ``insert``, and the messages that it quotes."""
    if not insert(db, new, now):
        return False
    db.executemany(
        "INSERT INTO quotes (message_id, question_id, author_id) VALUES (?, ?, ?)",
        [(message_id, new.id, author_id) for message_id, author_id in new.quotes],
    )
    return True


def insert(db: sqlite3.Connection, new: NewQuestion, now: float) -> bool:
    """Store a question, without the channel that answers it.

    Returns False if a question with its id or cause is stored already.
    """
    cursor = db.execute(
        """
        INSERT INTO questions (id, channel_id, guild_id, author_id, author_name, content,
                               attachments, received_at, points_to, cause, role_ids)
        VALUES (:id, :channel_id, :guild_id, :author_id, :author_name, :content, :attachments,
                :now, :points_to, :cause, :role_ids)
        ON CONFLICT DO NOTHING
        """,
        asdict(new) | {"now": now},
    )
    return cursor.rowcount == 1


def free_id(db: sqlite3.Connection, now: float) -> int:
    """Return an id for a question that is no Discord message; it sorts by time among Discord's ids.

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


def count_waiting(db: sqlite3.Connection, new: NewQuestion, home: Link | None) -> int:
    """Return how many questions wait beside a new one; ``home`` is its answering channel."""
    where, place_id = "home_id IS NULL AND channel_id = ?", new.channel_id
    if home is not None:
        where, place_id = "home_id = ?", home.channel_id
    (count,) = db.execute(
        f"""
        SELECT count(*) FROM questions
        WHERE {where} AND id <> ? AND turn_id IS NULL AND withdrawn_at IS NULL
        """,
        (place_id, new.id),
    ).fetchone()
    return int(count)


def route(
    db: sqlite3.Connection, question_id: int, home: Link, *, fallback: bool, now: float
) -> None:
    """Set a question's answering channel once; an existing link stays unchanged."""
    no_owner = {"owner_id": None, "place_id": None, "ephemeral": False, "external": False}
    owner = no_owner if home.personal is None else asdict(home.personal)
    db.execute(
        """
        INSERT INTO links (channel_id, guild_id, parent_id, listening, private, thread_id,
                           created_at, owner_id, place_id, ephemeral, external)
        VALUES (:channel_id, :guild_id, :parent_id, :listening, :private, :thread_id,
                :now, :owner_id, :place_id, :ephemeral, :external)
        ON CONFLICT (channel_id) DO NOTHING
        """,
        {**asdict(home), **owner, "now": now},
    )
    db.execute(
        "UPDATE questions SET home_id = ?, fallback = ? WHERE id = ? AND home_id IS NULL",
        (home.channel_id, fallback, question_id),
    )


def contents_of_turn(db: sqlite3.Connection, turn_id: int) -> str:
    """Return the texts of a turn's questions, without withdrawn ones."""
    statement = """
        SELECT content FROM questions WHERE turn_id = ? AND withdrawn_at IS NULL ORDER BY id
    """
    return "\n\n".join(queries.column(db, statement, (turn_id,)))
