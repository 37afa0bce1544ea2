"""Read markers: the last message seen in each channel, from which catching up starts.

A marker only moves forward.
"""

import sqlite3
from collections.abc import Iterable
from typing import Final

from bot.store.ledger.records import ReadMarker
from bot.store.ledger.session import LedgerSession

# A linked channel without a marker is read from its beginning.
_MARKERS: Final = """
    SELECT s.channel_id, s.guild_id, s.message_id, l.channel_id IS NOT NULL, l.parent_id
    FROM seen s LEFT JOIN links l ON l.channel_id = s.channel_id
    WHERE s.guild_id IS :guild
    UNION ALL
    SELECT channel_id, guild_id, channel_id, 1, parent_id FROM links
    WHERE guild_id IS :guild AND owner_id IS NULL
      AND channel_id NOT IN (SELECT channel_id FROM seen)
    ORDER BY 3 DESC
"""


class ReadMarkerStore:
    """The read markers of the ledger; each method is one transaction."""

    def __init__(self, database: LedgerSession) -> None:
        self._database = database

    async def advance(self, markers: Iterable[ReadMarker]) -> None:
        """Move markers forward; a stored marker that is further stays."""
        rows = [(marker.channel_id, marker.guild_id, marker.message_id) for marker in markers]
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
        """Return a guild's markers, newest first; None stands for direct messages.

        A linked channel without a stored marker has one at its own id, its beginning.
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
                for row in db.execute(_MARKERS, {"guild": guild_id})
            )

        return await self._database.read(work)

    async def forget(self, channel_id: int) -> None:
        """Delete the marker of a deleted channel."""
        await self._database.write(
            lambda db: db.execute("DELETE FROM seen WHERE channel_id = ?", (channel_id,)).close()
        )
