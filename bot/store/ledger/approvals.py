"""Function calls that ask a person, and every decision about a call.

A call that asks waits in its run for a short time. A decision that comes later makes the call
without its run, and a question brings the result to the assistant.
"""

import json
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

from msgspec import Struct

from bot.store.ledger.records import Link, NewQuestion
from bot.store.ledger.session import LedgerSession
from bot.store.ledger.states import UNDECIDED, ApprovalState, approval_sources
from bot.store.ledger.tools.tool_calls import CallFile, NewCall
from bot.store.ledger.turns.questions import free_id, insert, route

DecisionKind = Literal[
    "allow",  # a rule, or that the function only reads
    "deny",  # a rule
    "ask",  # a person is asked
    "once",  # a person allowed this call
    "conversation",  # a person allowed the function for the conversation
    "allowed_before",  # it was allowed for the conversation
    "denied",  # a person denied this call
    "late",  # nobody decided in time; the run went on
]
"""What was decided about a call."""

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


class ToolDecision(Struct, frozen=True, kw_only=True):
    """A decision about a call; ``decider_id`` is None where a rule decided."""

    guild_id: int | None
    channel_id: int
    turn_id: int
    name: str
    decision: DecisionKind
    decider_id: int | None = None
    reason: str | None = None
    decided_at: float = 0.0


class ApprovalStore:
    """The approvals of the ledger; each method is one transaction."""

    def __init__(self, database: LedgerSession, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    async def note(self, call: NewCall, name: str, decision: DecisionKind) -> None:
        """Store a decision that no person made."""
        now = self._now()
        await self._database.write(lambda db: _note(db, call, name, decision, now))

    async def is_allowed_in(self, thread_id: str, name: str) -> bool:
        """Return whether somebody allowed a function for the rest of a conversation."""
        statement = "SELECT EXISTS (SELECT 1 FROM allowances WHERE thread_id = ? AND name = ?)"
        return await self._database.read(
            lambda db: bool(db.execute(statement, (thread_id, name)).fetchone()[0])
        )

    async def ask(self, new: NewApproval) -> Approval:
        """Store that a call asks; return what is stored, also from before a restart."""
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
                _note(db, new, new.name, "ask", now)
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
        answer: NewQuestion | None = None,
    ) -> Approval | None:
        """Store a person's decision; None if somebody or something else was first.

        ``run_waits`` tells that the run still waits for the decision, as far as this process knows.
        ``answer`` is the question that tells the assistant of a denial that comes after the run.
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
            _note(db, decided, decided.name, kind if allow else "denied", now, decided)
            if for_conversation:
                db.execute(
                    "INSERT INTO allowances VALUES (?, ?) ON CONFLICT DO NOTHING",
                    (decided.thread_id, decided.name),
                )
            if answer is not None and not allow and not in_time:
                _ask_back(db, answer, now)
            return decided

        return await self._database.write(work)

    async def give_up(self, approval_id: int) -> Approval | None:
        """Let a run go on without a decision, unless there is one; return what is stored then."""
        now = self._now()

        def work(db: sqlite3.Connection) -> Approval | None:
            late = _moved(db, approval_id, "late")
            if late is not None:
                _note(db, late, late.name, "late", now)
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

    async def started(self, approval_id: int) -> bool:
        """Store that a call without a run is made now; False if that was stored before."""
        return await self._database.write(lambda db: _moved(db, approval_id, "started") is not None)

    async def finished(
        self, approval: Approval, answer: NewQuestion, files: Sequence[CallFile] = ()
    ) -> bool:
        """Store that a call without a run was made, with the question that brings its result."""
        now = self._now()

        def work(db: sqlite3.Connection) -> bool:
            if _moved(db, approval.id, "finished") is None:
                return False
            db.executemany(
                "INSERT INTO call_files (turn_id, run_id, name, data) VALUES (?, ?, ?, ?)",
                [(approval.turn_id, approval.cause, file.name, file.data) for file in files],
            )
            return _ask_back(db, answer, now)

        return await self._database.write(work)

    async def decisions(self, guild_id: int, *, most: int) -> tuple[ToolDecision, ...]:
        """Return a server's newest decisions, newest first."""

        def work(db: sqlite3.Connection) -> tuple[ToolDecision, ...]:
            names = ToolDecision.__struct_fields__
            found = db.execute(
                f"""
                SELECT {", ".join(names)} FROM tool_decisions
                WHERE guild_id = ? ORDER BY id DESC LIMIT ?
                """,
                (guild_id, most),
            )
            return tuple(ToolDecision(**dict(zip(names, row, strict=True))) for row in found)

        return await self._database.read(work)


def forget_approvals(db: sqlite3.Connection, turn_id: int) -> None:
    """Forget what the calls of a turn that asked were about; open ones are withdrawn."""
    db.execute(
        """
        UPDATE approvals SET arguments = '', asker_id = 0, asker_name = '', reason = NULL,
               state = CASE WHEN state IN ('asked', 'late', 'granted') THEN 'withdrawn'
                            ELSE state END
        WHERE turn_id = ?
        """,
        (turn_id,),
    )
    db.execute("UPDATE tool_decisions SET reason = NULL WHERE turn_id = ?", (turn_id,))


def _ask_back(db: sqlite3.Connection, answer: NewQuestion, now: float) -> bool:
    """Store the question that brings a result to the assistant, in the order of its channel."""
    new = NewQuestion(
        id=free_id(db, now),
        channel_id=answer.channel_id,
        guild_id=answer.guild_id,
        author_id=answer.author_id,
        author_name=answer.author_name,
        content=answer.content,
        cause=answer.cause,
    )
    if not insert(db, new, now):
        return False
    home = Link(
        channel_id=new.channel_id,
        guild_id=new.guild_id,
        parent_id=new.channel_id,
        listening=new.guild_id is None,
    )
    route(db, new.id, home, fallback=False, now=now)
    return True


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


def _note(
    db: sqlite3.Connection,
    call: NewCall,
    name: str,
    decision: DecisionKind,
    now: float,
    decided: Approval | None = None,
) -> None:
    decider_id = None if decided is None else decided.decider_id
    reason = None if decided is None else decided.reason
    db.execute(
        """
        INSERT INTO tool_decisions (guild_id, channel_id, turn_id, name, decision, decider_id,
                                    reason, decided_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (call.guild_id, call.channel_id, call.turn_id, name, decision, decider_id, reason, now),
    )


def _approvals(
    db: sqlite3.Connection, where: str, values: Sequence[object]
) -> tuple[Approval, ...]:
    statement = f"SELECT {_FIELDS} FROM approvals {where} ORDER BY id"
    return tuple(map(_approval, db.execute(statement, tuple(values))))


def _approval(row: tuple[Any, ...]) -> Approval:
    return Approval(**dict(zip(map(str.strip, _FIELDS.split(",")), row, strict=True)))
