"""The locales that were chosen for servers, and the last known ones of members."""

import sqlite3
from functools import partial
from typing import Final, Literal

from bot.store.ledger.session import LedgerSession
from bot.store.ledger.settings.cached_table import CachedTable

_SET: Final = """
    INSERT INTO locales VALUES (?, ?, ?)
    ON CONFLICT (owner, id) DO UPDATE SET locale = excluded.locale
"""


class LocaleStore:
    """Locales as Discord spells them, such as ``ja`` and ``en-GB``; each method is one transaction.

    A server's locale is the one that its admins chose; a member's is the last that Discord told.
    Those of all servers are kept in memory too, because each turn asks for one.
    """

    def __init__(self, database: LedgerSession) -> None:
        self._database = database
        self._of_guilds = CachedTable(database, _read_guilds)

    async def of_guild(self, guild_id: int) -> str | None:
        """Return the locale chosen for a server; None if none was chosen."""
        return (await self._of_guilds.content()).get(guild_id)

    async def set_guild(self, guild_id: int, locale: str | None) -> None:
        """Choose a server's locale; None takes the choice back."""
        await self._of_guilds.write(partial(_put, "guild", guild_id, locale))

    def changed(self) -> None:
        """Read the servers' locales anew: a transaction may have changed them."""
        self._of_guilds.changed()

    async def of_user(self, user_id: int) -> str | None:
        """Return a member's last known locale; None if it was never told."""

        def work(db: sqlite3.Connection) -> str | None:
            statement = "SELECT locale FROM locales WHERE owner = 'user' AND id = ?"
            row = db.execute(statement, (user_id,)).fetchone()
            return None if row is None else str(row[0])

        return await self._database.read(work)

    async def set_user(self, user_id: int, locale: str | None) -> None:
        """Store a member's locale; None forgets it."""
        await self._database.write(partial(_put, "user", user_id, locale))

    async def of_direct_channel(self, channel_id: int) -> str | None:
        """Return the last known locale of whoever asked in a direct message channel."""

        def work(db: sqlite3.Connection) -> str | None:
            statement = """
                SELECT locale FROM locales WHERE owner = 'user' AND id IN
                (SELECT author_id FROM questions WHERE home_id = ?)
            """
            row = db.execute(statement, (channel_id,)).fetchone()
            return None if row is None else str(row[0])

        return await self._database.read(work)


def _put(
    owner: Literal["guild", "user"], owner_id: int, locale: str | None, db: sqlite3.Connection
) -> None:
    if locale is None:
        db.execute("DELETE FROM locales WHERE owner = ? AND id = ?", (owner, owner_id))
    else:
        db.execute(_SET, (owner, owner_id, locale))


def _read_guilds(db: sqlite3.Connection) -> dict[int, str]:
    return dict(db.execute("SELECT id, locale FROM locales WHERE owner = 'guild'").fetchall())
