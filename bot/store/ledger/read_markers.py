"""Up to which message each channel was seen, so that a bot that was away knows where to read on.

A mark only ever moves forward.
"""

import sqlite3
from collections.abc import Iterable

from bot.store.ledger.records import ReadMarker
from bot.store.ledger.session import LedgerSession

# A channel that is linked and has no mark yet is to be read from its beginning.
_MARKS = """
    SELECT s.channel_id, s.guild_id, s.message_id, l.channel_id IS NOT NULL, l.parent_id
    FROM seen s LEFT JOIN links l ON l.channel_id = s.channel_id
    WHERE s.guild_id IS :guild
    UNION ALL
    SELECT channel_id, guild_id, channel_id, 1, parent_id FROM links
    WHERE guild_id IS :guild AND channel_id NOT IN (SELECT channel_id FROM seen)
    ORDER BY 3 DESC
"""


class ReadMarkerStore:
    """The marks' part of the ledger; each method is one transaction."""

    def __init__(self, database: LedgerSession) -> None:
        self._database = database

    async def note(self, marks: Iterable[ReadMarker]) -> None:
        """Move marks forward; one that is further already stays."""
        rows = [(mark.channel_id, mark.guild_id, mark.message_id) for mark in marks]
        await self._database.write(
            lambda db: db.executemany(
                """
                INSERT INTO seen VALUES (?, ?, ?)
                ON CONFLICT (channel_id) DO UPDATE SET message_id = excluded.message_id
                WHERE excluded.message_id > message_id
                """,
                rows,
            ).close()
        )

    async def of_guild(self, guild_id: int | None) -> tuple[ReadMarker, ...]:
        """Return a guild's marks, or with None those of direct messages; newest first.

        What is linked has one from its link on.
        """

        def work(db: sqlite3.Connection) -> tuple[ReadMarker, ...]:
            return tuple(
                ReadMarker(
                    channel_id=row[0],
                    guild_id=row[1],
                    message_id=row[2],
                    linked=bool(row[3]),
                    parent_id=row[4],
                )
                for row in db.execute(_MARKS, {"guild": guild_id})
            )

        return await self._database.read(work)

    async def forget(self, channel_id: int) -> None:
        """Forget the mark of a channel that is gone."""
        await self._database.write(
            lambda db: db.execute("DELETE FROM seen WHERE channel_id = ?", (channel_id,)).close()
        )
