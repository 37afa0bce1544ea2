"""Function calls that wait for a person's approval, and every decision about a call.

The run waits for a short time. After a later approval the bot makes the call without the run, and
a question brings the result to the assistant.
"""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, Final, Literal

from msgspec.structs import asdict

from bot.store import queries
from bot.store.ledger import rows
from bot.store.ledger.records import NewQuestion
from bot.store.ledger.states import UNDECIDED, ApprovalState, approval_sources
from bot.store.ledger.tools.decisions import (
    DecisionKind,
    ToolDecision,
    decisions_in,
    note_decision,
)
from bot.store.ledger.tools.tool_calls import (
    CallFile,
    CallLimit,
    CallLimits,
    CallOutcome,
    NewCall,
    begin_call,
    end_call,
)
from bot.store.ledger.transactions import LedgerPart, reads, writes
from bot.store.ledger.turns.late_answers import ask_back

_FIELDS: Final = """
    id, run_id, call_id, round, turn_id, channel_id, guild_id, asker_id, asker_name, thread_id,
    assistant_id, name, arguments, state, message_id, decider_id, decider_name, reason, asked_at
"""


class NewApproval(NewCall, frozen=True, kw_only=True):
    """A function call of a run that needs a person's approval."""

    asker_name: str
    thread_id: str
    assistant_id: str


class Approval(NewApproval, frozen=True, kw_only=True):
    """A stored approval; ``message_id`` is the Discord message with its buttons."""

    id: int
    round: int
    state: ApprovalState
    message_id: int | None
    decider_id: int | None
    decider_name: str | None
    reason: str | None
    asked_at: float

    @property
    def cause(self) -> str:
        """The ``cause`` of the question that tells the assistant the result of the call."""
        return f"approval:{self.id}"


class ApprovalStore(LedgerPart):
    """The approvals of the ledger; each method is one transaction."""

    @writes
    def note(
        self, db: sqlite3.Connection, call: NewCall, name: str, decision: DecisionKind
    ) -> None:
        """Store a decision that no person made."""
        note_decision(db, call, name, decision, self._now())

    @reads
    def is_allowed_in(self, db: sqlite3.Connection, thread_id: str, name: str) -> bool:
        """Return whether somebody allowed a function for the rest of a conversation."""
        statement = "SELECT EXISTS (SELECT 1 FROM allowances WHERE thread_id = ? AND name = ?)"
        return bool(queries.value(db, statement, (thread_id, name)))

    @writes
    def ask(self, db: sqlite3.Connection, new: NewApproval) -> Approval:
        """Store that a call needs approval; return the approval, also one from before a restart."""
        now = self._now()
        (round_,) = db.execute(
            "SELECT count(*) FROM tool_calls WHERE run_id = ? AND call_id = ?",
            (new.run_id, new.call_id),
        ).fetchone()
        stored = db.execute(
            """
            INSERT INTO approvals (run_id, call_id, round, turn_id, channel_id, guild_id,
                                   asker_id, asker_name, thread_id, assistant_id, name,
                                   arguments, state, asked_at)
            VALUES (:run_id, :call_id, :round, :turn_id, :channel_id, :guild_id,
                    :asker_id, :asker_name, :thread_id, :assistant_id, :name,
                    :arguments, 'asked', :now)
            ON CONFLICT (run_id, call_id, round) DO NOTHING
            """,
            asdict(new) | {"round": round_, "now": now},
        )
        if stored.rowcount:
            note_decision(db, new, new.name, "ask", now)
        where = "WHERE run_id = ? AND call_id = ? AND round = ?"
        return _approvals(db, where, new.run_id, new.call_id, round_)[0]

    @reads
    def get(self, db: sqlite3.Connection, approval_id: int) -> Approval | None:
        """Return an approval; None if there is none."""
        return _by_id(db, approval_id)

    @writes
    def shown(self, db: sqlite3.Connection, approval_id: int, message_id: int) -> None:
        """Store which Discord message has the buttons of an approval."""
        db.execute("UPDATE approvals SET message_id = ? WHERE id = ?", (message_id, approval_id))

    @writes
    def decide(
        self,
        db: sqlite3.Connection,
        approval_id: int,
        *,
        allow: bool,
        for_conversation: bool = False,
        run_waits: bool,
        decider_id: int,
        decider_name: str,
        reason: str | None = None,
        denial: NewQuestion,
    ) -> Approval | None:
        """Store a person's decision; None if the approval was decided or withdrawn before.

        ``run_waits`` tells that the run still waits for the decision, as far as this process knows.
        ``denial`` is the question that tells the assistant of a denial after the run has gone on.
        With a reason the question is asked now; without one it joins the channel's next question.
        """
        now = self._now()
        before = _by_id(db, approval_id)
        if before is None or before.state not in UNDECIDED:
            return None
        in_time = run_waits and before.state == "asked"
        target: ApprovalState = "denied"
        if allow:
            target = "allowed" if in_time else "granted"
        decided = _move(
            db,
            approval_id,
            target,
            "decider_id = :decider_id",
            "decider_name = :decider_name",
            "reason = :reason",
            decider_id=decider_id,
            decider_name=decider_name,
            reason=reason,
        )
        assert decided is not None  # the moves allow each target for an undecided approval
        kind: DecisionKind = "denied"
        if allow:
            kind = "conversation" if for_conversation else "once"
        note_decision(db, decided, decided.name, kind, now, decider_id=decider_id, reason=reason)
        if for_conversation:
            db.execute(
                "INSERT INTO allowances VALUES (?, ?) ON CONFLICT DO NOTHING",
                (decided.thread_id, decided.name),
            )
        # A run that a restart interrupted reads the decision once it goes on.
        resumes = before.state == "asked" and _is_open(db, decided.turn_id)
        if not allow and not in_time and not resumes:
            if reason is not None:
                ask_back(db, denial, now)
            else:
                db.execute(
                    "UPDATE approvals SET untold = ? WHERE id = ?", (denial.content, approval_id)
                )
        return decided

    @writes
    def give_up(self, db: sqlite3.Connection, approval_id: int) -> Approval | None:
        """Let a run go on without a decision, unless there is one; return the stored approval."""
        late = _move(db, approval_id, "late")
        if late is None:
            return _by_id(db, approval_id)
        note_decision(db, late, late.name, "late", self._now())
        return late

    @writes
    def withdraw(self, db: sqlite3.Connection, run_id: str) -> tuple[Approval, ...]:
        """Withdraw the open approvals of a cancelled run, and return them."""
        asked = _approvals(db, "WHERE run_id = ? AND state = 'asked'", run_id)
        moved = (_move(db, each.id, "withdrawn") for each in asked)
        return tuple(each for each in moved if each is not None)

    @writes
    def unfinished(self, db: sqlite3.Connection) -> tuple[Approval, ...]:
        """Return the allowed calls that have no run any more and were not made to their end.

        Among them are those whose run ended between the decision and the call.
        """
        lost = """
            WHERE state = 'allowed'
              AND NOT EXISTS (SELECT 1 FROM turns t WHERE t.id = turn_id AND t.ended_at IS NULL)
              AND NOT EXISTS (SELECT 1 FROM tool_calls c
                              WHERE c.run_id = approvals.run_id
                                AND c.call_id = approvals.call_id
                                AND c.round = approvals.round)
        """
        for each in _approvals(db, lost):
            _move(db, each.id, "granted")
        return _approvals(db, "WHERE state IN ('granted', 'started')")

    @writes
    def started(
        self, db: sqlite3.Connection, approval: Approval, limits: CallLimits
    ) -> Literal["started", "taken"] | CallLimit:
        """Store that a call without a run is made now, or return the limit that forbids the call.

        "taken" tells that the call was started, or ended, before.
        """
        current = _by_id(db, approval.id)
        if current is None or current.state != "granted":
            return "taken"
        begun = begin_call(db, _late_call(approval), limits, self._now())
        if isinstance(begun, str):
            return begun
        _move(db, approval.id, "started")
        return "started"

    @writes
    def finished(
        self,
        db: sqlite3.Connection,
        approval: Approval,
        answer: NewQuestion,
        outcome: CallOutcome,
        output: str,
        files: Sequence[CallFile] = (),
    ) -> bool:
        """Store that a call without a run has ended, with the question that brings its result.

        Returns whether the question is new.
        """
        now = self._now()
        if _move(db, approval.id, "finished") is None:
            return False
        end_call(db, _late_call(approval), 0, outcome, output, files, now)
        return ask_back(db, answer, now)

    @reads
    def decisions(
        self, db: sqlite3.Connection, guild_id: int, *, most: int
    ) -> tuple[ToolDecision, ...]:
        """Return a server's newest decisions, newest first."""
        return decisions_in(db, guild_id, most)


