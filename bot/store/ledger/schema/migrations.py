"""The schema of bot.db, one migration for each version; a released migration never changes."""

import sqlite3
from collections.abc import Sequence
from secrets import token_hex
from typing import Final

from bot.store.database import Migration, script
from bot.store.ledger.budgets.caps import PAYER_FACT
from bot.store.ledger.schema.first_versions import FIRST_VERSIONS

_FUNCTION_CALLS: Final = script(
    # The function calls of runs. Some models use a call's id again: round counts such calls.
    """
    CREATE TABLE tool_calls (
        id INTEGER PRIMARY KEY,
        run_id TEXT NOT NULL,
        call_id TEXT NOT NULL,
        round INTEGER NOT NULL,
        turn_id INTEGER NOT NULL REFERENCES turns (id),
        channel_id INTEGER NOT NULL,
        guild_id INTEGER,
        asker_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        arguments TEXT NOT NULL,
        state TEXT NOT NULL,
        outcome TEXT,
        output TEXT,
        started_at REAL NOT NULL,
        ended_at REAL,
        UNIQUE (run_id, call_id, round)
    ) STRICT
    """,
    "CREATE INDEX tool_calls_of_turn ON tool_calls (turn_id)",
    "CREATE INDEX tool_calls_of_guild ON tool_calls (guild_id, started_at)",
    "CREATE INDEX tool_calls_of_asker ON tool_calls (asker_id, started_at)",
    # Files that calls returned, until the reply has them.
    """
    CREATE TABLE call_files (
        id INTEGER PRIMARY KEY,
        turn_id INTEGER NOT NULL REFERENCES turns (id),
        run_id TEXT NOT NULL,
        name TEXT NOT NULL,
        data BLOB NOT NULL
    ) STRICT
    """,
    "CREATE INDEX call_files_of_run ON call_files (run_id, id)",
    "CREATE INDEX call_files_of_turn ON call_files (turn_id)",
    # Small values that functions keep for a server, or for a direct message.
    """
    CREATE TABLE tool_values (
        place_id INTEGER NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (place_id, key)
    ) STRICT, WITHOUT ROWID
    """,
)
"""Version 14: function calls, their files, and the values that functions keep."""

_HANDOVERS: Final = script(
    """
    CREATE TABLE handovers (
        channel_id INTEGER PRIMARY KEY,
        guild_id INTEGER NOT NULL,
        member_id INTEGER NOT NULL,
        handed_over_at REAL NOT NULL,
        pinged_at REAL,
        taken_by INTEGER,
        taken_at REAL,
        resumed_by INTEGER,
        resumed_at REAL
    ) STRICT
    """,
)
"""Version 15: channel threads that people answer instead of the assistant."""

_SCHEDULES: Final = script(
    # Questions that are asked at times. ``rule`` is JSON that bot.chat defines; ``zone`` names the
    # time zone in which ``due_at`` was computed. ``due_at`` is NULL once nothing follows.
    """
    CREATE TABLE schedules (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        guild_id INTEGER,
        channel_id INTEGER NOT NULL,
        creator_id INTEGER NOT NULL,
        creator_name TEXT NOT NULL,
        content TEXT NOT NULL,
        rule TEXT NOT NULL,
        zone TEXT NOT NULL,
        due_at REAL,
        paused INTEGER NOT NULL DEFAULT 0,
        problem TEXT,
        created_at REAL NOT NULL
    ) STRICT
    """,
    "CREATE INDEX schedules_due ON schedules (due_at) WHERE due_at IS NOT NULL AND NOT paused",
    "CREATE INDEX schedules_of_guild ON schedules (guild_id, id)",
    "CREATE INDEX schedules_of_creator ON schedules (creator_id, id)",
    # The cause of a question that is no Discord message, such as a schedule and its due time: a
    # cause asks once.
    "ALTER TABLE questions ADD COLUMN cause TEXT",
    "CREATE UNIQUE INDEX questions_of_cause ON questions (cause) WHERE cause IS NOT NULL",
)
"""Version 16: schedules, and the causes of the questions that they ask."""

