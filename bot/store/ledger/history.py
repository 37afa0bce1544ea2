"""Looking at turns: one, a scope's newest, those still open; changes nothing."""

import json
import sqlite3

from bot.store.ledger import rows
from bot.store.ledger.records import Scope, Turn
from bot.store.ledger.session import LedgerSession

_VISIBLE = """
    WHERE (t.channel_id = :channel
           OR (t.guild_id IS NOT NULL AND t.guild_id = :guild AND NOT l.private
               AND l.parent_id IN (SELECT value FROM json_each(:readable))))
    AND (:asker IS NULL
         OR EXISTS (SELECT 1 FROM questions WHERE turn_id = t.id AND author_id = :asker))
"""


class TurnHistory:
    """What the commands show of turns; each method is one snapshot."""

    def __init__(self, database: LedgerSession) -> None:
        self._database = database

    async def turn(self, turn_id: int) -> Turn | None:
        """Return a turn."""
        return await self._database.read(lambda db: rows.turn_by_id(db, turn_id))

    async def of_run(self, run_id: str) -> Turn | None:
        """Return the turn whose latest run this is."""

        def work(db: sqlite3.Connection) -> Turn | None:
            row = db.execute(rows.TURN + " WHERE t.run_id = ?", (run_id,)).fetchone()
            return None if row is None else rows.turn(row)

        return await self._database.read(work)

    async def before(self, turn: Turn, *, limit: int) -> tuple[Turn, ...]:
        """Return the newest turns of a turn's channel that ended before it began, in order."""
        statement = (
            rows.TURN
            + """
            WHERE t.channel_id = ? AND t.id < ? AND t.ended_at IS NOT NULL
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

    async def cancellable(self, scope: Scope, *, limit: int) -> tuple[Turn, ...]:
        """Return the scope's turns that can still be cancelled, newest first."""
        return await self._turns(
            _VISIBLE
            + """
            AND t.ended_at IS NULL AND t.state <> 'closing' ORDER BY t.id DESC LIMIT :limit
            """,
            scope,
            limit=limit,
        )

    async def _turns(self, where: str, scope: Scope, **values: int) -> tuple[Turn, ...]:
        # Found first, read whole after: what a turn's record is made of costs more than finding it.
        found = "SELECT t.id FROM turns t JOIN links l ON l.channel_id = t.channel_id" + where
        statement = f"{rows.TURN} WHERE t.id IN ({found}) ORDER BY t.id DESC"
        given = values | _given(scope)
        return await self._database.read(
            lambda db: tuple(rows.turn(row) for row in db.execute(statement, given))
        )

    async def count(self, scope: Scope) -> int:
        """Return how many turns the scope has."""
        statement = (
            "SELECT count(*) FROM turns t JOIN links l ON l.channel_id = t.channel_id" + _VISIBLE
        )

        def work(db: sqlite3.Connection) -> int:
            (count,) = db.execute(statement, _given(scope)).fetchone()
            return int(count)

        return await self._database.read(work)


def _given(scope: Scope) -> dict[str, int | str | None]:
    return {
        "channel": scope.channel_id,
        "guild": scope.guild_id,
        "readable": json.dumps(scope.readable),
        "asker": scope.asker_id,
    }
