"""Votes of members on answers: one vote for each member and answer, the newest counts.

An answer is one attempt of a turn. Its first vote keeps its questions and its run, because a later
attempt replaces the run. ``revision`` counts the votes; the run's metadata has the tally of
revision ``reported``.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from bot.store.database import StoreError
from bot.store.ledger import rows
from bot.store.ledger.records import RatedAnswer, Vote
from bot.store.ledger.session import LedgerSession

_RATED: Final = """
    SELECT a.turn_id, a.attempt, a.thread_id, a.run_id, a.answer, a.revision,
           (SELECT count(*) FROM votes v
            WHERE v.turn_id = a.turn_id AND v.attempt = a.attempt AND v.helpful),
           (SELECT count(*) FROM votes v
            WHERE v.turn_id = a.turn_id AND v.attempt = a.attempt AND NOT v.helpful)
    FROM rated_answers a
"""


class VoteStore:
    """The votes of the ledger; each method is one transaction."""

    def __init__(self, database: LedgerSession, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    async def cast(
        self,
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
        now = self._now()

        def work(db: sqlite3.Connection) -> Vote | None:
            if not _rate(db, turn_id, attempt):
                return None
            row = db.execute(
                """
                INSERT INTO votes (turn_id, attempt, member_id, helpful, reason, voted_at)
                VALUES (:turn, :attempt, :member, :helpful, :reason, :now)
                ON CONFLICT (turn_id, attempt, member_id) DO UPDATE SET
                    reason = CASE WHEN helpful = excluded.helpful
                                  THEN coalesce(excluded.reason, reason)
                                  ELSE excluded.reason END,
                    helpful = excluded.helpful, voted_at = excluded.voted_at
                RETURNING helpful, reason
                """,
                {
                    "turn": turn_id,
                    "attempt": attempt,
                    "member": member_id,
                    "helpful": helpful,
                    "reason": reason,
                    "now": now,
                },
            ).fetchone()
            return Vote(helpful=bool(row[0]), reason=row[1])

        return await self._database.write(work)

    async def rated(self, turn_id: int, attempt: int) -> RatedAnswer | None:
        """Return an answer with the number of its votes; None if nobody has voted on it."""
        statement = f"{_RATED} WHERE a.turn_id = ? AND a.attempt = ?"
        return await self._database.read(
            lambda db: next(
                (_rated(row) for row in db.execute(statement, (turn_id, attempt))), None
            )
        )

    async def unreported(self) -> tuple[RatedAnswer, ...]:
        """Return the answers whose newest votes are not in their run's metadata, oldest first."""
        statement = f"{_RATED} WHERE a.reported < a.revision ORDER BY a.turn_id, a.attempt"
        return await self._database.read(
            lambda db: tuple(_rated(row) for row in db.execute(statement))
        )

    async def keep_answer(self, rated: RatedAnswer, answer: str) -> None:
        """Keep the text of a rated answer, for the export; the first text stays."""
        await self._database.write(
            lambda db: db.execute(
                """
                UPDATE rated_answers SET answer = ?
                WHERE turn_id = ? AND attempt = ? AND answer IS NULL
                """,
                (answer, rated.turn_id, rated.attempt),
            ).close()
        )

    async def reported(self, rated: RatedAnswer) -> None:
        """Note that the run's metadata has the votes as ``rated`` counts them."""
        await self._database.write(
            lambda db: db.execute(
                """
                UPDATE rated_answers SET reported = max(reported, ?)
                WHERE turn_id = ? AND attempt = ?
                """,
                (rated.revision, rated.turn_id, rated.attempt),
            ).close()
        )


def _rate(db: sqlite3.Connection, turn_id: int, attempt: int) -> bool:
    """Count one more vote on an answer; return False if the answer is not known."""
    counted = db.execute(
        """
        UPDATE rated_answers SET revision = revision + 1
        WHERE turn_id = ? AND attempt = ? RETURNING revision
        """,
        (turn_id, attempt),
    ).fetchone()
    if counted is not None:
        return True
    turn = rows.turn_by_id(db, turn_id)
    if turn is None or turn.attempt != attempt or turn.outcome != "answered":
        return False
    (question,) = db.execute(
        """
        SELECT json_group_array(content) FROM (
            SELECT content FROM questions WHERE turn_id = ? AND withdrawn_at IS NULL ORDER BY id)
        """,
        (turn_id,),
    ).fetchone()
    db.execute(
        """
        INSERT INTO rated_answers (turn_id, attempt, thread_id, run_id, question, revision,
                                   reported)
        VALUES (?, ?, ?, ?, ?, 1, 0)
        """,
        (turn_id, attempt, turn.thread_id, turn.run_id, "\n\n".join(json.loads(question))),
    )
    return True


def _rated(row: tuple[object, ...]) -> RatedAnswer:
    fields = ("turn_id", "attempt", "thread_id", "run_id", "answer", "revision", "up", "down")
    return RatedAnswer(**dict(zip(fields, row, strict=True)))  # type: ignore[arg-type]  # the columns' types


def exported_votes(path: Path) -> Iterator[dict[str, object]]:
    """Read every vote of a ledger that another process may use, oldest first.

    Votes on questions that were deleted are left out. Raises ``StoreError``.
    """
    if not path.exists():
        raise StoreError(
            f"There is no ledger at {path}. Set [storage] directory to the bot's data directory."
        )
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            (known,) = db.execute(
                "SELECT count(*) FROM sqlite_master WHERE name = 'rated_answers'"
            ).fetchone()
            if not known:
                return
            found = db.execute(
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
                """
            )
            names = [column[0] for column in found.description]
            for row in found:
                yield dict(zip(names, row, strict=True))
    except sqlite3.Error as error:
        raise StoreError(
            f"The votes in {path} can't be read ({error}). Check the file and its permissions."
        ) from error
