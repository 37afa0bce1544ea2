"""The conversation of a channel: its facts, a fresh start, and its deletion."""

import sqlite3
from collections.abc import Callable

from msgspec import Struct

from bot.store.ledger.forgetting import forget_questions
from bot.store.ledger.session import LedgerSession


class ChannelConversation(Struct, frozen=True, kw_only=True):
    """The conversation of a channel since its beginning or its last fresh start.

    ``starter_id`` is the member who asked first. ``begun_at`` is in seconds since 1970.
    """

    thread_id: str | None
    turns: int
    tokens: int
    begun_at: float | None
    starter_id: int | None


class TurnsOpenError(Exception):
    """Questions of the channel wait for their answers."""


class ConversationStore:
    """The conversations of the ledger; each method is one transaction."""

    def __init__(self, database: LedgerSession, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    async def of_channel(self, channel_id: int) -> ChannelConversation | None:
        """Return a channel's conversation; None where the bot was never asked."""

        def work(db: sqlite3.Connection) -> ChannelConversation | None:
            link = db.execute(
                "SELECT thread_id, begins_after FROM links WHERE channel_id = ?", (channel_id,)
            ).fetchone()
            if link is None:
                return None
            since = (channel_id, link[1])
            turns, tokens, begun_at = db.execute(
                """
                SELECT count(*), coalesce(sum(tokens), 0), min(created_at) FROM turns
                WHERE channel_id = ? AND id > ?
                """,
                since,
            ).fetchone()
            first = db.execute(
                """
                SELECT q.author_id FROM turns t JOIN questions q ON q.turn_id = t.id
                WHERE t.channel_id = ? AND t.id > ? ORDER BY t.id, q.id LIMIT 1
                """,
                since,
            ).fetchone()
            return ChannelConversation(
                thread_id=link[0],
                turns=turns,
                tokens=tokens,
                begun_at=begun_at,
                starter_id=None if first is None else first[0],
            )

        return await self._database.read(work)

    async def begin_anew(self, channel_id: int) -> bool:
        """Let the next turn of a channel begin a new thread; False if the channel has no link.

        A turn under way stays on its thread.
        """
        return await self._database.write(lambda db: _begin_anew(db, channel_id))

    async def delete(self, channel_id: int) -> bool:
        """Forget what was said in a channel, and have its threads deleted.

        Ids, states and sums of tokens stay, so that nothing is answered again. Returns False if
        the channel has no link. Raises ``TurnsOpenError``.
        """
        now = self._now()

        def work(db: sqlite3.Connection) -> bool | None:
            given = {"channel": channel_id, "now": now}
            (is_open,) = db.execute(
                """
                SELECT EXISTS (SELECT 1 FROM turns WHERE channel_id = :channel AND ended_at IS NULL)
                    OR EXISTS (SELECT 1 FROM questions WHERE home_id = :channel
                               AND turn_id IS NULL AND withdrawn_at IS NULL)
                """,
                given,
            ).fetchone()
            if is_open:
                return None
            ids = db.execute("SELECT id FROM questions WHERE home_id = :channel", given).fetchall()
            forget_questions(db, (row[0] for row in ids), now)
            return _begin_anew(db, channel_id)

        deleted = await self._database.write(work)
        if deleted is None:
            raise TurnsOpenError
        return deleted


def _begin_anew(db: sqlite3.Connection, channel_id: int) -> bool:
    cursor = db.execute(
        """
        UPDATE links SET thread_id = NULL,
            begins_after = coalesce((SELECT max(id) FROM turns WHERE channel_id = ?1), 0)
        WHERE channel_id = ?1
        """,
        (channel_id,),
    )
    return cursor.rowcount == 1
