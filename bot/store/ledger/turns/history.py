"""Reads turns: one turn, and the newest of a scope."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from bot.store.database import StoreError
from bot.store.ledger import rows
from bot.store.ledger.records import OpenCounts, Scope, Turn
from bot.store.ledger.session import LedgerSession

_VISIBLE: Final = """
    WHERE (t.channel_id = :channel
           OR (t.guild_id IS NOT NULL AND t.guild_id = :guild AND NOT l.ephemeral
               AND l.parent_id IN (SELECT value FROM json_each(:readable))
               AND (NOT l.private OR l.parent_id IN (SELECT value FROM json_each(:moderated))))
           OR (l.owner_id = :viewer
               AND (l.place_id = :channel
                    OR (t.guild_id = :guild
                        AND l.parent_id IN (SELECT value FROM json_each(:readable))))))
    AND (:asker IS NULL
         OR EXISTS (SELECT 1 FROM questions WHERE turn_id = t.id AND author_id = :asker))
    AND (:inside IS NULL OR :inside IN (coalesce(l.place_id, t.channel_id), l.parent_id))
    AND (:state IS NULL
         OR (:state = 'active' AND t.ended_at IS NULL AND t.state <> 'closing')
         OR (:state <> 'active' AND t.state = :state))
"""


class TurnHistory:
    """The turns that commands show; each method reads one snapshot."""

    def __init__(self, database: LedgerSession) -> None:
        self._database = database

    async def turn(self, turn_id: int) -> Turn | None:
        """Return a turn."""
        return await self._database.read(lambda db: rows.turn_by_id(db, turn_id))

    async def of_run(self, run_id: str) -> Turn | None:
        """Return the turn whose newest run has this id."""

        def work(db: sqlite3.Connection) -> Turn | None:
            row = db.execute(rows.TURN + " WHERE t.run_id = ?", (run_id,)).fetchone()
            return None if row is None else rows.turn(row)

        return await self._database.read(work)

    async def before(self, turn: Turn, *, limit: int) -> tuple[Turn, ...]:
        """Return the newest ended turns before a turn in its conversation, oldest first."""
        statement = (
            rows.TURN
            + """
            WHERE t.channel_id = ? AND t.id < ? AND t.id > l.begins_after
              AND t.ended_at IS NOT NULL
            ORDER BY t.id DESC LIMIT ?
            """
        )
        given = (turn.channel_id, turn.id, limit)
        return await self._database.read(
            lambda db: tuple(rows.turn(row) for row in db.execute(statement, given))[::-1]
        )

    async def newest(self, scope: Scope, *, offset: int, limit: int) -> tuple[Turn, ...]:
        """Return the scope's turns, newest first."""
        return await self._turns(
            _VISIBLE + " ORDER BY t.id DESC LIMIT :limit OFFSET :offset",
            scope,
            limit=limit,
            offset=offset,
        )

    async def open_counts(self) -> OpenCounts:
        """Return how many turns are in each open state, and how many questions wait for a turn."""

        def work(db: sqlite3.Connection) -> OpenCounts:
            turns = db.execute(
                "SELECT state, count(*) FROM turns WHERE ended_at IS NULL GROUP BY state"
            )
            counted = dict(turns.fetchall())
            (waiting,) = db.execute(
                "SELECT count(*) FROM questions WHERE turn_id IS NULL AND withdrawn_at IS NULL"
            ).fetchone()
            return OpenCounts(turns=counted, waiting_questions=waiting)

        return await self._database.read(work)

    async def _turns(self, where: str, scope: Scope, **values: int) -> tuple[Turn, ...]:
        # First the ids, then the records: building a record costs more than finding its id.
        found = "SELECT t.id FROM turns t JOIN links l ON l.channel_id = t.channel_id" + where
        statement = f"{rows.TURN} WHERE t.id IN ({found}) ORDER BY t.id DESC"
        given = values | _parameters(scope)
        return await self._database.read(
            lambda db: tuple(rows.turn(row) for row in db.execute(statement, given))
        )

    async def count(self, scope: Scope) -> int:
        """Return the number of turns in the scope."""
        statement = (
            "SELECT count(*) FROM turns t JOIN links l ON l.channel_id = t.channel_id" + _VISIBLE
        )

        def work(db: sqlite3.Connection) -> int:
            (count,) = db.execute(statement, _parameters(scope)).fetchone()
            return int(count)

        return await self._database.read(work)


def turn_answering(path: Path, question_id: int) -> Turn | None:
    """Return the turn whose reply answers a question, from a ledger that another process uses.

    Raises ``StoreError``.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            row = db.execute(rows.TURN + " WHERE t.reply_to = ?", (question_id,)).fetchone()
    except sqlite3.Error as error:
        raise StoreError(f"The ledger at {path} can't be read: {error}.") from error
    return None if row is None else rows.turn(row)


def _parameters(scope: Scope) -> dict[str, int | str | None]:
    return {
        "channel": scope.channel_id,
        "guild": scope.guild_id,
        "viewer": scope.viewer_id,
        "readable": json.dumps(scope.readable),
        "moderated": json.dumps(scope.moderated),
        "asker": scope.asker_id,
        "inside": scope.in_channel_id,
        "state": scope.state,
    }
