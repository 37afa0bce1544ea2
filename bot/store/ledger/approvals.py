"""Function calls that ask a person, and every decision about a call.

A call that asks waits in its run for a short time. A decision that comes later makes the call
without its run, and a question brings the result to the assistant.
"""

import json
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

from bot.store.ledger.records import NewQuestion
from bot.store.ledger.session import LedgerSession
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
from bot.store.ledger.turns.late_answers import ask_back

_FIELDS: Final = """
    id, run_id, call_id, round, turn_id, channel_id, guild_id, asker_id, asker_name, thread_id,
    assistant_id, name, arguments, state, message_id, decider_id, decider_name, reason, asked_at
"""


class NewApproval(NewCall, frozen=True, kw_only=True):
    """A call of a run that asks a person."""

    asker_name: str
    thread_id: str
    assistant_id: str


class Approval(NewApproval, frozen=True, kw_only=True):
    """A stored call that asks; ``message_id`` is the Discord message with its buttons."""

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
        """The cause of the question that brings the result to the assistant."""
        return f"approval:{self.id}"


class ApprovalStore:
    """The approvals of the ledger; each method is one transaction."""

    def __init__(self, database: LedgerSession, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    async def note(self, call: NewCall, name: str, decision: DecisionKind) -> None:
        """Store a decision that no person made."""
        now = self._now()
        await self._database.write(lambda db: note_decision(db, call, name, decision, now))

    async def is_allowed_in(self, thread_id: str, name: str) -> bool:
        """Return whether somebody allowed a function for the rest of a conversation."""
        statement = "SELECT EXISTS (SELECT 1 FROM allowances WHERE thread_id = ? AND name = ?)"
        return await self._database.read(
            lambda db: bool(db.execute(statement, (thread_id, name)).fetchone()[0])
        )

    async def ask(self, new: NewApproval) -> Approval:
        """Store that a call asks; return the stored approval, also from before a restart."""
        now = self._now()

        def work(db: sqlite3.Connection) -> Approval:
            (round_,) = db.execute(
                "SELECT count(*) FROM tool_calls WHERE run_id = ? AND call_id = ?",
                (new.run_id, new.call_id),
            ).fetchone()
            row = db.execute(
                """
                INSERT INTO approvals (run_id, call_id, round, turn_id, channel_id, guild_id,
                                       asker_id, asker_name, thread_id, assistant_id, name,
                                       arguments, state, asked_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'asked', ?)
                ON CONFLICT (run_id, call_id, round) DO NOTHING RETURNING id
                """,
                (
                    new.run_id,
                    new.call_id,
                    round_,
                    new.turn_id,
                    new.channel_id,
                    new.guild_id,
                    new.asker_id,
                    new.asker_name,
                    new.thread_id,
                    new.assistant_id,
                    new.name,
                    new.arguments,
                    now,
                ),
            ).fetchone()
            if row is not None:
                note_decision(db, new, new.name, "ask", now)
            found = _approvals(
                db,
                "WHERE run_id = ? AND call_id = ? AND round = ?",
                (new.run_id, new.call_id, round_),
            )
            return found[0]

        return await self._database.write(work)

    async def get(self, approval_id: int) -> Approval | None:
        """Return an approval; None if there is none."""
        found = await self._database.read(lambda db: _approvals(db, "WHERE id = ?", (approval_id,)))
        return found[0] if found else None

    async def shown(self, approval_id: int, message_id: int) -> None:
        """Store which Discord message has the buttons."""
        await self._database.write(
            lambda db: db.execute(
                "UPDATE approvals SET message_id = ? WHERE id = ?", (message_id, approval_id)
            ).close()
        )

    async def decide(
        self,
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
        """Store a person's decision; None if somebody or something else was first.

        ``run_waits`` tells that the run still waits for the decision, as far as this process knows.
        ``denial`` is the question that tells the assistant of a denial that comes after the run:
        with a reason it is asked now, without one together with the channel's next question.
        """
        now = self._now()

        def work(db: sqlite3.Connection) -> Approval | None:
            before = _approvals(db, "WHERE id = ?", (approval_id,))
            if not before or before[0].state not in UNDECIDED:
                return None
            in_time = run_waits and before[0].state == "asked"
            target: ApprovalState = "denied"
            if allow:
                target = "allowed" if in_time else "granted"
            decided = _moved(
                db,
                approval_id,
                target,
                "decider_id = :decider, decider_name = :decider_name, reason = :reason",
                {"decider": decider_id, "decider_name": decider_name, "reason": reason},
            )
            if decided is None:
                return None
            kind: DecisionKind = "conversation" if for_conversation else "once"
            note_decision(
                db,
                decided,
                decided.name,
                kind if allow else "denied",
                now,
                decider_id=decider_id,
                reason=reason,
            )
            if for_conversation:
                db.execute(
                    "INSERT INTO allowances VALUES (?, ?) ON CONFLICT DO NOTHING",
                    (decided.thread_id, decided.name),
                )
            # A run that a restart interrupted reads the decision once it goes on.
            resumes = before[0].state == "asked" and _is_open(db, decided.turn_id)
            if not allow and not in_time and not resumes:
                if reason is not None:
                    ask_back(db, denial, now)
                else:
                    db.execute(
                        "UPDATE approvals SET untold = ? WHERE id = ?",
                        (denial.content, approval_id),
                    )
            return decided

        return await self._database.write(work)

    async def give_up(self, approval_id: int) -> Approval | None:
        """Let a run go on without a decision, unless there is one; return the stored approval."""
        now = self._now()

        def work(db: sqlite3.Connection) -> Approval | None:
            late = _moved(db, approval_id, "late")
            if late is not None:
                note_decision(db, late, late.name, "late", now)
                return late
            found = _approvals(db, "WHERE id = ?", (approval_id,))
            return found[0] if found else None

        return await self._database.write(work)

    async def withdraw(self, run_id: str) -> tuple[Approval, ...]:
        """Withdraw what a cancelled run asked; return the approvals that were open."""

        def work(db: sqlite3.Connection) -> tuple[Approval, ...]:
            asked = _approvals(db, "WHERE run_id = ? AND state = 'asked'", (run_id,))
            moved = [_moved(db, each.id, "withdrawn") for each in asked]
            return tuple(each for each in moved if each is not None)

        return await self._database.write(work)

    async def unfinished(self) -> tuple[Approval, ...]:
        """Return the allowed calls that have no run any more and were not made to their end.

        Among them are those whose run ended between the decision and the call.
        """

        def work(db: sqlite3.Connection) -> tuple[Approval, ...]:
            lost = _approvals(
                db,
                """
                WHERE state = 'allowed'
                  AND NOT EXISTS (SELECT 1 FROM turns t
                                  WHERE t.id = turn_id AND t.ended_at IS NULL)
                  AND NOT EXISTS (SELECT 1 FROM tool_calls c
                                  WHERE c.run_id = approvals.run_id
                                    AND c.call_id = approvals.call_id
                                    AND c.round = approvals.round)
                """,
                (),
            )
            for each in lost:
                _moved(db, each.id, "granted")
            return _approvals(db, "WHERE state IN ('granted', 'started')", ())

        return await self._database.write(work)

    async def started(
        self, approval: Approval, limits: CallLimits
    ) -> Literal["started", "taken"] | CallLimit:
        """Store that a call without a run is made now, or return the limit that forbids the call.

        "taken" tells that the call was started, or ended, before.
        """
        now = self._now()

        def work(db: sqlite3.Connection) -> Literal["started", "taken"] | CallLimit:
            if _state(db, approval.id) != "granted":
                return "taken"
            begun = begin_call(db, _late_call(approval), limits, now)
            if isinstance(begun, str):
                return begun
            _moved(db, approval.id, "started")
            return "started"

        return await self._database.write(work)

    async def finished(
        self,
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

        def work(db: sqlite3.Connection) -> bool:
            if _moved(db, approval.id, "finished") is None:
                return False
            end_call(db, _late_call(approval), 0, outcome, output, files, now)
            return ask_back(db, answer, now)

        return await self._database.write(work)

    async def decisions(self, guild_id: int, *, most: int) -> tuple[ToolDecision, ...]:
        """Return a server's newest decisions, newest first."""
        return await self._database.read(lambda db: decisions_in(db, guild_id, most))


_FORGET: Final = """
    UPDATE approvals SET arguments = '', asker_id = 0, asker_name = '', reason = NULL,
           untold = NULL,
           state = CASE WHEN state IN ('asked', 'late', 'granted') THEN 'withdrawn'
                        ELSE state END
"""


def forget_approvals_of(db: sqlite3.Connection, member_id: int) -> None:
    """Forget what the calls that asked for a member were about; open ones are withdrawn."""
    db.execute(f"{_FORGET} WHERE asker_id = ?", (member_id,))


def forget_approvals(db: sqlite3.Connection, turn_id: int) -> None:
    """Forget what the calls of a turn that asked were about; open ones are withdrawn."""
    db.execute(f"{_FORGET} WHERE turn_id = ?", (turn_id,))
    db.execute("UPDATE tool_decisions SET reason = NULL WHERE turn_id = ?", (turn_id,))


def _late_call(approval: Approval) -> NewCall:
    """Return a call without its run as the ledger has it: its cause stands for the run."""
    names = NewCall.__struct_fields__
    values = {name: getattr(approval, name) for name in names}
    return NewCall(**{**values, "run_id": approval.cause})


def _state(db: sqlite3.Connection, approval_id: int) -> str | None:
    row = db.execute("SELECT state FROM approvals WHERE id = ?", (approval_id,)).fetchone()
    return None if row is None else row[0]


def _is_open(db: sqlite3.Connection, turn_id: int) -> bool:
    row = db.execute("SELECT ended_at IS NULL FROM turns WHERE id = ?", (turn_id,)).fetchone()
    return row is not None and bool(row[0])


def _moved(
    db: sqlite3.Connection,
    approval_id: int,
    target: ApprovalState,
    change: str = "",
    values: dict[str, Any] | None = None,
) -> Approval | None:
    """Move an approval from a state that allows that; None if its state does not."""
    row = db.execute(
        f"""
        UPDATE approvals SET state = :target{", " + change if change else ""}
        WHERE id = :id AND state IN (SELECT value FROM json_each(:sources)) RETURNING {_FIELDS}
        """,
        {
            "id": approval_id,
            "target": target,
            "sources": json.dumps(approval_sources(target)),
            **(values or {}),
        },
    ).fetchone()
    return None if row is None else _approval(row)


def _approvals(
    db: sqlite3.Connection, where: str, values: Sequence[object]
) -> tuple[Approval, ...]:
    statement = f"SELECT {_FIELDS} FROM approvals {where} ORDER BY id"
    return tuple(map(_approval, db.execute(statement, tuple(values))))


def _approval(row: tuple[Any, ...]) -> Approval:
    return Approval(**dict(zip(map(str.strip, _FIELDS.split(",")), row, strict=True)))
