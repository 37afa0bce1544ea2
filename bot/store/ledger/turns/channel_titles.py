"""The titles that the model gives to channel threads: one for each, after its first turn.

The wish for a title is stored before the turn ends, so that a killed process omits none.
"""

import sqlite3
from typing import Final

from bot.store import queries
from bot.store.ledger import rows
from bot.store.ledger.records import ChannelTitle
from bot.store.ledger.transactions import LedgerPart, reads, writes

_UNFINISHED: Final = """
    SELECT channel_id, turn_id, thread_id, title FROM channel_titles WHERE NOT settled
"""


class ChannelTitleStore(LedgerPart):
    """The channel titles of the ledger; each method is one transaction."""

    @writes
    def want(self, db: sqlite3.Connection, channel_id: int, turn_id: int) -> None:
        """Note that a channel gets a title from this turn, unless an earlier turn gave it one."""
        db.execute(
            """
            INSERT INTO channel_titles (channel_id, turn_id) VALUES (?, ?)
            ON CONFLICT (channel_id) DO NOTHING
            """,
            (channel_id, turn_id),
        )

    @reads
    def unfinished(self, db: sqlite3.Connection) -> tuple[ChannelTitle, ...]:
        """Return the titles that are not settled, oldest first."""
        return rows.records(db, ChannelTitle, f"{_UNFINISHED} ORDER BY turn_id")

    @reads
    def of_channel(self, db: sqlite3.Connection, channel_id: int) -> ChannelTitle | None:
        """Return a channel's title that is not settled; None if there is none."""
        return rows.record(db, ChannelTitle, f"{_UNFINISHED} AND channel_id = ?", (channel_id,))

    @writes
    def set_thread(self, db: sqlite3.Connection, channel_id: int, thread_id: str) -> None:
        """Store the temporary thread on which the model writes the title."""
        db.execute(
            "UPDATE channel_titles SET thread_id = ? WHERE channel_id = ?", (thread_id, channel_id)
        )

    @writes
    def written(self, db: sqlite3.Connection, channel_id: int, title: str, tokens: int) -> None:
        """Store the model's title, and add its tokens to those of its turn, both once."""
        turn_id = queries.value(
            db,
            """
            UPDATE channel_titles SET title = ? WHERE channel_id = ? AND title IS NULL
            RETURNING turn_id
            """,
            (title, channel_id),
        )
        if turn_id is not None:
            db.execute(
                "UPDATE turns SET tokens = coalesce(tokens, 0) + ? WHERE id = ?", (tokens, turn_id)
            )

    @writes
    def settle(self, db: sqlite3.Connection, channel_id: int) -> None:
        """Note that the bot renames a channel no more."""
        db.execute("UPDATE channel_titles SET settled = 1 WHERE channel_id = ?", (channel_id,))
