"""The rules by which a server's managers allow and deny the bot, and notices of refusals."""

import sqlite3
from typing import Final, Literal

from msgspec import Struct

from bot.store.ledger.settings.cached_table import CachedTable
from bot.store.ledger.transactions import LedgerPart, LedgerSession, writes, writes_settings

RuleKind = Literal["member", "role", "channel"]
"""What a rule is about; a category counts as a channel."""

MOST_RULES: Final = 500
"""The most rules of one server."""


class TooManyRulesError(Exception):
    """A server has as many rules as it may have; the new one is not stored."""


class AccessRule(Struct, frozen=True, kw_only=True):
    """A server's rule about a member, a role or a channel."""

    target_id: int
    kind: RuleKind
    allowed: bool


class AccessRuleStore(LedgerPart):
    """The access rules of servers; each method is one transaction.

    The rules of all servers are kept in memory too, because each question asks for them.
    """

    def __init__(self, session: LedgerSession) -> None:
        super().__init__(session)
        self._table = CachedTable(session, _read)

    async def of_guild(self, guild_id: int) -> tuple[AccessRule, ...]:
        """Return a server's rules."""
        return (await self._table.content()).get(guild_id, ())

    @writes_settings
    def set(self, db: sqlite3.Connection, guild_id: int, *rules: AccessRule) -> None:
        """Store a server's rules in one transaction.

        A rule replaces an earlier one about the same member, role or channel. Raises
        ``TooManyRulesError``.
        """
        db.executemany(
            """
            INSERT INTO access_rules (guild_id, target_id, kind, allowed) VALUES (?, ?, ?, ?)
            ON CONFLICT (guild_id, target_id) DO UPDATE SET allowed = excluded.allowed
            """,
            [(guild_id, rule.target_id, rule.kind, rule.allowed) for rule in rules],
        )
        (count,) = db.execute(
            "SELECT count(*) FROM access_rules WHERE guild_id = ?", (guild_id,)
        ).fetchone()
        if count > MOST_RULES:
            raise TooManyRulesError(f"server {guild_id} has {MOST_RULES} rules")

    @writes_settings
    def remove(self, db: sqlite3.Connection, guild_id: int, target_id: int) -> bool:
        """Remove a server's rule about a member, role or channel; return whether there was one."""
        statement = "DELETE FROM access_rules WHERE guild_id = ? AND target_id = ?"
        return db.execute(statement, (guild_id, target_id)).rowcount == 1

    @writes
    def tell_refused(self, db: sqlite3.Connection, user_id: int, *, every: float) -> bool:
        """Note that a person is told of a refusal now, and return True.

        Returns False, and notes nothing, if the last time was less than ``every`` seconds ago.
        """
        # A clock that was set back must not silence the bot for good.
        cursor = db.execute(
            """
            INSERT INTO told_refusals (user_id, told_at) VALUES (:user, :now)
            ON CONFLICT (user_id) DO UPDATE SET told_at = excluded.told_at
            WHERE told_at <= :now - :every OR told_at > :now
            """,
            {"user": user_id, "now": self._now(), "every": every},
        )
        return cursor.rowcount == 1


def _read(db: sqlite3.Connection) -> dict[int, tuple[AccessRule, ...]]:
    known: dict[int, tuple[AccessRule, ...]] = {}
    statement = "SELECT guild_id, target_id, kind, allowed FROM access_rules ORDER BY target_id"
    for guild_id, target_id, kind, allowed in db.execute(statement):
        rule = AccessRule(target_id=target_id, kind=kind, allowed=bool(allowed))
        known[guild_id] = (*known.get(guild_id, ()), rule)
    return known
