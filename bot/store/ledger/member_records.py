"""What the ledger has of a member beside questions, votes and schedules, for that member alone.

What others said is left out: whoever decides about a call sees its arguments on Discord, but the
arguments are another member's.
"""

import sqlite3
from collections.abc import Mapping
from typing import Any, Final

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


def records_of(db: sqlite3.Connection, user_id: int) -> Records:
    """Return the records of a member by kind; kinds without any have no entry."""
    found: dict[str, tuple[Mapping[str, Any], ...]] = {}
    for kind, statement in _RECORDS.items():
        cursor = db.execute(statement, {"member": user_id})
        names = [column[0] for column in cursor.description]
        records = tuple(dict(zip(names, row, strict=True)) for row in cursor)
        if records:
            found[kind] = records
    return found