_SPENDING_TABLES: Final = script(
    # The roles that a question's author had, as JSON: limits depend on them.
    "ALTER TABLE questions ADD COLUMN role_ids TEXT NOT NULL DEFAULT '[]'",
    # What each attempt uses: an estimate until the attempt is settled, then the run's own usage.
    # The members who asked share it. Attempt 0 is the run that titles a channel thread. Costs are
    # in billionths of the currency; channel_id is the channel, not its channel thread. The payer is
    # a key made of the member's id, which is 0 once the member was forgotten.
    """
    CREATE TABLE charges (
        turn_id INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        payer INTEGER NOT NULL,
        member_id INTEGER NOT NULL,
        guild_id INTEGER NOT NULL,
        channel_id INTEGER NOT NULL,
        day TEXT NOT NULL,
        total_day TEXT NOT NULL,
        thread_id TEXT,
        run_id TEXT,
        settled INTEGER NOT NULL,
        model TEXT,
        prompt_tokens INTEGER NOT NULL,
        cached_tokens INTEGER NOT NULL,
        completion_tokens INTEGER NOT NULL,
        tokens INTEGER NOT NULL,
        cost INTEGER NOT NULL,
        PRIMARY KEY (turn_id, attempt, payer)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX charges_of_guild ON charges (guild_id, day)",
    "CREATE INDEX charges_of_member ON charges (member_id, day)",
    "CREATE INDEX charges_unsettled ON charges (turn_id) WHERE NOT settled",
    # The sums of the charges by day, so that a limit is checked without adding up a month of them.
    """
    CREATE TABLE spending (
        scope TEXT NOT NULL,
        guild_id INTEGER NOT NULL,
        target_id INTEGER NOT NULL,
        day TEXT NOT NULL,
        tokens INTEGER NOT NULL DEFAULT 0,
        cost INTEGER NOT NULL DEFAULT 0,
        reserved_tokens INTEGER NOT NULL DEFAULT 0,
        reserved_cost INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (scope, guild_id, target_id, day)
    ) STRICT, WITHOUT ROWID
    """,
)
"""Version 17, but for the secret that ``_spending`` stores."""


def _spending(db: sqlite3.Connection) -> None:
    """Version 17: charges and their sums, and the roles of members who ask."""
    _SPENDING_TABLES(db)
    # The keys under which members' spending is summed depend on the secret.
    db.execute("INSERT INTO facts VALUES (?, ?)", (PAYER_FACT, token_hex(16)))


_APPROVALS: Final = script(
    # Calls that need approval. A call's id may come again in a run: round counts such calls.
    """
    CREATE TABLE approvals (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run_id TEXT NOT NULL,
        call_id TEXT NOT NULL,
        round INTEGER NOT NULL,
        turn_id INTEGER NOT NULL REFERENCES turns (id),
        channel_id INTEGER NOT NULL,
        guild_id INTEGER,
        asker_id INTEGER NOT NULL,
        asker_name TEXT NOT NULL,
        thread_id TEXT NOT NULL,
        assistant_id TEXT NOT NULL,
        name TEXT NOT NULL,
        arguments TEXT NOT NULL,
        state TEXT NOT NULL,
        message_id INTEGER,
        decider_id INTEGER,
        decider_name TEXT,
        reason TEXT,
        asked_at REAL NOT NULL,
        UNIQUE (run_id, call_id, round)
    ) STRICT
    """,
    "CREATE INDEX approvals_of_turn ON approvals (turn_id)",
    """
    CREATE INDEX approvals_open ON approvals (id)
    WHERE state IN ('allowed', 'granted', 'started')
    """,
    # Functions that somebody allowed for the rest of a conversation, by its thread.
    """
    CREATE TABLE allowances (
        thread_id TEXT NOT NULL,
        name TEXT NOT NULL,
        PRIMARY KEY (thread_id, name)
    ) STRICT, WITHOUT ROWID
    """,
    # Every decision about a call, by a rule or by a person.
    """
    CREATE TABLE tool_decisions (
        id INTEGER PRIMARY KEY,
        guild_id INTEGER,
        channel_id INTEGER NOT NULL,
        turn_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        decision TEXT NOT NULL,
        decider_id INTEGER,
        reason TEXT,
        decided_at REAL NOT NULL
    ) STRICT
    """,
    "CREATE INDEX tool_decisions_of_guild ON tool_decisions (guild_id, id)",
    "CREATE INDEX tool_decisions_of_turn ON tool_decisions (turn_id)",
)
"""Version 18: calls that need approval, allowances, and the decisions about calls."""

_UNTOLD_DENIALS: Final = script(
    "ALTER TABLE approvals ADD COLUMN untold TEXT",
    "CREATE INDEX approvals_untold ON approvals (channel_id) WHERE untold IS NOT NULL",
)
"""Version 19: late denials of which the assistant learns with the next question."""

_REMINDERS: Final = script(
    "ALTER TABLE schedules ADD COLUMN once INTEGER NOT NULL DEFAULT 0",
)
"""Version 20: a reminder is a schedule that asks once."""

_ASKS: Final = script(
    # A conversation that one member leads by commands: who leads it, and in which channel.
    "ALTER TABLE links ADD COLUMN owner_id INTEGER",
    "ALTER TABLE links ADD COLUMN place_id INTEGER",
    "ALTER TABLE links ADD COLUMN ephemeral INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE links ADD COLUMN external INTEGER NOT NULL DEFAULT 0",
    # The owner of a forgotten member's conversations becomes 0.
    """
    CREATE UNIQUE INDEX links_of_owner ON links (owner_id, place_id, ephemeral, external)
    WHERE owner_id <> 0
    """,
    # The interaction that a reply answers. The token leaves when its 15 minutes are over.
    """
    CREATE TABLE asks (
        question_id INTEGER PRIMARY KEY REFERENCES questions (id),
        interaction_id INTEGER NOT NULL,
        token TEXT NOT NULL,
        expires_at REAL NOT NULL,
        assistant_id TEXT
    ) STRICT
    """,
    "CREATE INDEX ask_tokens ON asks (expires_at) WHERE token <> ''",
    # The message about which a member asks by a form that is open.
    """
    CREATE TABLE ask_drafts (
        id INTEGER PRIMARY KEY,
        member_id INTEGER NOT NULL,
        content TEXT NOT NULL,
        attachments TEXT NOT NULL,
        quoted_id INTEGER NOT NULL,
        quoted_author_id INTEGER NOT NULL,
        created_at REAL NOT NULL
    ) STRICT
    """,
)
"""Version 21: questions by command, and the conversations that members lead by commands."""

_FUNCTIONS_OF_DRAFTS: Final = script(
    "ALTER TABLE assistant_drafts ADD COLUMN functions TEXT",
)
"""Version 22: the functions that a form gives to an assistant."""

MIGRATIONS: Final[Sequence[Migration]] = (
    *FIRST_VERSIONS,
    _FUNCTION_CALLS,
    _HANDOVERS,
    _SCHEDULES,
    _spending,
    _APPROVALS,
    _UNTOLD_DENIALS,
    _REMINDERS,
    _ASKS,
    _FUNCTIONS_OF_DRAFTS,
)
