"""What the ledger has of a member, for ``/privacy``.

The words of others are left out. So a decision about a call comes without the call's arguments,
which are those of the member who asked.
"""

import sqlite3
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from bot.store import queries
from bot.store.ledger import rows
from bot.store.ledger.records import Question
from bot.store.ledger.schedules import Schedule, schedules_in

Records = Mapping[str, tuple[Mapping[str, Any], ...]]
"""Records by kind; ids are text, times are in seconds since 1970 and end with ``_at``."""

_PLACE: Final = "CAST(guild_id AS TEXT) AS server_id, CAST(channel_id AS TEXT) AS channel_id"

_RECORDS: Final[dict[str, str]] = {
    "usage_by_day": """
        SELECT day, CAST(nullif(guild_id, 0) AS TEXT) AS server_id,
               CAST(channel_id AS TEXT) AS channel_id, model, sum(prompt_tokens) AS prompt_tokens,
               sum(cached_tokens) AS cached_tokens, sum(completion_tokens) AS completion_tokens,
               sum(tokens) AS tokens, sum(cost) / 1e9 AS cost
        FROM charges WHERE member_id = :member AND settled GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    """,
    "function_calls": f"""
        SELECT {_PLACE}, name, arguments, outcome, output, started_at, ended_at
        FROM tool_calls WHERE asker_id = :member ORDER BY id
    """,
    "calls_that_asked": f"""
        SELECT {_PLACE}, name, arguments, state, reason, asked_at
        FROM approvals WHERE asker_id = :member ORDER BY id
    """,
    "decisions_about_calls": f"""
        SELECT {_PLACE}, name, decision, reason, decided_at
        FROM tool_decisions WHERE decider_id = :member ORDER BY id
    """,
    "people_called": f"""
        SELECT {_PLACE}, member_id = :member AS called, handed_over_at,
               taken_by = :member AS took_over, taken_at, resumed_by = :member AS resumed,
               resumed_at
        FROM handovers WHERE :member IN (member_id, taken_by, resumed_by)
        ORDER BY handed_over_at
    """,
    "assistants_made": """
        SELECT id, CAST(guild_id AS TEXT) AS server_id, name, model, created_at
        FROM assistants WHERE creator_id = :member AND NOT deleting ORDER BY created_at
    """,
    "answers_cancelled": f"""
        SELECT id AS answer, {_PLACE}, created_at
        FROM turns WHERE canceller_id = :member ORDER BY id
    """,
    "settings_about_the_member": """
        SELECT CAST(guild_id AS TEXT) AS server_id, name, value
        FROM place_settings WHERE place_id = :member ORDER BY 1, 2
    """,
}


class MembersVote(Struct, frozen=True, kw_only=True):
    """A member's vote on the answer of a turn; ``voted_at`` is in seconds since 1970."""

    turn_id: int
    helpful: bool
    reason: str | None
    voted_at: float


class MembersTurn(Struct, frozen=True, kw_only=True):
    """A turn that answered a member, with the tokens of all its attempts as far as known."""

    id: int
    guild_id: int | None
    channel_id: int
    thread_id: str | None
    run_id: str | None
    state: str
    tokens: int | None


class StoredOfMember(Struct, frozen=True, kw_only=True):
    """What the ledger has of a member; ``rules`` counts the rules and limits about the member.

    ``records`` are all others, by kind.
    """

    questions: tuple[Question, ...] = ()
    turns: tuple[MembersTurn, ...] = ()
    votes: tuple[MembersVote, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    locale: str | None = None
    rules: int = 0
    records: Records = {}


def find_records(db: sqlite3.Connection, user_id: int) -> StoredOfMember:
    """Return what is stored of a member, oldest first; kinds without records have no entry."""
    turns = """
        SELECT t.id, t.guild_id, coalesce(l.place_id, t.channel_id) AS channel_id, t.thread_id,
               t.run_id, t.state, t.tokens
        FROM turns t JOIN links l ON l.channel_id = t.channel_id
        WHERE t.id IN (SELECT turn_id FROM questions WHERE author_id = ?) ORDER BY t.id
    """
    votes = """
        SELECT turn_id, helpful, reason, voted_at FROM votes WHERE member_id = ? ORDER BY voted_at
    """
    locale = "SELECT locale FROM locales WHERE owner = 'user' AND id = ?"
    (rules,) = db.execute(
        """
        SELECT (SELECT count(*) FROM access_rules WHERE target_id = :id)
             + (SELECT count(*) FROM place_settings WHERE place_id = :id)
        """,
        {"id": user_id},
    ).fetchone()
    by_kind = (
        (kind, tuple(queries.named(db, statement, {"member": user_id})))
        for kind, statement in _RECORDS.items()
    )
    return StoredOfMember(
        questions=rows.questions(db, "WHERE author_id = ?", (user_id,)),
        turns=rows.records(db, MembersTurn, turns, (user_id,)),
        votes=rows.records(db, MembersVote, votes, (user_id,)),
        schedules=schedules_in(db, "WHERE creator_id = ?", user_id),
        locale=queries.value(db, locale, (user_id,)),
        rules=rules,
        records={kind: found for kind, found in by_kind if found},
    )
