"""The locales that admins chose for servers, and the last known locales of members."""

import sqlite3
from typing import Final, Literal

from bot.store import queries
from bot.store.ledger.settings.cached_table import CachedTable
from bot.store.ledger.transactions import LedgerPart, LedgerSession, reads, writes, writes_settings

_OF_USERS: Final = "SELECT locale FROM locales WHERE owner = 'user'"


class LocaleStore(LedgerPart):
    """Locales as Discord spells them, such as ``ja`` and ``en-GB``; each method is one transaction.

    A server's locale is the choice of its admins; a member's locale is the last that Discord sent.
    The locales of all servers are kept in memory too, because each turn asks for one.
    """

    def __init__(self, session: LedgerSession) -> None:
        super().__init__(session)
        self._of_guilds = CachedTable(session, _read_guilds)

    async def of_guild(self, guild_id: int) -> str | None:
        """Return the locale chosen for a server; None if none was chosen."""
        return (await self._of_guilds.content()).get(guild_id)

    @writes_settings
    def set_guild(self, db: sqlite3.Connection, guild_id: int, locale: str | None) -> None:
        """Choose a server's locale; None takes the choice back."""
        _put(db, "guild", guild_id, locale)

    @reads
    def of_user(self, db: sqlite3.Connection, user_id: int) -> str | None:
        """Return a member's last known locale; None if Discord never sent it."""
        return queries.value(db, f"{_OF_USERS} AND id = ?", (user_id,))

    @writes
    def set_user(self, db: sqlite3.Connection, user_id: int, locale: str | None) -> None:
        """Store a member's locale; None forgets it."""
        _put(db, "user", user_id, locale)

    @reads
    def of_direct_channel(self, db: sqlite3.Connection, channel_id: int) -> str | None:
        """Return the last known locale of whoever asked in a direct message channel."""
        statement = f"{_OF_USERS} AND id IN (SELECT author_id FROM questions WHERE home_id = ?)"
        return queries.value(db, statement, (channel_id,))


def _put(
    db: sqlite3.Connection, owner: Literal["guild", "user"], owner_id: int, locale: str | None
) -> None:
    if locale is None:
        db.execute("DELETE FROM locales WHERE owner = ? AND id = ?", (owner, owner_id))
    else:
        db.execute(
            """
            INSERT INTO locales VALUES (?, ?, ?)
            ON CONFLICT (owner, id) DO UPDATE SET locale = excluded.locale
            """,
            (owner, owner_id, locale),
        )


def _read_guilds(db: sqlite3.Connection) -> dict[int, str]:
    return dict(db.execute("SELECT id, locale FROM locales WHERE owner = 'guild'"))
