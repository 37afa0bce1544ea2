"""Sums of the settled charges by day, member, model and channel."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct

from bot.store import queries
from bot.store.ledger.budgets.caps import (
    PERIODS,
    Cap,
    Period,
    Reached,
    Used,
    find_reached,
    find_used,
)
from bot.store.ledger.transactions import LedgerPart, reads

UsageBy = Literal["day", "member", "model", "channel"]
"""By what usage is added up."""

_COLUMNS: Final[dict[UsageBy, str]] = {
    "day": "day",
    "member": "member_id",
    "model": "coalesce(model, '')",
    "channel": "channel_id",
}

_WHERE: Final = """
    WHERE settled AND day >= :first
      AND (:guild IS NULL OR guild_id = :guild) AND (:member IS NULL OR member_id = :member)
"""

_MOST_SPENDERS: Final = 100


class UsageLine(Struct, frozen=True):
    """The tokens and the cost, in billionths, of a day, member, model or channel."""

    key: str
    tokens: int
    cost: int


class UsageStore(LedgerPart):
    """Reads usage; each method reads one snapshot. ``first`` is the first day that counts."""

    @reads
    def lines(
        self,
        db: sqlite3.Connection,
        by: UsageBy,
        first: str,
        *,
        guild_id: int | None = None,
        member_id: int | None = None,
    ) -> tuple[UsageLine, ...]:
        """Return the usage of a server, a member or both: newest day, or highest use first."""
        order = "1 DESC" if by == "day" else "2 DESC, 1"
        statement = f"""
            SELECT {_COLUMNS[by]}, sum(tokens), sum(cost) FROM charges {_WHERE}
            GROUP BY 1 ORDER BY {order}
        """
        given = {"first": first, "guild": guild_id, "member": member_id}
        return tuple(
            UsageLine(str(key), tokens, cost) for key, tokens, cost in db.execute(statement, given)
        )

    @reads
    def spenders(
        self, db: sqlite3.Connection, guild_id: int, first: str
    ) -> tuple[tuple[int, frozenset[int]], ...]:
        """Return the members who used most in a server, with the roles they had when they asked."""
        statement = """
            SELECT c.member_id, (
                SELECT q.role_ids FROM questions q
                WHERE q.author_id = c.member_id AND q.guild_id = c.guild_id
                  AND q.role_ids <> '[]'
                ORDER BY q.id DESC LIMIT 1)
            FROM charges c WHERE c.guild_id = ? AND c.day >= ? AND c.member_id <> 0
            GROUP BY c.member_id ORDER BY sum(c.tokens) DESC LIMIT ?
        """
        return tuple(
            (member_id, frozenset(json.loads(role_ids or "[]")))
            for member_id, role_ids in db.execute(statement, (guild_id, first, _MOST_SPENDERS))
        )

    @reads
    def last_roles(self, db: sqlite3.Connection, guild_id: int, member_id: int) -> set[int]:
        """Return the roles that a member had when last asking in a server; empty if unknown."""
        statement = """
            SELECT role_ids FROM questions
            WHERE author_id = ? AND guild_id = ? AND role_ids <> '[]' ORDER BY id DESC LIMIT 1
        """
        return set(json.loads(queries.value(db, statement, (member_id, guild_id)) or "[]"))

    @reads
    def all_reached(
        self, db: sqlite3.Connection, caps: Sequence[Cap], *, tokens: int, cost: int
    ) -> tuple[Reached, ...]:
        """Return the caps without room for ``tokens`` and ``cost`` more.

        A cap's day and its month are returned separately. Caps that only runs under way fill are
        left out.
        """
        found = (
            find_reached(db, cap.only(period), tokens, cost) for cap in caps for period in PERIODS
        )
        return tuple(hit for hit in found if hit is not None and not hit.in_use)

    @reads
    def used(self, db: sqlite3.Connection, cap: Cap) -> dict[Period, Used]:
        """Return what the scope of a cap has used in its day and in its month."""
        return {period: find_used(db, cap, period) for period in PERIODS}

    @reads
    def table(
        self,
        db: sqlite3.Connection,
        first: str,
        *,
        guild_id: int | None = None,
        member_id: int | None = None,
    ) -> tuple[tuple[str, ...], ...]:
        """Return usage by day, channel, member and model; the first row names the columns."""
        names = "day channel member model prompt_tokens cached_tokens completion_tokens tokens cost"
        statement = f"""
            SELECT day, channel_id, member_id, coalesce(model, ''), sum(prompt_tokens),
                   sum(cached_tokens), sum(completion_tokens), sum(tokens), sum(cost) / 1e9
            FROM charges {_WHERE} GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
        """
        given = {"first": first, "guild": guild_id, "member": member_id}
        lines = (tuple(map(str, row)) for row in db.execute(statement, given))
        return (tuple(names.split()), *lines)
