"""Reads turns: single ones, and the newest of a ``Scope``."""

import json
import sqlite3
from pathlib import Path
from typing import Any, Final

from msgspec.structs import asdict

from bot.store.database import reading
from bot.store.ledger import rows
from bot.store.ledger.records import OpenCounts, Scope, Turn
from bot.store.ledger.transactions import LedgerPart, reads

_VISIBLE: Final = """
    FROM turns t JOIN links l ON l.channel_id = t.channel_id
    WHERE (t.channel_id = :channel_id
           OR (t.guild_id IS NOT NULL AND t.guild_id = :guild_id AND NOT l.ephemeral
               AND l.parent_id IN (SELECT value FROM json_each(:readable))
               AND (NOT l.private OR l.parent_id IN (SELECT value FROM json_each(:moderated))))
           OR (l.owner_id = :viewer_id
               AND (l.place_id = :channel_id
                    OR (t.guild_id = :guild_id
                        AND l.parent_id IN (SELECT value FROM json_each(:readable))))))
    AND (:asker_id IS NULL
         OR EXISTS (SELECT 1 FROM questions WHERE turn_id = t.id AND author_id = :asker_id))
    AND (:in_channel_id IS NULL
         OR :in_channel_id IN (coalesce(l.place_id, t.channel_id), l.parent_id))
    AND (:state IS NULL
         OR (:state = 'active' AND t.ended_at IS NULL AND t.state <> 'closing')
         OR (:state <> 'active' AND t.state = :state))
"""


class TurnHistory(LedgerPart):
    """The turns that commands show; each method reads one snapshot."""

    @reads
    def turn(self, db: sqlite3.Connection, turn_id: int) -> Turn | None:
        """Return a turn."""
        return rows.turn_by_id(db, turn_id)

    @reads
    def of_run(self, db: sqlite3.Connection, run_id: str) -> Turn | None:
        """Return the turn whose newest run has this id."""
        return rows.turn(db, "WHERE t.run_id = ?", (run_id,))

    @reads
    def before(self, db: sqlite3.Connection, turn: Turn, *, limit: int) -> tuple[Turn, ...]:
        """Return the newest ended turns before a turn in its conversation, oldest first."""
        where = """
            WHERE t.channel_id = ? AND t.id < ? AND t.id > l.begins_after
              AND t.ended_at IS NOT NULL
            ORDER BY t.id DESC LIMIT ?
        """
        return rows.turns(db, where, (turn.channel_id, turn.id, limit))[::-1]

    @reads
    def newest(
        self, db: sqlite3.Connection, scope: Scope, *, offset: int, limit: int
    ) -> tuple[Turn, ...]:
        """Return the scope's turns, newest first."""
        # First the ids, then the records: building a record costs more than finding its id.
        where = f"""
            WHERE t.id IN (SELECT t.id {_VISIBLE} ORDER BY t.id DESC LIMIT :limit OFFSET :offset)
            ORDER BY t.id DESC
        """
        return rows.turns(db, where, _parameters(scope) | {"limit": limit, "offset": offset})

    @reads
    def open_counts(self, db: sqlite3.Connection) -> OpenCounts:
        """Return how many turns are in each open state, and how many questions wait for a turn."""
        by_state = db.execute(
            "SELECT state, count(*) FROM turns WHERE ended_at IS NULL GROUP BY state"
        )
        (waiting,) = db.execute(
            "SELECT count(*) FROM questions WHERE turn_id IS NULL AND withdrawn_at IS NULL"
        ).fetchone()
        return OpenCounts(turns=dict(by_state), waiting_questions=waiting)

    @reads
    def count(self, db: sqlite3.Connection, scope: Scope) -> int:
        """Return the number of turns in the scope."""
        (count,) = db.execute(f"SELECT count(*) {_VISIBLE}", _parameters(scope)).fetchone()
        return int(count)


def turn_answering(path: Path, question_id: int) -> Turn | None:
    """Return the turn whose reply answers a question, from a ledger that another process uses.

    Raises ``StoreError``.
    """
    with reading(path, "The turns") as db:
        return rows.turn(db, "WHERE t.reply_to = ?", (question_id,))


def _parameters(scope: Scope) -> dict[str, Any]:
    readable, moderated = json.dumps(scope.readable), json.dumps(scope.moderated)
    return asdict(scope) | {"readable": readable, "moderated": moderated}
