"""The tables of bot.db for spending; a released migration never changes."""

import sqlite3
from secrets import token_hex
from typing import Final

from bot.store.ledger.budgets.caps import PAYER_FACT

_STATEMENTS: Final = (
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


def spending_tables(db: sqlite3.Connection) -> None:
    """Create the tables of charges and their sums, and keep the roles of those who ask."""
    for statement in _STATEMENTS:
        db.execute(statement)
    # The keys under which members' spending is summed depend on it.
    db.execute("INSERT INTO facts VALUES (?, ?)", (PAYER_FACT, token_hex(16)))
