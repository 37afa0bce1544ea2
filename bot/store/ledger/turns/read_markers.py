"""Read markers: the last message seen in each channel, from which catching up starts.

A marker only moves forward.
"""

import sqlite3
from collections.abc import Iterable
from typing import Final

from bot.store.ledger import rows
from bot.store.ledger.records import ReadMarker
from bot.store.ledger.transactions import LedgerPart, reads, writes

# A linked channel without a marker is read from its beginning.
_MARKERS: Final = """
    SELECT s.channel_id, s.guild_id, s.message_id, l.channel_id IS NOT NULL AS linked, l.parent_id
    FROM seen s LEFT JOIN links l ON l.channel_id = s.channel_id
    WHERE s.guild_id IS :guild
    UNION ALL
    SELECT channel_id, guild_id, channel_id, 1, parent_id FROM links
    WHERE guild_id IS :guild AND owner_id IS NULL
      AND channel_id NOT IN (SELECT channel_id FROM seen)
    ORDER BY 3 DESC
"""


class ReadMarkerStore(LedgerPart):
    """The read markers of the ledger; each method is one transaction."""

    @writes
    def advance(self, db: sqlite3.Connection, markers: Iterable[ReadMarker]) -> None:
        """Move markers forward; a stored marker that is further stays."""
        db.executemany(
            """
            INSERT INTO seen VALUES (?, ?, ?)
            ON CONFLICT (channel_id) DO UPDATE SET message_id = excluded.message_id
            WHERE excluded.message_id > message_id
            """,
            [(marker.channel_id, marker.guild_id, marker.message_id) for marker in markers],
        )

    @reads
    def of_guild(self, db: sqlite3.Connection, guild_id: int | None) -> tuple[ReadMarker, ...]:
        """Return a guild's markers, newest first; None stands for direct messages.

        A linked channel without a stored marker has one at its own id, its beginning.
        """
        return rows.records(db, ReadMarker, _MARKERS, {"guild": guild_id})

    @writes
    def forget(self, db: sqlite3.Connection, channel_id: int) -> None:
        """Delete the marker of a deleted channel."""
        db.execute("DELETE FROM seen WHERE channel_id = ?", (channel_id,))
