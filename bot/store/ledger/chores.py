"""Chores: small tasks that outlive the process, such as a message that must leave its thread.

A chore is stored in the transaction that makes it necessary, and removed after it was done.
"""

import sqlite3
from typing import Final

from bot.store import queries
from bot.store.ledger import rows
from bot.store.ledger.records import Chore, ChoreKind, Turn
from bot.store.ledger.transactions import LedgerPart, reads, writes

OUTDATED: Final = "withdrawn_at IS NULL AND message_id IS NOT NULL AND revision > posted_revision"
"""The SQL condition of a question that was edited since it was posted to its thread."""


class ChoreStore(LedgerPart):
    """The chores of the ledger; each method is one transaction."""

    @reads
    def channels(self, db: sqlite3.Connection) -> tuple[int, ...]:
        """Return the channels with chores."""
        return queries.column(db, "SELECT DISTINCT channel_id FROM chores")

    @reads
    def of_channel(
        self, db: sqlite3.Connection, channel_id: int, *kinds: ChoreKind
    ) -> tuple[Chore, ...]:
        """Return a channel's chores of these kinds, oldest first."""
        statement = """
            SELECT channel_id, kind, place, target FROM chores WHERE channel_id = ? ORDER BY id
        """
        stored = rows.records(db, Chore, statement, (channel_id,))
        return tuple(chore for chore in stored if chore.kind in kinds)

    @writes
    def add(self, db: sqlite3.Connection, chore: Chore) -> None:
        """Store a chore, unless it is stored already."""
        add_chore(db, chore.channel_id, chore.kind, chore.place, chore.target)

    @writes
    def done(self, db: sqlite3.Connection, chore: Chore) -> None:
        """Remove a chore that was done, or that can't be done."""
        db.execute(
            "DELETE FROM chores WHERE kind = ? AND place = ? AND target = ?",
            (chore.kind, chore.place, chore.target),
        )


def add_chore(
    db: sqlite3.Connection, channel_id: int, kind: ChoreKind, place: object, target: object
) -> Chore:
    """Store a chore, unless it is stored already, and return it.

    ``ChoreKind`` says what ``place`` and ``target`` are for each kind.
    """
    chore = Chore(channel_id=channel_id, kind=kind, place=str(place), target=str(target))
    db.execute(
        """
        INSERT INTO chores (channel_id, kind, place, target) VALUES (?, ?, ?, ?)
        ON CONFLICT (kind, place, target) DO NOTHING
        """,
        (chore.channel_id, chore.kind, chore.place, chore.target),
    )
    return chore


def copied_answer(turn_id: int) -> str:
    """Return the name under which the answer of a turn is copied to another thread."""
    return f"turn.{turn_id}"


def discard_run(db: sqlite3.Connection, turn: Turn) -> None:
    """Store the chores that cancel the run of a turn's attempt, and delete the run's messages.

    A copy of the answer also leaves the thread that replaced the turn's thread.
    """
    copied_to = queries.value(
        db,
        "SELECT thread_id FROM links WHERE channel_id = ? AND thread_id IS NOT ?",
        (turn.channel_id, turn.thread_id),
    )
    if copied_to is not None and not turn.open:
        add_chore(db, turn.channel_id, "question", copied_to, copied_answer(turn.id))
    if turn.thread_id is None:
        return
    if turn.run_id is not None:
        add_chore(db, turn.channel_id, "run", turn.thread_id, turn.run_id)
    elif turn.state == "posted":
        # The run may be on its way to the server.
        add_chore(db, turn.channel_id, "attempt", turn.thread_id, f"{turn.id}.{turn.attempt}")


def offer_again(db: sqlite3.Connection, turn_id: int) -> int | None:
    """Store the chore that offers "Answer again", if a question was edited since its answer.

    Only the newest turn of a channel can be answered again. Returns the channel of the chore; None
    without one.
    """
    row = db.execute(
        f"""
        SELECT channel_id, attempt FROM turns AS t
        WHERE id = ? AND state IN ('answered', 'cancelled')
          AND NOT EXISTS (SELECT 1 FROM turns WHERE channel_id = t.channel_id AND id > t.id)
          AND EXISTS (SELECT 1 FROM questions WHERE turn_id = t.id AND {OUTDATED})
        """,
        (turn_id,),
    ).fetchone()
    if row is None:
        return None
    channel_id, attempt = row
    return add_chore(db, channel_id, "offer", turn_id, attempt).channel_id
