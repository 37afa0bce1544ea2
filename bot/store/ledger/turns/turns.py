"""Turns in the ledger: created from waiting questions, moved by one guarded UPDATE at a time.

A move returns None and changes nothing if the turn is not in an allowed state: another task was
first, and the caller must read the turn again.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, Final

from bot.store.ledger import rows
from bot.store.ledger.budgets.spending import Spend, name_run, settle
from bot.store.ledger.chores import OUTDATED, add_chore, discard_run, offer_again
from bot.store.ledger.records import AskResponse, Chore, Outcome, Turn
from bot.store.ledger.session import LedgerSession
from bot.store.ledger.states import OPEN, TurnState
from bot.store.ledger.tools.tool_calls import drop_files
from bot.store.ledger.turns.moves import move, open_turn, set_part, store_response

RESTART_SECONDS: Final = 60.0
"""Starts of the bot that are closer together than this count once against a turn, in seconds."""

_COUNTED_FACT: Final = "turns.picked_up_at"

# Turns in a state of a later version are left alone: this version cannot go on with them.
_OPEN_STATES: Final = ", ".join(f"'{state}'" for state in sorted(OPEN))


class TurnStore:
    """The turns of the ledger; each method is one transaction."""

    def __init__(self, database: LedgerSession, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    async def next_in(self, channel_id: int) -> Turn | None:
        """Return the channel's next turn: an open one, else a new one of all waiting questions.

        A turn that has begun comes before one that waits for its retry. Returns None if no
        question waits.
        """
        now = self._now()

        def work(db: sqlite3.Connection) -> Turn | None:
            row = db.execute(
                rows.TURN
                + f"""
                WHERE t.channel_id = ? AND t.ended_at IS NULL AND t.state IN ({_OPEN_STATES})
                ORDER BY t.state = 'waiting', t.started_at, t.id LIMIT 1
                """,
                (channel_id,),
            ).fetchone()
            return rows.turn(row) if row is not None else open_turn(db, channel_id, now)

        return await self._database.write(work)

    async def channels_with_work(self) -> tuple[int, ...]:
        """Return the channels with an open turn or a waiting question."""
        return await self._database.read(
            lambda db: tuple(
                row[0]
                for row in db.execute(
                    f"""
                    SELECT channel_id FROM turns
                    WHERE ended_at IS NULL AND state IN ({_OPEN_STATES})
                    UNION
                    SELECT home_id FROM questions
                    WHERE turn_id IS NULL AND withdrawn_at IS NULL AND home_id IS NOT NULL
                    ORDER BY 1
                    """
                )
            )
        )

    async def count_interruptions(self) -> bool:
        """Count an interruption of every open turn; return whether this start of the bot counts.

        A start less than ``RESTART_SECONDS`` after a counted one is counted with it: somebody
        restarts the bot several times. Each open turn has at least one interruption afterwards.
        """
        now = self._now()

        def work(db: sqlite3.Connection) -> bool:
            row = db.execute("SELECT value FROM facts WHERE key = ?", (_COUNTED_FACT,)).fetchone()
            if row is not None and 0 <= now - float(row[0]) < RESTART_SECONDS:
                db.execute("UPDATE turns SET pickups = max(pickups, 1) WHERE ended_at IS NULL")
                return False
            db.execute("UPDATE turns SET pickups = pickups + 1 WHERE ended_at IS NULL")
            db.execute(
                """
                INSERT INTO facts VALUES (?, ?)
                ON CONFLICT (key) DO UPDATE SET value = excluded.value
                """,
                (_COUNTED_FACT, str(now)),
            )
            return True

        return await self._database.write(work)

    async def discount_interruptions(self) -> None:
        """Take the count of this start back: the bot stops in order, no turn made it crash."""
        await self._database.write(
            lambda db: db.execute(
                "UPDATE turns SET pickups = max(pickups - 1, 0) WHERE ended_at IS NULL"
            ).close()
        )

    async def placed(self, turn_id: int, attempt: int, message_id: int) -> Turn | None:
        """Move to ``placed``: "thinking…" was sent as this message, the reply's first part.

        The message is also stored where the attempt was closed while Discord took the message.
        """

        def work(db: sqlite3.Connection) -> Turn | None:
            moved = move(
                db,
                """
                UPDATE turns SET state = 'placed', pickups = 0
                WHERE id = :id AND attempt = :attempt
                  AND state IN (SELECT value FROM json_each(:sources)) RETURNING id
                """,
                "placed",
                id=turn_id,
                attempt=attempt,
            )
            if moved:
                set_part(db, turn_id, 0, message_id)
                return rows.turn_by_id(db, turn_id)
            turn = rows.turn_by_id(db, turn_id)
            if turn is None:
                return None
            if (turn.state, turn.attempt, turn.parts) == ("closing", attempt, ()):
                set_part(db, turn_id, 0, message_id)
            return None

        return await self._database.write(work)

    async def posted(self, turn_id: int, attempt: int, thread_id: str) -> Turn | None:
        """Move to ``posted``: the newest wording of every question is a message on this thread.

        The turn does not move while messages have to leave the thread.
        """
        return await self._change(
            f"""
            UPDATE turns SET state = 'posted', thread_id = :thread, pickups = 0
            WHERE id = :id AND attempt = :attempt
              AND NOT EXISTS (SELECT 1 FROM questions WHERE turn_id = turns.id AND {OUTDATED})
              AND NOT EXISTS (SELECT 1 FROM chores
                              WHERE channel_id = turns.channel_id
                                AND kind IN ('message', 'question'))
              AND state IN (SELECT value FROM json_each(:sources)) RETURNING id
            """,
            "posted",
            id=turn_id,
            attempt=attempt,
            thread=thread_id,
        )

    async def lost_thread(self, turn_id: int, attempt: int) -> Turn | None:
        """Move back to ``placed``: the thread was deleted, the questions need another one."""
        return await self._change(
            """
            UPDATE turns SET state = 'placed'
            WHERE id = :id AND attempt = :attempt AND state = 'posted' RETURNING id
            """,
            id=turn_id,
            attempt=attempt,
        )

    async def run_created(self, turn_id: int, attempt: int, run_id: str) -> Turn | None:
        """Move to ``running``: this attempt's run was created."""

        def work(db: sqlite3.Connection) -> Turn | None:
            statement = """
                UPDATE turns SET state = 'running', run_id = :run, pickups = 0
                WHERE id = :id AND attempt = :attempt
                  AND state IN (SELECT value FROM json_each(:sources)) RETURNING id
            """
            if not move(db, statement, "running", id=turn_id, attempt=attempt, run=run_id):
                return None
            turn = rows.turn_by_id(db, turn_id)
            if turn is not None:
                name_run(db, turn_id, attempt, turn.thread_id, run_id)
            return turn

        return await self._database.write(work)

    async def closing(
        self,
        turn_id: int,
        attempt: int,
        outcome: Outcome,
        *,
        error: str | None = None,
        tokens: int | None = None,
        spend: Spend | None = None,
    ) -> Turn | None:
        """Move to ``closing``: the outcome is known; ``error`` is the project's own error code.

        ``spend`` settles the attempt's charge; None: what its run used is not known, if it had one.
        """

        def work(db: sqlite3.Connection) -> Turn | None:
            # Without a known use: an attempt that never reached its run has used nothing.
            before = rows.turn_by_id(db, turn_id) if spend is None else None
            statement = """
                UPDATE turns SET state = 'closing', outcome = :outcome, error = :error,
                                 tokens = :tokens, pickups = 0
                WHERE id = :id AND attempt = :attempt
                  AND state IN (SELECT value FROM json_each(:sources)) RETURNING id
            """
            values = {
                "id": turn_id,
                "attempt": attempt,
                "outcome": outcome,
                "error": error,
                "tokens": tokens,
            }
            if not move(db, statement, "closing", **values):
                return None
            if spend is not None or (before is not None and before.state in ("waiting", "placed")):
                settle(db, turn_id, attempt, spend)
            return rows.turn_by_id(db, turn_id)

        return await self._database.write(work)

    async def closed(self, turn_id: int, attempt: int, took: float | None = None) -> Turn | None:
        """Move to the outcome's own state: the reply says all that it will say.

        ``took`` are the seconds that the reply names; without them the attempt ends now. Where a
        question was edited meanwhile, "Answer again" is to be offered.
        """

        def work(db: sqlite3.Connection) -> Turn | None:
            statement = """
                UPDATE turns SET state = outcome, pickups = 0,
                                 ended_at = coalesce(started_at + :took, :now)
                WHERE id = :id AND attempt = :attempt
                  AND state IN (SELECT value FROM json_each(:sources)) RETURNING id
            """
            values = {"id": turn_id, "attempt": attempt, "took": took, "now": self._now()}
            if not move(db, statement, "answered", **values):
                return None
            drop_files(db, turn_id)
            offer_again(db, turn_id)
            return rows.turn_by_id(db, turn_id)

        return await self._database.write(work)

    async def undelivered(self, turn_id: int, attempt: int) -> Turn | None:
        """Move to ``failed``: Discord refuses the reply, whatever the run's result is."""

        def work(db: sqlite3.Connection) -> Turn | None:
            statement = """
                UPDATE turns SET state = 'failed', outcome = 'failed', error = 'undeliverable',
                                 pickups = 0, ended_at = :now
                WHERE id = :id AND attempt = :attempt
                  AND state IN (SELECT value FROM json_each(:sources)) RETURNING id
            """
            if not move(db, statement, "failed", id=turn_id, attempt=attempt, now=self._now()):
                return None
            drop_files(db, turn_id)
            return rows.turn_by_id(db, turn_id)

        return await self._database.write(work)

    async def retry(
        self, turn_id: int, attempt: int, response: AskResponse | None = None
    ) -> Turn | None:
        """Move a failed turn to ``waiting`` for another attempt; None if that was done before.

        ``response`` is the interaction that the new reply answers, after a question by command.
        """
        return await self._begin_next_attempt(turn_id, attempt, response, "failed")

    async def again(
        self, turn_id: int, attempt: int, response: AskResponse | None = None
    ) -> Turn | None:
        """Move an answered or cancelled turn to ``waiting``, to be answered again.

        The run's messages will be deleted. None if the turn is not the channel's newest any more,
        or if this was done before.
        """
        return await self._begin_next_attempt(turn_id, attempt, response, "answered", "cancelled")

    async def _begin_next_attempt(
        self, turn_id: int, attempt: int, response: AskResponse | None, *ended: TurnState
    ) -> Turn | None:
        def work(db: sqlite3.Connection) -> Turn | None:
            before = rows.turn_by_id(db, turn_id)
            if before is None or before.state not in ended:
                return None
            statement = """
                UPDATE turns SET state = 'waiting', attempt = attempt + 1, run_id = NULL,
                                 canceller_id = NULL, canceller_name = NULL, outcome = NULL,
                                 error = NULL, tokens = NULL, started_at = :now, ended_at = NULL
                WHERE id = :id AND attempt = :attempt
                  AND state IN (SELECT value FROM json_each(:sources))
                  AND EXISTS (SELECT 1 FROM questions
                              WHERE turn_id = turns.id AND withdrawn_at IS NULL)
                  AND (state = 'failed' OR NOT EXISTS (
                      SELECT 1 FROM turns AS newer
                      WHERE newer.channel_id = turns.channel_id AND newer.id > turns.id))
                RETURNING id
            """
            values = {"id": turn_id, "attempt": attempt, "now": self._now()}
            if not move(db, statement, "waiting", **values):
                return None
            if before.state != "failed":
                discard_run(db, before)
            if response is not None:
                # The new reply is a message of its own: the old one is out of its token's reach.
                store_response(db, before.reply_to, response)
                db.execute("DELETE FROM parts WHERE turn_id = ?", (turn_id,))
            return rows.turn_by_id(db, turn_id)

        return await self._database.write(work)

    async def request_cancel(
        self, turn_id: int, attempt: int, user_id: int, name: str
    ) -> Turn | None:
        """Store the wish to cancel this attempt; None if its outcome is already known."""
        return await self._change(
            """
            UPDATE turns SET canceller_id = coalesce(canceller_id, :user),
                             canceller_name = coalesce(canceller_name, :name)
            WHERE id = :id AND attempt = :attempt
              AND state IN ('waiting', 'placed', 'posted', 'running') RETURNING id
            """,
            id=turn_id,
            attempt=attempt,
            user=user_id,
            name=name,
        )

    async def set_part(self, turn_id: int, number: int, message_id: int) -> None:
        """Store which Discord message is part ``number`` of the reply, counted from 0."""
        await self._database.write(lambda db: set_part(db, turn_id, number, message_id))

    async def drop_parts(self, turn: Turn, count: int) -> tuple[Chore, ...]:
        """Take the parts from number ``count`` on out of a reply; return the chores to delete them.

        The ledger knows about a message before the bot deletes it: any other deletion is somebody
        else's, and ends the turn.
        """

        def work(db: sqlite3.Connection) -> tuple[Chore, ...]:
            dropped = db.execute(
                "SELECT message_id FROM parts WHERE turn_id = ? AND number >= ? ORDER BY number",
                (turn.id, count),
            ).fetchall()
            db.execute("DELETE FROM parts WHERE turn_id = ? AND number >= ?", (turn.id, count))
            return tuple(
                add_chore(db, turn.channel_id, "part", turn.place_id, row[0]) for row in dropped
            )

        return await self._database.write(work)

    async def known_parts(self, message_ids: Iterable[int]) -> frozenset[int]:
        """Return which of these Discord message ids are or were parts of replies."""
        ids = json.dumps(list(message_ids))
        return await self._database.read(
            lambda db: frozenset(
                row[0]
                for row in db.execute(
                    """
                    SELECT message_id FROM parts
                    WHERE message_id IN (SELECT value FROM json_each(:ids))
                    UNION ALL
                    SELECT CAST(target AS INTEGER) FROM chores
                    WHERE kind = 'part' AND target IN (SELECT value FROM json_each(:texts))
                    """,
                    {"ids": ids, "texts": json.dumps([str(each) for each in json.loads(ids)])},
                )
            )
        )

    async def _change(
        self, statement: str, target: TurnState | None = None, **values: Any
    ) -> Turn | None:
        def work(db: sqlite3.Connection) -> Turn | None:
            if not move(db, statement, target, **values):
                return None
            return rows.turn_by_id(db, int(values["id"]))

        return await self._database.write(work)
