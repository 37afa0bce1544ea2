"""Turns in the ledger: created from waiting questions, moved by one guarded UPDATE at a time.

A move returns None and changes nothing if the turn is not in an allowed state: another task was
first, and the caller must read the turn again.
"""

import json
import sqlite3
from collections.abc import Iterable
from typing import Final

from bot.store import queries
from bot.store.ledger import named_values, rows
from bot.store.ledger.budgets.spending import Spend, name_run, settle
from bot.store.ledger.chores import OUTDATED, add_chore, discard_run, offer_again
from bot.store.ledger.records import AskResponse, Chore, Outcome, Turn
from bot.store.ledger.states import OPEN, WITHOUT_OUTCOME, TurnState, in_sql
from bot.store.ledger.tools.tool_calls import drop_files
from bot.store.ledger.transactions import LedgerPart, reads, writes
from bot.store.ledger.turns.turn_rows import move, open_turn, set_part, store_response

RESTART_SECONDS: Final = 60.0
"""Starts of the bot that are closer together, in seconds, count once against a turn."""

_COUNTED_FACT: Final = "turns.picked_up_at"

# Turns in a state of a later version are left alone: this version cannot go on with them.
_OPEN_STATES: Final = in_sql(OPEN)


class TurnStore(LedgerPart):
    """The turns of the ledger; each method is one transaction."""

    @writes
    def next_in(self, db: sqlite3.Connection, channel_id: int) -> Turn | None:
        """Return the channel's next turn: an open one, else a new one of all waiting questions.

        A turn that has begun comes before one that waits for its retry. Returns None if no
        question waits.
        """
        where = f"""
            WHERE t.channel_id = ? AND t.ended_at IS NULL AND t.state IN ({_OPEN_STATES})
            ORDER BY t.state = 'waiting', t.started_at, t.id LIMIT 1
        """
        return rows.turn(db, where, (channel_id,)) or open_turn(db, channel_id, self._now())

    @reads
    def channels_with_work(self, db: sqlite3.Connection) -> tuple[int, ...]:
        """Return the channels with an open turn or a waiting question."""
        statement = f"""
            SELECT channel_id FROM turns WHERE ended_at IS NULL AND state IN ({_OPEN_STATES})
            UNION
            SELECT home_id FROM questions
            WHERE turn_id IS NULL AND withdrawn_at IS NULL AND home_id IS NOT NULL
            ORDER BY 1
        """
        return queries.column(db, statement)

    @writes
    def count_interruptions(self, db: sqlite3.Connection) -> bool:
        """Count an interruption of every open turn; return whether this start of the bot counts.

        A start less than ``RESTART_SECONDS`` after a counted one does not count: somebody restarts
        the bot several times. Each open turn has at least one interruption afterwards.
        """
        now = self._now()
        counted_at = named_values.value_of(db, _COUNTED_FACT)
        if counted_at is not None and 0 <= now - float(counted_at) < RESTART_SECONDS:
            db.execute("UPDATE turns SET pickups = max(pickups, 1) WHERE ended_at IS NULL")
            return False
        db.execute("UPDATE turns SET pickups = pickups + 1 WHERE ended_at IS NULL")
        named_values.store(db, _COUNTED_FACT, str(now))
        return True

    @writes
    def discount_interruptions(self, db: sqlite3.Connection) -> None:
        """Subtract what this start counted for each open turn: no turn made the bot crash."""
        db.execute("UPDATE turns SET pickups = max(pickups - 1, 0) WHERE ended_at IS NULL")

    @writes
    def placed(
        self, db: sqlite3.Connection, turn_id: int, attempt: int, message_id: int
    ) -> Turn | None:
        """Move to ``placed``: "thinking…" was sent as this message, the reply's first part.

        If the attempt was closed meanwhile, the message is stored too, but the turn does not move.
        """
        if move(db, turn_id, "placed", "pickups = 0", attempt=attempt) is not None:
            set_part(db, turn_id, 0, message_id)
            return rows.turn_by_id(db, turn_id)
        turn = rows.turn_by_id(db, turn_id)
        if turn is not None and (turn.state, turn.attempt, turn.parts) == ("closing", attempt, ()):
            set_part(db, turn_id, 0, message_id)
        return None

    @writes
    def posted(
        self, db: sqlite3.Connection, turn_id: int, attempt: int, thread_id: str
    ) -> Turn | None:
        """Move to ``posted``: the newest wording of every question is a message on this thread.

        The turn does not move while messages have to leave the thread.
        """
        return move(
            db,
            turn_id,
            "posted",
            "thread_id = :thread",
            "pickups = 0",
            attempt=attempt,
            condition=f"""
                NOT EXISTS (SELECT 1 FROM questions WHERE turn_id = turns.id AND {OUTDATED})
                AND NOT EXISTS (SELECT 1 FROM chores
                                WHERE channel_id = turns.channel_id
                                  AND kind IN ('message', 'question'))
            """,
            thread=thread_id,
        )

    @writes
    def lost_thread(self, db: sqlite3.Connection, turn_id: int, attempt: int) -> Turn | None:
        """Move back to ``placed``: the thread was deleted, the questions need another one."""
        return move(db, turn_id, "placed", attempt=attempt, condition="state = 'posted'")

    @writes
    def run_created(
        self, db: sqlite3.Connection, turn_id: int, attempt: int, run_id: str
    ) -> Turn | None:
        """Move to ``running``: this attempt's run was created."""
        changes = ("run_id = :run", "pickups = 0")
        turn = move(db, turn_id, "running", *changes, attempt=attempt, run=run_id)
        if turn is not None:
            name_run(db, turn_id, attempt, turn.thread_id, run_id)
        return turn

    @writes
    def closing(
        self,
        db: sqlite3.Connection,
        turn_id: int,
        attempt: int,
        outcome: Outcome,
        *,
        error: str | None = None,
        tokens: int | None = None,
        spend: Spend | None = None,
    ) -> Turn | None:
        """Move to ``closing``: the outcome is known; ``error`` is the project's own error code.

        ``spend`` settles the attempt's charge; None: the use of its run, if any, is not known.
        """
        before = rows.turn_by_id(db, turn_id)
        turn = move(
            db,
            turn_id,
            "closing",
            "outcome = :outcome",
            "error = :error",
            "tokens = :tokens",
            "pickups = 0",
            attempt=attempt,
            outcome=outcome,
            error=error,
            tokens=tokens,
        )
        if before is None or turn is None:
            return None
        # Without a known use: an attempt that never reached its run has used nothing.
        if spend is not None or before.state in ("waiting", "placed"):
            settle(db, turn_id, attempt, spend)
        return turn

    @writes
    def closed(
        self, db: sqlite3.Connection, turn_id: int, attempt: int, took: float | None = None
    ) -> Turn | None:
        """Move to the outcome's own state: the reply says all that it will say.

        ``took`` is the time in seconds that the reply names; None: the attempt ends now. Where a
        question was edited meanwhile, "Answer again" is to be offered.
        """
        turn = rows.turn_by_id(db, turn_id)
        if turn is None or turn.outcome is None:
            return None
        closed = move(
            db,
            turn_id,
            turn.outcome,
            "pickups = 0",
            "ended_at = coalesce(started_at + :took, :now)",
            attempt=attempt,
            took=took,
            now=self._now(),
        )
        if closed is None:
            return None
        drop_files(db, turn_id)
        offer_again(db, turn_id)
        return rows.turn_by_id(db, turn_id)

    @writes
    def undelivered(self, db: sqlite3.Connection, turn_id: int, attempt: int) -> Turn | None:
        """Move to ``failed``: Discord refuses the reply, whatever the run's result is."""
        changes = (
            "outcome = 'failed'",
            "error = 'undeliverable'",
            "pickups = 0",
            "ended_at = :now",
        )
        turn = move(db, turn_id, "failed", *changes, attempt=attempt, now=self._now())
        if turn is not None:
            drop_files(db, turn_id)
        return turn

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

    @writes
    def _begin_next_attempt(
        self,
        db: sqlite3.Connection,
        turn_id: int,
        attempt: int,
        response: AskResponse | None,
        *ended: TurnState,
    ) -> Turn | None:
        before = rows.turn_by_id(db, turn_id)
        if before is None or before.state not in ended:
            return None
        moved = move(
            db,
            turn_id,
            "waiting",
            "attempt = attempt + 1, run_id = NULL, canceller_id = NULL, canceller_name = NULL",
            "outcome = NULL, error = NULL, tokens = NULL, started_at = :now, ended_at = NULL",
            attempt=attempt,
            condition="""
                EXISTS (SELECT 1 FROM questions
                        WHERE turn_id = turns.id AND withdrawn_at IS NULL)
                AND (state = 'failed' OR NOT EXISTS (
                    SELECT 1 FROM turns AS newer
                    WHERE newer.channel_id = turns.channel_id AND newer.id > turns.id))
            """,
            now=self._now(),
        )
        if moved is None:
            return None
        if before.state != "failed":
            discard_run(db, before)
        if response is not None:
            # The new reply is another message: the token can't edit the old one.
            store_response(db, before.reply_to, response)
            db.execute("DELETE FROM parts WHERE turn_id = ?", (turn_id,))
        return rows.turn_by_id(db, turn_id)

    @writes
    def request_cancel(
        self, db: sqlite3.Connection, turn_id: int, attempt: int, user_id: int, name: str
    ) -> Turn | None:
        """Store the wish to cancel this attempt; None if its outcome is already known."""
        stored = db.execute(
            f"""
            UPDATE turns SET canceller_id = coalesce(canceller_id, ?),
                             canceller_name = coalesce(canceller_name, ?)
            WHERE id = ? AND attempt = ? AND state IN ({in_sql(WITHOUT_OUTCOME)})
            """,
            (user_id, name, turn_id, attempt),
        )
        return rows.turn_by_id(db, turn_id) if stored.rowcount else None

    @writes
    def set_part(self, db: sqlite3.Connection, turn_id: int, number: int, message_id: int) -> None:
        """Store which Discord message is part ``number`` of the reply, counted from 0."""
        set_part(db, turn_id, number, message_id)

    @writes
    def drop_parts(self, db: sqlite3.Connection, turn: Turn, count: int) -> tuple[Chore, ...]:
        """Remove the parts from number ``count`` on from a reply; return the chores to delete them.

        They are removed before the bot deletes the messages: the deletion of a message that is
        still a part is somebody else's, and ends the turn.
        """
        dropped = queries.column(
            db,
            "SELECT message_id FROM parts WHERE turn_id = ? AND number >= ? ORDER BY number",
            (turn.id, count),
        )
        db.execute("DELETE FROM parts WHERE turn_id = ? AND number >= ?", (turn.id, count))
        return tuple(
            add_chore(db, turn.channel_id, "part", turn.place_id, message_id)
            for message_id in dropped
        )

    @reads
    def known_parts(self, db: sqlite3.Connection, message_ids: Iterable[int]) -> frozenset[int]:
        """Return which of these Discord message ids are or were parts of replies."""
        ids = list(message_ids)
        statement = """
            SELECT message_id FROM parts WHERE message_id IN (SELECT value FROM json_each(:ids))
            UNION ALL
            SELECT CAST(target AS INTEGER) FROM chores
            WHERE kind = 'part' AND target IN (SELECT value FROM json_each(:texts))
        """
        given = {"ids": json.dumps(ids), "texts": json.dumps(list(map(str, ids)))}
        return frozenset(queries.column(db, statement, given))
