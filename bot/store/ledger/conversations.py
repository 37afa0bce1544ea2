"""The conversation of a channel, or of a member by commands: facts, a fresh start, deletion."""

import json
import sqlite3
from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct

from bot.store.ledger import rows
from bot.store.ledger.forgetting import forget_questions
from bot.store.ledger.records import Personal
from bot.store.ledger.session import LedgerSession

_IDS: Final = "(SELECT value FROM json_each(:ids))"


class LedgerConversation(Struct, frozen=True, kw_only=True):
    """A conversation since its beginning or its last fresh start.

    ``channel_id`` is the id of its ``Link``; ``personal`` is None for a channel's conversation.
    ``starter_id`` is the member who asked first. ``begun_at`` is in seconds since 1970.
    """

    channel_id: int
    personal: Personal | None
    thread_id: str | None
    turns: int
    tokens: int
    begun_at: float
    starter_id: int | None


class TurnsOpenError(Exception):
    """Questions of the channel wait for their answers."""


class ConversationStore:
    """The conversations of the ledger; each method is one transaction."""

    def __init__(self, database: LedgerSession, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    async def of_channel(self, channel_id: int) -> LedgerConversation | None:
        """Return a channel's conversation; None where it has none since its last fresh start."""
        found = await self._database.read(lambda db: _begun(db, "channel_id = ?", channel_id))
        return found[0] if found else None

    async def of_member(self, owner_id: int, place_id: int) -> tuple[LedgerConversation, ...]:
        """Return a member's conversations by commands in a channel, the public one first."""
        where = "owner_id = ? AND place_id = ? ORDER BY ephemeral, external"
        return await self._database.read(lambda db: _begun(db, where, owner_id, place_id))

    async def begin_anew(self, channel_ids: Iterable[int]) -> None:
        """Let the next turns of these conversations begin new threads.

        A turn under way stays on its thread.
        """
        given = json.dumps(list(channel_ids))
        await self._database.write(lambda db: _begin_anew(db, given))

    async def delete(self, channel_ids: Iterable[int]) -> None:
        """Forget what was said in these conversations, and have their threads deleted.

        Ids, states and sums of tokens stay, so that nothing is answered again. Raises
        ``TurnsOpenError`` and deletes nothing if a question of any of them waits.
        """
        now, given = self._now(), json.dumps(list(channel_ids))

        def work(db: sqlite3.Connection) -> bool:
            (is_open,) = db.execute(
                f"""
                SELECT EXISTS (SELECT 1 FROM turns WHERE channel_id IN {_IDS} AND ended_at IS NULL)
                    OR EXISTS (SELECT 1 FROM questions WHERE home_id IN {_IDS}
                               AND turn_id IS NULL AND withdrawn_at IS NULL)
                """,
                {"ids": given},
            ).fetchone()
            if is_open:
                return False
            statement = f"SELECT id FROM questions WHERE home_id IN {_IDS}"
            ids = db.execute(statement, {"ids": given}).fetchall()
            forget_questions(db, (row[0] for row in ids), now)
            _begin_anew(db, given)
            return True

        if not await self._database.write(work):
            raise TurnsOpenError


def _begun(db: sqlite3.Connection, where: str, *values: int) -> tuple[LedgerConversation, ...]:
    """Return the conversations of links in which somebody asked since the last fresh start."""
    statement = f"""
        SELECT channel_id, thread_id, begins_after, owner_id, place_id, ephemeral, external
        FROM links WHERE {where}
    """
    found: list[LedgerConversation] = []
    for channel_id, thread_id, begins_after, *owner in db.execute(statement, values).fetchall():
        since = (channel_id, begins_after)
        turns, tokens, begun_at = db.execute(
            """
            SELECT count(*), coalesce(sum(tokens), 0), min(created_at) FROM turns
            WHERE channel_id = ? AND id > ?
            """,
            since,
        ).fetchone()
        if begun_at is None:
            continue
        first = db.execute(
            """
            SELECT q.author_id FROM turns t JOIN questions q ON q.turn_id = t.id
            WHERE t.channel_id = ? AND t.id > ? ORDER BY t.id, q.id LIMIT 1
            """,
            since,
        ).fetchone()
        found.append(
            LedgerConversation(
                channel_id=channel_id,
                personal=rows.personal(tuple(owner)),
                thread_id=thread_id,
                turns=turns,
                tokens=tokens,
                begun_at=begun_at,
                starter_id=None if first is None else first[0],
            )
        )
    return tuple(found)


def _begin_anew(db: sqlite3.Connection, channel_ids: str) -> None:
    db.execute(
        f"""
        UPDATE links SET thread_id = NULL,
            begins_after = coalesce(
                (SELECT max(id) FROM turns WHERE channel_id = links.channel_id), 0)
        WHERE channel_id IN {_IDS}
        """,
        {"ids": channel_ids},
    )