_FORGET: Final = """
    UPDATE approvals SET arguments = '', asker_id = 0, asker_name = '', reason = NULL,
           untold = NULL,
           state = CASE WHEN state IN ('asked', 'late', 'granted') THEN 'withdrawn'
                        ELSE state END
"""


def forget_approvals_of(db: sqlite3.Connection, member_id: int) -> None:
    """Forget the contents of a member's approvals; open ones are withdrawn."""
    db.execute(f"{_FORGET} WHERE asker_id = ?", (member_id,))


def forget_approvals(db: sqlite3.Connection, turn_id: int) -> None:
    """Forget the contents of a turn's approvals; open ones are withdrawn."""
    db.execute(f"{_FORGET} WHERE turn_id = ?", (turn_id,))
    db.execute("UPDATE tool_decisions SET reason = NULL WHERE turn_id = ?", (turn_id,))


def _late_call(approval: Approval) -> NewCall:
    """Return the call that is made without its run, as the ledger stores calls.

    The approval's cause stands in place of the run's id.
    """
    call = {name: getattr(approval, name) for name in NewCall.__struct_fields__}
    return NewCall(**call | {"run_id": approval.cause})


def _is_open(db: sqlite3.Connection, turn_id: int) -> bool:
    turn = rows.turn_by_id(db, turn_id)
    return turn is not None and turn.ended_at is None


def _move(
    db: sqlite3.Connection, approval_id: int, target: ApprovalState, *changes: str, **values: Any
) -> Approval | None:
    """Move an approval to a state, and return it; None if its present state forbids that.

    ``changes`` are SQL assignments to other columns, with ``values`` by name.
    """
    statement = f"""
        UPDATE approvals SET {", ".join(("state = :target", *changes))}
        WHERE id = :id AND state IN (SELECT value FROM json_each(:sources)) RETURNING {_FIELDS}
    """
    sources = json.dumps(approval_sources(target))
    given = values | {"id": approval_id, "target": target, "sources": sources}
    return rows.record(db, Approval, statement, given)


def _by_id(db: sqlite3.Connection, approval_id: int) -> Approval | None:
    return next(iter(_approvals(db, "WHERE id = ?", approval_id)), None)


def _approvals(db: sqlite3.Connection, where: str, *values: object) -> tuple[Approval, ...]:
    statement = f"SELECT {_FIELDS} FROM approvals {where} ORDER BY id"
    return rows.records(db, Approval, statement, values)
