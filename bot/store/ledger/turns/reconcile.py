"""Reconciles a restored ledger with Discord, which has replies newer than the backup.

A reply found in Discord ends the questions that it answers. Known turns are never changed.
"""

import sqlite3
from typing import Final

from bot.store import queries
from bot.store.ledger import named_values, rows
from bot.store.ledger.records import Link, Turn
from bot.store.ledger.transactions import LedgerPart, reads, writes
from bot.store.ledger.turns.asks import remove_tokens
from bot.store.ledger.turns.question_rows import route
from bot.store.ledger.turns.turn_rows import move, open_turn, set_part

COPIED_FACT: Final = "backup.copied"
"""The fact that marks a copy of a ledger, until the copy is opened."""

_SKIPPED_IDS: Final = 1_000_000


class ReconcileStore(LedgerPart):
    """The part of the ledger that stores replies found in Discord; one transaction a method."""

    @writes
    def answered(
        self,
        db: sqlite3.Connection,
        channel_id: int,
        up_to: int,
        message_id: int,
        *,
        opened: Link | None = None,
    ) -> Turn | None:
        """End the questions that wait in a channel up to ``up_to``: ``message_id`` is their reply.

        ``opened`` is the link of a channel thread that was opened from the question with the same
        id and that the ledger lacks. Returns the ended turn; None if no question waits.
        """
        now = self._now()
        if opened is not None and _is_unrouted(db, channel_id):
            route(db, channel_id, opened, fallback=False, now=now)
        # The channel's oldest waiting turn without a reply.
        where = """
            WHERE t.channel_id = ? AND t.state = 'waiting' AND t.reply_to <= ?
              AND NOT EXISTS (SELECT 1 FROM parts WHERE turn_id = t.id)
            ORDER BY t.id LIMIT 1
        """
        waiting = rows.turn(db, where, (channel_id, up_to))
        turn = waiting or open_turn(db, channel_id, now, up_to=up_to)
        if turn is None:
            return None
        move(db, turn.id, "placed")
        set_part(db, turn.id, 0, message_id)
        move(db, turn.id, "closing", "outcome = 'answered'")
        return move(db, turn.id, "answered", "pickups = 0", "ended_at = :now", now=now)

    @reads
    def has_replied_in(self, db: sqlite3.Connection, channel_id: int) -> bool:
        """Return whether the ledger has a reply of the bot in a channel."""
        statement = """
            SELECT EXISTS (SELECT 1 FROM turns t JOIN parts p ON p.turn_id = t.id
                           WHERE t.channel_id = ?)
        """
        return bool(queries.value(db, statement, (channel_id,)))


def mark_copied(db: sqlite3.Connection, now: float) -> None:
    """Mark a database as a copy of a ledger, if it has the ledger's tables.

    The tokens of interactions, which are secrets, are removed from the copy.
    """
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'facts'").fetchone()
    if tables:
        # Turn ids that are used after the backup must not be reused.
        named_values.store(db, COPIED_FACT, str(now))
    remove_tokens(db)


def is_copy(db: sqlite3.Connection) -> bool:
    """Return whether this ledger is a copy that has not been opened yet."""
    return named_values.value_of(db, COPIED_FACT) is not None


def begin_from_copy(db: sqlite3.Connection) -> float:
    """Open a copy for use: remove its mark; return when it was copied, in seconds since 1970.

    Skips ahead in the turn sequence. Turn ids identify buttons, nonces and runs, so ids that were
    used after the backup must not be reused.
    """
    statement = "DELETE FROM facts WHERE key = ? RETURNING value"
    (copied_at,) = db.execute(statement, (COPIED_FACT,)).fetchone()
    (last,) = db.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence").fetchone()
    first = (last + _SKIPPED_IDS * 3 // 2) // _SKIPPED_IDS * _SKIPPED_IDS
    db.execute("DELETE FROM sqlite_sequence WHERE name = 'turns'")
    db.execute("INSERT INTO sqlite_sequence VALUES ('turns', ?)", (first,))
    return float(copied_at)


def _is_unrouted(db: sqlite3.Connection, question_id: int) -> bool:
    statement = "SELECT 1 FROM questions WHERE id = ? AND home_id IS NULL AND withdrawn_at IS NULL"
    return queries.value(db, statement, (question_id,)) is not None
