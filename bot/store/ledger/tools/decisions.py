"""Every decision about a function call, by a rule or by a person: what ``/tools log`` shows."""

import sqlite3
from typing import Literal

from msgspec import Struct

from bot.store.ledger import rows
from bot.store.ledger.tools.tool_calls import NewCall

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


def note_decision(
    db: sqlite3.Connection,
    call: NewCall,
    name: str,
    decision: DecisionKind,
    now: float,
    *,
    decider_id: int | None = None,
    reason: str | None = None,
) -> None:
    """Store a decision about a call."""
    db.execute(
        """
        INSERT INTO tool_decisions (guild_id, channel_id, turn_id, name, decision, decider_id,
                                    reason, decided_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (call.guild_id, call.channel_id, call.turn_id, name, decision, decider_id, reason, now),
    )


def decisions_in(db: sqlite3.Connection, guild_id: int, most: int) -> tuple[ToolDecision, ...]:
    """Return a server's newest decisions, newest first."""
    statement = """
        SELECT guild_id, channel_id, turn_id, name, decision, decider_id, reason, decided_at
        FROM tool_decisions WHERE guild_id = ? ORDER BY id DESC LIMIT ?
    """
    return rows.records(db, ToolDecision, statement, (guild_id, most))
