"""Votes of members on answers: each member has one vote on an answer, the newest.

An answer is one attempt of a turn. Its first vote keeps its questions and its run, because a later
attempt replaces the run. ``revision`` counts the votes; the run's metadata has the tally of
revision ``reported``.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from bot.store import queries
from bot.store.database import StoreError, reading
from bot.store.ledger import rows
from bot.store.ledger.records import RatedAnswer, Vote
from bot.store.ledger.transactions import LedgerPart, reads, writes
from bot.store.ledger.turns.question_rows import contents_of_turn


class VoteStore(LedgerPart):
    """The votes of the ledger; each method is one transaction."""

    @writes
    def cast(
        self,
        db: sqlite3.Connection,
        turn_id: int,
        attempt: int,
        member_id: int,
        *,
        helpful: bool,
        reason: str | None = None,
    ) -> Vote | None:
        """Store a member's vote in place of an earlier one, and return it.

        The same vote without a reason keeps the reason it has. None if the answer is not known:
        the turn is unknown or was not answered, or a later attempt replaced an unrated answer.
        """
        if not _rate(db, turn_id, attempt):
            return None
        statement = """
            INSERT INTO votes (turn_id, attempt, member_id, helpful, reason, voted_at)
            VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (turn_id, attempt, member_id) DO UPDATE SET
                reason = CASE WHEN helpful = excluded.helpful
                              THEN coalesce(excluded.reason, reason)
                              ELSE excluded.reason END,
                helpful = excluded.helpful, voted_at = excluded.voted_at
            RETURNING helpful, reason
        """
        values = (turn_id, attempt, member_id, helpful, reason, self._now())
        return rows.record(db, Vote, statement, values)

    @reads
    def unreported(self, db: sqlite3.Connection) -> tuple[RatedAnswer, ...]:
        """Return the answers whose newest votes are not in their run's metadata, oldest first."""
        statement = """
            SELECT a.turn_id, a.attempt, a.thread_id, a.run_id, a.answer, a.revision,
                   (SELECT count(*) FROM votes v
                    WHERE v.turn_id = a.turn_id AND v.attempt = a.attempt AND v.helpful) AS up,
                   (SELECT count(*) FROM votes v
                    WHERE v.turn_id = a.turn_id AND v.attempt = a.attempt
                      AND NOT v.helpful) AS down
            FROM rated_answers a WHERE a.reported < a.revision ORDER BY a.turn_id, a.attempt
        """
        return rows.records(db, RatedAnswer, statement)

    @writes
    def keep_answer(self, db: sqlite3.Connection, rated: RatedAnswer, answer: str) -> None:
        """Keep the text of a rated answer, for the export; the first text stays."""
        db.execute(
            """
            UPDATE rated_answers SET answer = ?
            WHERE turn_id = ? AND attempt = ? AND answer IS NULL
            """,
            (answer, rated.turn_id, rated.attempt),
        )

    @writes
    def reported(self, db: sqlite3.Connection, rated: RatedAnswer) -> None:
        """Note that the run's metadata has the votes as ``rated`` counts them."""
        db.execute(
            """
            UPDATE rated_answers SET reported = max(reported, ?)
            WHERE turn_id = ? AND attempt = ?
            """,
            (rated.revision, rated.turn_id, rated.attempt),
        )


def _rate(db: sqlite3.Connection, turn_id: int, attempt: int) -> bool:
    """Count one more vote on an answer; return False if the answer is not known."""
    counted = db.execute(
        "UPDATE rated_answers SET revision = revision + 1 WHERE turn_id = ? AND attempt = ?",
        (turn_id, attempt),
    )
    if counted.rowcount:
        return True
    turn = rows.turn_by_id(db, turn_id)
    if turn is None or turn.attempt != attempt or turn.outcome != "answered":
        return False
    db.execute(
        """
        INSERT INTO rated_answers (turn_id, attempt, thread_id, run_id, question, revision,
                                   reported)
        VALUES (?, ?, ?, ?, ?, 1, 0)
        """,
        (turn_id, attempt, turn.thread_id, turn.run_id, contents_of_turn(db, turn_id)),
    )
    return True


def exported_votes(path: Path) -> Iterator[dict[str, object]]:
    """Read every vote of a ledger that another process may use, oldest first.

    Votes on questions that were deleted are left out. Raises ``StoreError``.
    """
    if not path.exists():
        raise StoreError(
            f"There is no ledger at {path}. Set [storage] directory to the bot's data directory."
        )
    with reading(path, "The votes") as db:
        (known,) = db.execute(
            "SELECT count(*) FROM sqlite_master WHERE name = 'rated_answers'"
        ).fetchone()
        if not known:
            return
        yield from queries.named(
            db,
            """
            SELECT a.question, a.answer,
                   CASE WHEN v.helpful THEN 'up' ELSE 'down' END AS vote,
                   nullif(v.reason, '') AS reason,
                   strftime('%Y-%m-%dT%H:%M:%SZ', v.voted_at, 'unixepoch') AS voted_at,
                   CAST(v.member_id AS TEXT) AS member_id,
                   CAST(t.guild_id AS TEXT) AS guild_id,
                   CAST(t.channel_id AS TEXT) AS channel_id,
                   v.turn_id AS turn, v.attempt, a.thread_id, a.run_id
            FROM votes v JOIN rated_answers a USING (turn_id, attempt)
            JOIN turns t ON t.id = v.turn_id
            WHERE EXISTS (SELECT 1 FROM questions
                          WHERE turn_id = t.id AND withdrawn_at IS NULL)
            ORDER BY v.voted_at, v.turn_id, v.member_id
            """,
        )
