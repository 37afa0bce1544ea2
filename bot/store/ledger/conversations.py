"""Conversations of channels, and of members by commands: overview, fresh start, deletion."""

import json
import sqlite3
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from bot.store import queries
from bot.store.ledger import rows
from bot.store.ledger.privacy.forgetting import forget_questions
from bot.store.ledger.records import Personal
from bot.store.ledger.transactions import LedgerPart, reads, writes

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


class ConversationStore(LedgerPart):
    """The conversations of the ledger; each method is one transaction."""

    @reads
    def of_channel(self, db: sqlite3.Connection, channel_id: int) -> LedgerConversation | None:
        """Return a channel's conversation; None where it has none since its last fresh start."""
        return next(iter(_conversations(db, "l.channel_id = ?", channel_id)), None)

    @reads
    def of_member(
        self, db: sqlite3.Connection, owner_id: int, place_id: int
    ) -> tuple[LedgerConversation, ...]:
        """Return a member's conversations by commands in a channel, the public one first."""
        return _conversations(db, "owner_id = ? AND place_id = ?", owner_id, place_id)

    @writes
    def begin_anew(self, db: sqlite3.Connection, channel_ids: Iterable[int]) -> None:
        """Let the next turns of these conversations begin new threads.

        A turn under way stays on its thread.
        """
        _begin_anew(db, json.dumps(list(channel_ids)))

    @writes
    def delete(self, db: sqlite3.Connection, channel_ids: Iterable[int]) -> None:
        """Forget what was said in these conversations, and have their threads deleted.

        Ids, states and sums of tokens stay, so that nothing is answered again. Raises
        ``TurnsOpenError`` and deletes nothing if a question of any of them waits.
        """
        given = json.dumps(list(channel_ids))
        is_open = f"""
            SELECT EXISTS (SELECT 1 FROM turns WHERE channel_id IN {_IDS} AND ended_at IS NULL)
                OR EXISTS (SELECT 1 FROM questions WHERE home_id IN {_IDS}
                           AND turn_id IS NULL AND withdrawn_at IS NULL)
        """
        if queries.value(db, is_open, {"ids": given}):
            raise TurnsOpenError
        asked = f"SELECT id FROM questions WHERE home_id IN {_IDS}"
        forget_questions(db, queries.column(db, asked, {"ids": given}), self._now())
        _begin_anew(db, given)


def _conversations(
    db: sqlite3.Connection, where: str, *values: int
) -> tuple[LedgerConversation, ...]:
    """Return the conversations of links in which somebody asked since the last fresh start."""
    statement = f"""
        SELECT l.channel_id, l.owner_id, l.place_id, l.ephemeral, l.external, l.thread_id,
               count(*) AS turns, coalesce(sum(t.tokens), 0) AS tokens,
               min(t.created_at) AS begun_at,
               (SELECT q.author_id FROM turns first JOIN questions q ON q.turn_id = first.id
                WHERE first.channel_id = l.channel_id AND first.id > l.begins_after
                ORDER BY first.id, q.id LIMIT 1) AS starter_id
        FROM links l JOIN turns t ON t.channel_id = l.channel_id AND t.id > l.begins_after
        WHERE {where}
        GROUP BY l.channel_id ORDER BY l.ephemeral, l.external
    """
    return rows.records(db, LedgerConversation, statement, values)


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
