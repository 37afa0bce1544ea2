"""Reconciles a restored ledger with Discord, whose newer replies the backup does not have.

A reply found in Discord ends the questions that it answers. Known turns are never changed.
"""

import sqlite3
from collections.abc import Callable
from typing import Final

from bot.store.ledger import rows
from bot.store.ledger.records import Link, Turn
from bot.store.ledger.session import LedgerSession
from bot.store.ledger.turns.asks import remove_tokens
from bot.store.ledger.turns.moves import move, open_turn, set_part
from bot.store.ledger.turns.question_rows import route

COPIED_FACT: Final = "backup.copied"
"""The fact that marks a copy of a ledger, until the copy is opened."""

_SKIPPED_IDS: Final = 1_000_000


class ReconcileStore:
    """The part of the ledger that stores replies found in Discord; one transaction a method."""

    def __init__(self, database: LedgerSession, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    async def answered(
        self, channel_id: int, up_to: int, message_id: int, *, opened: Link | None = None
    ) -> Turn | None:
        """End the questions that wait in a channel up to ``up_to``: ``message_id`` is their reply.

        ``opened`` is the link of a channel thread that was opened from the question with the same
        id and that the ledger lacks. Returns the ended turn; None if no question waits.
        """
        now = self._now()

        def work(db: sqlite3.Connection) -> Turn | None:
            if opened is not None and _is_unrouted(db, channel_id):
                route(db, channel_id, opened, fallback=False, now=now)
            turn = _waiting_turn(db, channel_id, up_to) or open_turn(
                db, channel_id, now, up_to=up_to
            )
            if turn is None:
                return None
            values = {"id": turn.id, "now": now}
            move(db, f"UPDATE turns SET state = 'placed' {_GUARDED}", "placed", **values)
            set_part(db, turn.id, 0, message_id)
            closing = f"UPDATE turns SET state = 'closing', outcome = 'answered' {_GUARDED}"
            move(db, closing, "closing", **values)
            closed = f"UPDATE turns SET state = outcome, pickups = 0, ended_at = :now {_GUARDED}"
            move(db, closed, "answered", **values)
            return rows.turn_by_id(db, turn.id)

        return await self._database.write(work)

    async def has_replied_in(self, channel_id: int) -> bool:
        """Return whether the ledger has a reply of the bot in a channel."""

        def work(db: sqlite3.Connection) -> bool:
            statement = """
                SELECT EXISTS (SELECT 1 FROM turns t JOIN parts p ON p.turn_id = t.id
                               WHERE t.channel_id = ?)
            """
            return bool(db.execute(statement, (channel_id,)).fetchone()[0])

        return await self._database.read(work)


def mark_copied(db: sqlite3.Connection, now: float) -> None:
    """Mark a database as a copy of a ledger, if it has the ledger's tables.

    The tokens of interactions, which are secrets, leave the copy.
    """
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'facts'").fetchone()
    if tables:
        # Turn ids that are used after the backup must not be reused.
        db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (COPIED_FACT, str(now)))
    remove_tokens(db)


def is_copy(db: sqlite3.Connection) -> bool:
    """Return whether this ledger is a copy that has not been opened yet."""
    row = db.execute("SELECT 1 FROM facts WHERE key = ?", (COPIED_FACT,)).fetchone()
    return row is not None


def begin_from_copy(db: sqlite3.Connection) -> float | None:
    """Open a copy for use: remove its mark and return when it was copied; None if it is none.

    Skips ahead in the turn sequence. Turn ids identify buttons, nonces and runs, so ids that were
    used after the backup must not be reused.
    """
    row = db.execute("DELETE FROM facts WHERE key = ? RETURNING value", (COPIED_FACT,)).fetchone()
    if row is None:
        return None
    (last,) = db.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence").fetchone()
    first = (last + _SKIPPED_IDS * 3 // 2) // _SKIPPED_IDS * _SKIPPED_IDS
    db.execute("DELETE FROM sqlite_sequence WHERE name = 'turns'")
    db.execute("INSERT INTO sqlite_sequence VALUES ('turns', ?)", (first,))
    return float(row[0])


_GUARDED: Final = """
    WHERE id = :id AND state IN (SELECT value FROM json_each(:sources)) RETURNING id
"""


def _is_unrouted(db: sqlite3.Connection, question_id: int) -> bool:
    statement = "SELECT 1 FROM questions WHERE id = ? AND home_id IS NULL AND withdrawn_at IS NULL"
    return db.execute(statement, (question_id,)).fetchone() is not None


def _waiting_turn(db: sqlite3.Connection, channel_id: int, up_to: int) -> Turn | None:
    """Return the channel's oldest waiting turn without a reply."""
    row = db.execute(
        rows.TURN
        + """
        WHERE t.channel_id = ? AND t.state = 'waiting' AND t.reply_to <= ?
          AND NOT EXISTS (SELECT 1 FROM parts WHERE turn_id = t.id)
        ORDER BY t.id LIMIT 1
        """,
        (channel_id, up_to),
    ).fetchone()
    return None if row is None else rows.turn(row)
