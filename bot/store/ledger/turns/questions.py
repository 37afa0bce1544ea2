"""Questions in the ledger: stored once by Discord id, waiting until a turn answers them."""

import json
import sqlite3
from collections.abc import Callable, Iterable

from bot.store.ledger import rows
from bot.store.ledger.chores import OUTDATED, add_chore, offer_again
from bot.store.ledger.records import AskResponse, Link, NewQuestion, Question
from bot.store.ledger.session import LedgerSession
from bot.store.ledger.turns.moves import store_response
from bot.store.ledger.turns.question_rows import insert_with_quotes, route, waiting_beside


class QueueFullError(Exception):
    """Too many questions wait in the channel; the new one will not be answered."""


class QuestionStore:
    """The questions of the ledger; each method is one transaction."""

    def __init__(self, database: LedgerSession, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    async def take(
        self, new: NewQuestion, home: Link | None = None, *, most: int | None = None
    ) -> bool:
        """Store a question; ``home`` is the channel in which it is answered, if known.

        Returns False if the id is stored already. Raises ``QueueFullError`` if ``most`` questions
        wait there; the question is then stored as withdrawn, so that it is never answered later.
        """
        now = self._now()

        def work(db: sqlite3.Connection) -> bool | None:
            if not insert_with_quotes(db, new, now):
                return False
            if most is not None and waiting_beside(db, new, home) >= most:
                db.execute("UPDATE questions SET withdrawn_at = ? WHERE id = ?", (now, new.id))
                return None
            if home is not None:
                route(db, new.id, home, fallback=False, now=now)
            return True

        stored = await self._database.write(work)
        if stored is None:
            raise QueueFullError(f"{most} questions wait beside {new.id}")
        return stored

    async def take_continuation(
        self, new: NewQuestion, turn_id: int, attempt: int, response: AskResponse | None = None
    ) -> bool:
        """Store the question by which a member has an answer continued that was cut off.

        ``response`` is the interaction that the reply answers, after a question by command.

        Returns False if that was done before, or if the turn is not the channel's newest any more.
        """
        now = self._now()

        def work(db: sqlite3.Connection) -> bool:
            cursor = db.execute(
                """
                INSERT INTO questions (id, channel_id, guild_id, author_id, author_name, content,
                                       attachments, received_at, home_id, continues, role_ids)
                SELECT :id, :channel, :guild, :author, :name, :content, '[]', :now, t.channel_id,
                       :continues, :roles
                FROM turns t
                WHERE t.id = :turn AND t.attempt = :attempt AND t.error = 'incomplete'
                  AND NOT EXISTS (SELECT 1 FROM turns n
                                  WHERE n.channel_id = t.channel_id AND n.id > t.id)
                ON CONFLICT DO NOTHING
                """,
                {
                    "id": new.id,
                    "channel": new.channel_id,
                    "guild": new.guild_id,
                    "author": new.author_id,
                    "name": new.author_name,
                    "content": new.content,
                    "now": now,
                    "continues": f"{turn_id}.{attempt}",
                    "roles": new.role_ids,
                    "turn": turn_id,
                    "attempt": attempt,
                },
            )
            if cursor.rowcount == 1 and response is not None:
                store_response(db, new.id, response)
            return cursor.rowcount == 1

        return await self._database.write(work)

    async def question(self, question_id: int) -> Question | None:
        """Return a question that was not withdrawn."""
        found = await self._questions("WHERE id = ? AND withdrawn_at IS NULL", question_id)
        return found[0] if found else None

    async def amend(self, edited: NewQuestion) -> int | None:
        """Store the newest wording of a question.

        After an answer to the channel's newest turn, "Answer again" is to be offered: then the
        channel is returned whose chores are to be done.
        """

        def work(db: sqlite3.Connection) -> int | None:
            row = db.execute(
                """
                UPDATE questions SET content = ?, attachments = ?, revision = revision + 1
                WHERE id = ? AND withdrawn_at IS NULL RETURNING turn_id
                """,
                (edited.content, edited.attachments, edited.id),
            ).fetchone()
            if row is None or row[0] is None:
                return None
            return offer_again(db, row[0])

        return await self._database.write(work)

    async def withdraw(self, question_id: int) -> bool:
        """Withdraw a question for good if it still waits; return whether it did."""
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

    async def route(self, question_id: int, home: Link, *, fallback: bool) -> None:
        """Set the channel in which a question is answered; an existing link stays unchanged."""
        now = self._now()

        await self._database.write(
            lambda db: route(db, question_id, home, fallback=fallback, now=now)
        )

    async def unrouted(self) -> tuple[Question, ...]:
        """Return the questions whose answering channel is not set yet."""
        return await self._questions("WHERE home_id IS NULL AND withdrawn_at IS NULL")

    async def waiting(self, channel_id: int) -> tuple[Question, ...]:
        """Return the questions that wait for a channel's next turn, oldest first."""
        return await self._questions(
            "WHERE home_id = ? AND turn_id IS NULL AND withdrawn_at IS NULL", channel_id
        )

    async def of_turn(self, turn_id: int) -> tuple[Question, ...]:
        """Return a turn's questions that were not withdrawn, oldest first."""
        return await self._questions("WHERE turn_id = ? AND withdrawn_at IS NULL", turn_id)

    async def replace_outdated(self, turn_id: int) -> None:
        """Have a turn's questions posted again from the first one on that was edited since."""

        def work(db: sqlite3.Connection) -> None:
            outdated = f"""
                turn_id = :turn AND message_id IS NOT NULL
                AND id >= (SELECT min(id) FROM questions WHERE turn_id = :turn AND {OUTDATED})
            """
            replaced = db.execute(
                f"SELECT home_id, thread_id, message_id FROM questions WHERE {outdated}",
                {"turn": turn_id},
            ).fetchall()
            for home_id, thread_id, message_id in replaced:
                add_chore(db, home_id, "message", thread_id, message_id)
            db.execute(
                f"UPDATE questions SET message_id = NULL WHERE {outdated}", {"turn": turn_id}
            )

        await self._database.write(work)

    async def _questions(self, where: str, *values: int) -> tuple[Question, ...]:
        statement = f"{rows.QUESTION} {where} ORDER BY id"
        return await self._database.read(
            lambda db: tuple(rows.question(row) for row in db.execute(statement, values))
        )

    async def known(self, ids: Iterable[int]) -> frozenset[int]:
        """Return which of these Discord message ids are stored as questions."""
        given = json.dumps(list(ids))
        statement = "SELECT id FROM questions WHERE id IN (SELECT value FROM json_each(?))"
        return await self._database.read(
            lambda db: frozenset(row[0] for row in db.execute(statement, (given,)))
        )

    async def shown_in(self, channel_id: int, ids: Iterable[int]) -> frozenset[int]:
        """Return which Discord messages are questions, or are quoted by questions of a channel."""
        given = json.dumps(list(ids))
        statement = """
            SELECT id FROM questions WHERE id IN (SELECT value FROM json_each(:ids))
            UNION SELECT c.message_id FROM quotes c JOIN questions q ON q.id = c.question_id
            WHERE c.message_id IN (SELECT value FROM json_each(:ids)) AND q.home_id = :channel
        """
        return await self._database.read(
            lambda db: frozenset(
                row[0] for row in db.execute(statement, {"ids": given, "channel": channel_id})
            )
        )

    async def were_asked_in(self, channel_id: int) -> bool:
        """Return whether a question was asked in this channel, wherever it was answered."""
        statement = "SELECT EXISTS (SELECT 1 FROM questions WHERE channel_id = ?)"
        return await self._database.read(
            lambda db: bool(db.execute(statement, (channel_id,)).fetchone()[0])
        )

    async def set_reading(self, question_id: int, unread: str, *, documents: bool) -> None:
        """Store what could not be read of a question, and whether it has texts to be searched."""
        await self._database.write(
            lambda db: db.execute(
                "UPDATE questions SET unread = ?, documents = ? WHERE id = ?",
                (unread, documents, question_id),
            ).close()
        )

    async def is_first(self, question: Question, thread_id: str) -> bool:
        """Return whether no other question of the channel was posted to a thread."""
        statement = """
            SELECT NOT EXISTS (
                SELECT 1 FROM questions WHERE home_id = ? AND thread_id = ? AND id <> ?)
        """
        given = (question.home_id, thread_id, question.id)
        return await self._database.read(
            lambda db: bool(db.execute(statement, given).fetchone()[0])
        )

    async def have_documents(self, channel_id: int) -> bool:
        """Return whether questions that this channel answered have texts to be searched."""
        statement = "SELECT EXISTS (SELECT 1 FROM questions WHERE home_id = ? AND documents)"
        return await self._database.read(
            lambda db: bool(db.execute(statement, (channel_id,)).fetchone()[0])
        )

    async def with_files(
        self, home_id: int, names: Iterable[str]
    ) -> tuple[tuple[str, int, int], ...]:
        """Return the questions of a channel with files of these names, newest first.

        Each is a file's name with the channel id and the id of its question.
        """
        wanted = json.dumps(list(names))
        statement = """
            SELECT json_extract(file.value, '$.name'), q.channel_id, q.id
            FROM questions q JOIN json_each(q.attachments) file
            WHERE q.home_id = ? AND q.attachments <> '[]'
              AND json_extract(file.value, '$.name') IN (SELECT value FROM json_each(?))
            ORDER BY q.id DESC
        """
        return await self._database.read(
            lambda db: tuple(
                (name, channel_id, question_id)
                for name, channel_id, question_id in db.execute(statement, (home_id, wanted))
            )
        )

    async def asker_count(self, channel_id: int) -> int:
        """Return the number of different members whose questions this channel answered."""

        def work(db: sqlite3.Connection) -> int:
            (count,) = db.execute(
                """
                SELECT count(DISTINCT author_id) FROM questions
                WHERE home_id = ? AND author_id <> 0
                """,
                (channel_id,),
            ).fetchone()
            return int(count)

        return await self._database.read(work)

    async def message_posted(self, question: Question, thread_id: str, message_id: str) -> None:
        """Store the thread and the message as which this wording of a question was posted.

        The message of a question that was withdrawn meanwhile has to leave the thread again.
        """

        def work(db: sqlite3.Connection) -> None:
            (withdrawn,) = db.execute(
                """
                UPDATE questions SET thread_id = ?, message_id = ?, posted_revision = ?
                WHERE id = ? RETURNING withdrawn_at
                """,
                (thread_id, message_id, question.revision, question.id),
            ).fetchone()
            if withdrawn is not None and question.home_id is not None:
                add_chore(db, question.home_id, "message", thread_id, message_id)

        await self._database.write(work)

    async def mark(self, question_id: int) -> bool:
        """Note that a question may get the reaction of waiting; False if it waits no longer."""
        return await self._database.write(
            lambda db: (
                db.execute(
                    """
                    UPDATE questions SET marked = 1
                    WHERE id = ? AND turn_id IS NULL AND withdrawn_at IS NULL
                      AND id NOT IN (SELECT question_id FROM asks)
                    """,
                    (question_id,),
                ).rowcount
                == 1
            )
        )
