"""The titles that the model gives to channel threads, each once, after the first exchange.

A title is wanted before its turn ends, so that a killed process leaves none out.
"""

import sqlite3
from typing import Final

from bot.store.ledger.records import ChannelTitle
from bot.store.ledger.session import LedgerSession

_TITLE: Final = "SELECT channel_id, turn_id, thread_id, title FROM channel_titles"


class ChannelTitleStore:
    """The channel titles of the ledger; each method is one transaction."""

    def __init__(self, database: LedgerSession) -> None:
        self._database = database

    async def want(self, channel_id: int, turn_id: int) -> None:
        """Note that a channel gets a title from this turn, unless one was wanted before."""
        await self._database.write(
            lambda db: db.execute(
                """
                INSERT INTO channel_titles (channel_id, turn_id) VALUES (?, ?)
                ON CONFLICT (channel_id) DO NOTHING
                """,
                (channel_id, turn_id),
            ).close()
        )

    async def unfinished(self) -> tuple[ChannelTitle, ...]:
        """Return the titles that are not settled, oldest first."""
        statement = f"{_TITLE} WHERE NOT settled ORDER BY turn_id"
        return await self._database.read(
            lambda db: tuple(_record(row) for row in db.execute(statement))
        )

    async def of_channel(self, channel_id: int) -> ChannelTitle | None:
        """Return a channel's title that is not settled; None if there is none."""
        statement = f"{_TITLE} WHERE channel_id = ? AND NOT settled"
        return await self._database.read(
            lambda db: next((_record(row) for row in db.execute(statement, (channel_id,))), None)
        )

    async def set_thread(self, channel_id: int, thread_id: str) -> None:
        """Store the temporary thread on which the model writes the title."""
        await self._database.write(
            lambda db: db.execute(
                "UPDATE channel_titles SET thread_id = ? WHERE channel_id = ?",
                (thread_id, channel_id),
            ).close()
        )

    async def written(self, channel_id: int, title: str, tokens: int) -> None:
        """Store the model's title, and add its tokens to those of its turn, both once."""

        def work(db: sqlite3.Connection) -> None:
            row = db.execute(
                """
                UPDATE channel_titles SET title = ? WHERE channel_id = ? AND title IS NULL
                RETURNING turn_id
                """,
                (title, channel_id),
            ).fetchone()
            if row is not None:
                db.execute(
                    "UPDATE turns SET tokens = coalesce(tokens, 0) + ? WHERE id = ?",
                    (tokens, row[0]),
                )

        await self._database.write(work)

    async def settle(self, channel_id: int) -> None:
        """Note that a channel has its last name from the bot."""
        await self._database.write(
            lambda db: db.execute(
                "UPDATE channel_titles SET settled = 1 WHERE channel_id = ?", (channel_id,)
            ).close()
        )


def _record(row: tuple[int, int, str | None, str | None]) -> ChannelTitle:
    return ChannelTitle(channel_id=row[0], turn_id=row[1], thread_id=row[2], title=row[3])
