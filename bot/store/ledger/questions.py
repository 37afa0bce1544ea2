"""Questions in the ledger: taken once by their Discord id, waiting until a turn takes them up."""

import json
import sqlite3
from collections.abc import Callable, Iterable

from bot.store.ledger import rows
from bot.store.ledger.records import Link, NewQuestion, Question
from bot.store.ledger.session import LedgerSession


class QueueFullError(Exception):
    """So many questions wait in a channel that one more was not taken."""


class QuestionStore:
    """The questions' part of the ledger; each method is one transaction."""

    def __init__(self, database: LedgerSession, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    async def take(
        self, new: NewQuestion, home: Link | None = None, *, most: int | None = None
    ) -> bool:
        """Write a question down, with where it is answered if that is known.

        Returns False when its id was taken before. Raises ``QueueFullError`` where ``most`` wait
        there already: it is written down as withdrawn then, so that it is not taken later either.
        """
        now = self._now()

        def work(db: sqlite3.Connection) -> bool | None:
            cursor = db.execute(
                """
                INSERT INTO questions (id, channel_id, guild_id, author_id, author_name, content,
                                       attachments, received_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
                """,
                (
                    new.id,
                    new.channel_id,
                    new.guild_id,
                    new.author_id,
                    new.author_name,
                    new.content,
                    new.attachments,
                    now,
                ),
            )
            if cursor.rowcount == 0:
                return False
            if most is not None and _waiting_beside(db, new, home) >= most:
                db.execute("UPDATE questions SET withdrawn_at = ? WHERE id = ?", (now, new.id))
                return None
            if home is not None:
                settle(db, new.id, home, fallback=False, now=now)
            return True

        taken = await self._database.write(work)
        if taken is None:
            raise QueueFullError(f"{most} questions wait beside {new.id}")
        return taken

    async def amend(self, question_id: int, content: str) -> bool:
        """Take over an edit of a question that still waits; False when it is too late."""
        return await self._database.write(
            lambda db: (
                db.execute(
                    "UPDATE questions SET content = ? WHERE id = ? AND turn_id IS NULL",
                    (content, question_id),
                ).rowcount
                == 1
            )
        )

    async def withdraw(self, question_id: int) -> bool:
        """Take out a question that still waits, for good; False when it is too late."""
        now = self._now()
        return await self._database.write(
            lambda db: (
                db.execute(
                    """
                    UPDATE questions SET withdrawn_at = ?
                    WHERE id = ? AND turn_id IS NULL AND withdrawn_at IS NULL
                    """,
                    (now, question_id),
                ).rowcount
                == 1
            )
        )

    async def settle(self, question_id: int, home: Link, *, fallback: bool) -> None:
        """Say where a question is answered; a link that is there stays as it is."""
        now = self._now()

        await self._database.write(
            lambda db: settle(db, question_id, home, fallback=fallback, now=now)
        )

    async def unsettled(self) -> tuple[Question, ...]:
        """Return the questions of which it was not yet said where they are answered."""
        return await self._questions("WHERE home_id IS NULL AND withdrawn_at IS NULL")

    async def waiting(self, channel_id: int) -> tuple[Question, ...]:
        """Return what waits in a channel for its next turn, in order."""
        return await self._questions(
            "WHERE home_id = ? AND turn_id IS NULL AND withdrawn_at IS NULL", channel_id
        )

    async def of_turn(self, turn_id: int) -> tuple[Question, ...]:
        """Return a turn's questions in order."""
        return await self._questions("WHERE turn_id = ?", turn_id)

    async def _questions(self, where: str, *values: int) -> tuple[Question, ...]:
        statement = f"{rows.QUESTION} {where} ORDER BY id"
        return await self._database.read(
            lambda db: tuple(rows.question(row) for row in db.execute(statement, values))
        )

    async def known(self, ids: Iterable[int]) -> frozenset[int]:
        """Return those of these Discord messages that were taken as questions."""
        given = json.dumps(list(ids))
        statement = "SELECT id FROM questions WHERE id IN (SELECT value FROM json_each(?))"
        return await self._database.read(
            lambda db: frozenset(row[0] for row in db.execute(statement, (given,)))
        )

    async def were_asked_in(self, channel_id: int) -> bool:
        """Return whether somebody asked in this channel, wherever it was answered."""
        statement = "SELECT EXISTS (SELECT 1 FROM questions WHERE channel_id = ?)"
        return await self._database.read(
            lambda db: bool(db.execute(statement, (channel_id,)).fetchone()[0])
        )

    async def asker_count(self, channel_id: int) -> int:
        """Return how many people have asked in a channel."""

        def work(db: sqlite3.Connection) -> int:
            (count,) = db.execute(
                "SELECT count(DISTINCT author_id) FROM questions WHERE home_id = ?", (channel_id,)
            ).fetchone()
            return int(count)

        return await self._database.read(work)

    async def message_posted(self, question_id: int, thread_id: str, message_id: str) -> None:
        """Say as which message a question stands on which thread."""
        await self._database.write(
            lambda db: db.execute(
                "UPDATE questions SET thread_id = ?, message_id = ? WHERE id = ?",
                (thread_id, message_id, question_id),
            ).close()
        )


def _waiting_beside(db: sqlite3.Connection, new: NewQuestion, home: Link | None) -> int:
    waiting = "SELECT count(*) FROM questions WHERE turn_id IS NULL AND withdrawn_at IS NULL"
    if home is not None:
        row = db.execute(f"{waiting} AND home_id = ?", (home.channel_id,)).fetchone()
    else:
        beside = f"{waiting} AND home_id IS NULL AND channel_id = ? AND id <> ?"
        row = db.execute(beside, (new.channel_id, new.id)).fetchone()
    return int(row[0])


def settle(
    db: sqlite3.Connection, question_id: int, home: Link, *, fallback: bool, now: float
) -> None:
    """Say where a question is answered, once; a link that is there stays as it is."""
    db.execute(
        """
        INSERT INTO links (channel_id, guild_id, parent_id, listening, private, thread_id,
                           created_at)
        VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (channel_id) DO NOTHING
        """,
        (
            home.channel_id,
            home.guild_id,
            home.parent_id,
            home.listening,
            home.private,
            home.thread_id,
            now,
        ),
    )
    db.execute(
        "UPDATE questions SET home_id = ?, fallback = ? WHERE id = ? AND home_id IS NULL",
        (home.channel_id, fallback, question_id),
    )
