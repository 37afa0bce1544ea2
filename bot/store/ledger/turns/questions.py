"""Questions in the ledger: stored once by Discord id, waiting until a turn answers them."""

import json
import sqlite3
from collections.abc import Iterable

from msgspec.structs import asdict

from bot.store import queries
from bot.store.ledger import rows
from bot.store.ledger.chores import OUTDATED, add_chore, offer_again
from bot.store.ledger.records import AskResponse, Link, NewQuestion, Question
from bot.store.ledger.transactions import LedgerPart, reads, writes
from bot.store.ledger.turns.question_rows import count_waiting, insert_with_quotes, route
from bot.store.ledger.turns.turn_rows import store_response


class QueueFullError(Exception):
    """Too many questions wait in the channel; the new one will not be answered."""


class QuestionStore(LedgerPart):
    """The questions of the ledger; each method is one transaction."""

    async def take(
        self, new: NewQuestion, home: Link | None = None, *, most: int | None = None
    ) -> bool:
        """Store a question; ``home`` is the channel in which it is answered, if known.

        Returns False if the id is stored already. Raises ``QueueFullError`` if ``most`` questions
        wait there; the question is then stored as withdrawn, so that it is never answered later.
        """
        stored = await self._take(new, home, most)
        if stored is None:
            raise QueueFullError(f"{most} questions wait beside {new.id}")
        return stored

    @writes
    def _take(
        self, db: sqlite3.Connection, new: NewQuestion, home: Link | None, most: int | None
    ) -> bool | None:
        now = self._now()
        if not insert_with_quotes(db, new, now):
            return False
        if most is not None and count_waiting(db, new, home) >= most:
            db.execute("UPDATE questions SET withdrawn_at = ? WHERE id = ?", (now, new.id))
            return None
        if home is not None:
            route(db, new.id, home, fallback=False, now=now)
        return True

    @writes
    def take_continuation(
        self,
        db: sqlite3.Connection,
        new: NewQuestion,
        turn_id: int,
        attempt: int,
        response: AskResponse | None = None,
    ) -> bool:
        """Store the question by which a member continues an answer that was cut off.

        ``response`` is the interaction that the reply answers, after a question by command.

        Returns False if that was done before, or if the turn is not the channel's newest any more.
        """
        cursor = db.execute(
            """
            INSERT INTO questions (id, channel_id, guild_id, author_id, author_name, content,
                                   attachments, received_at, home_id, continues, role_ids)
            SELECT :id, :channel_id, :guild_id, :author_id, :author_name, :content, '[]', :now,
                   t.channel_id, :continues, :role_ids
            FROM turns t
            WHERE t.id = :turn_id AND t.attempt = :attempt AND t.error = 'incomplete'
              AND NOT EXISTS (SELECT 1 FROM turns n
                              WHERE n.channel_id = t.channel_id AND n.id > t.id)
            ON CONFLICT DO NOTHING
            """,
            {
                **asdict(new),
                "now": self._now(),
                "continues": f"{turn_id}.{attempt}",
                "turn_id": turn_id,
                "attempt": attempt,
            },
        )
        if cursor.rowcount == 1 and response is not None:
            store_response(db, new.id, response)
        return cursor.rowcount == 1

    @reads
    def question(self, db: sqlite3.Connection, question_id: int) -> Question | None:
        """Return a question that was not withdrawn."""
        found = rows.questions(db, "WHERE id = ? AND withdrawn_at IS NULL", (question_id,))
        return next(iter(found), None)

    @writes
    def amend(self, db: sqlite3.Connection, edited: NewQuestion) -> int | None:
        """Store the newest wording of a question.

        If the channel's newest turn has answered the question, a chore offers "Answer again".
        Returns the channel of the chore; None without one.
        """
        turn_id = queries.value(
            db,
            """
            UPDATE questions SET content = ?, attachments = ?, revision = revision + 1
            WHERE id = ? AND withdrawn_at IS NULL RETURNING turn_id
            """,
            (edited.content, edited.attachments, edited.id),
        )
        return None if turn_id is None else offer_again(db, turn_id)

    @writes
    def withdraw(self, db: sqlite3.Connection, question_id: int) -> bool:
        """Withdraw a question for good if it still waits; return whether it did."""
        statement = """
            UPDATE questions SET withdrawn_at = ?
            WHERE id = ? AND turn_id IS NULL AND withdrawn_at IS NULL
        """
        return db.execute(statement, (self._now(), question_id)).rowcount == 1

    @writes
    def route(
        self, db: sqlite3.Connection, question_id: int, home: Link, *, fallback: bool
    ) -> None:
        """Set the channel in which a question is answered; an existing link stays unchanged."""
        route(db, question_id, home, fallback=fallback, now=self._now())

    @reads
    def unrouted(self, db: sqlite3.Connection) -> tuple[Question, ...]:
        """Return the questions whose answering channel is not set yet."""
        return rows.questions(db, "WHERE home_id IS NULL AND withdrawn_at IS NULL")

    @reads
    def waiting(self, db: sqlite3.Connection, channel_id: int) -> tuple[Question, ...]:
        """Return the questions that wait for a channel's next turn, oldest first."""
        where = "WHERE home_id = ? AND turn_id IS NULL AND withdrawn_at IS NULL"
        return rows.questions(db, where, (channel_id,))

    @reads
    def of_turn(self, db: sqlite3.Connection, turn_id: int) -> tuple[Question, ...]:
        """Return a turn's questions that were not withdrawn, oldest first."""
        return rows.questions(db, "WHERE turn_id = ? AND withdrawn_at IS NULL", (turn_id,))

    @writes
    def replace_outdated(self, db: sqlite3.Connection, turn_id: int) -> None:
        """Let a turn post its first edited question again, and all questions after that one."""
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
        db.execute(f"UPDATE questions SET message_id = NULL WHERE {outdated}", {"turn": turn_id})

    @reads
    def known(self, db: sqlite3.Connection, ids: Iterable[int]) -> frozenset[int]:
        """Return which of these Discord message ids are stored as questions."""
        statement = "SELECT id FROM questions WHERE id IN (SELECT value FROM json_each(?))"
        return frozenset(queries.column(db, statement, (json.dumps(list(ids)),)))

    @reads
    def shown_in(
        self, db: sqlite3.Connection, channel_id: int, ids: Iterable[int]
    ) -> frozenset[int]:
        """Return which Discord messages are questions, or are quoted by a channel's questions."""
        statement = """
            SELECT id FROM questions WHERE id IN (SELECT value FROM json_each(:ids))
            UNION SELECT c.message_id FROM quotes c JOIN questions q ON q.id = c.question_id
            WHERE c.message_id IN (SELECT value FROM json_each(:ids)) AND q.home_id = :channel
        """
        given = {"ids": json.dumps(list(ids)), "channel": channel_id}
        return frozenset(queries.column(db, statement, given))

    @reads
    def were_asked_in(self, db: sqlite3.Connection, channel_id: int) -> bool:
        """Return whether a question was asked in this channel, even if answered elsewhere."""
        statement = "SELECT EXISTS (SELECT 1 FROM questions WHERE channel_id = ?)"
        return bool(queries.value(db, statement, (channel_id,)))

    @writes
    def set_reading(
        self, db: sqlite3.Connection, question_id: int, unread: str, *, documents: bool
    ) -> None:
        """Store what could not be read of a question, and whether it has texts to be searched."""
        db.execute(
            "UPDATE questions SET unread = ?, documents = ? WHERE id = ?",
            (unread, documents, question_id),
        )

    @reads
    def is_first(self, db: sqlite3.Connection, question: Question, thread_id: str) -> bool:
        """Return whether no other question of the channel was posted to a thread."""
        statement = """
            SELECT NOT EXISTS (
                SELECT 1 FROM questions WHERE home_id = ? AND thread_id = ? AND id <> ?)
        """
        return bool(queries.value(db, statement, (question.home_id, thread_id, question.id)))

    @reads
    def have_documents(self, db: sqlite3.Connection, channel_id: int) -> bool:
        """Return whether questions that this channel answered have texts to be searched."""
        statement = "SELECT EXISTS (SELECT 1 FROM questions WHERE home_id = ? AND documents)"
        return bool(queries.value(db, statement, (channel_id,)))

    @reads
    def with_files(
        self, db: sqlite3.Connection, home_id: int, names: Iterable[str]
    ) -> tuple[tuple[str, int, int], ...]:
        """Return the files of a channel's questions that have these names, newest question first.

        A file is its name, the id of the channel in which it was sent, and its question's id.
        """
        statement = """
            SELECT json_extract(file.value, '$.name'), q.channel_id, q.id
            FROM questions q JOIN json_each(q.attachments) file
            WHERE q.home_id = ? AND q.attachments <> '[]'
              AND json_extract(file.value, '$.name') IN (SELECT value FROM json_each(?))
            ORDER BY q.id DESC
        """
        return tuple(db.execute(statement, (home_id, json.dumps(list(names)))))

    @reads
    def asker_count(self, db: sqlite3.Connection, channel_id: int) -> int:
        """Return the number of different members whose questions this channel answered."""
        (count,) = db.execute(
            "SELECT count(DISTINCT author_id) FROM questions WHERE home_id = ? AND author_id <> 0",
            (channel_id,),
        ).fetchone()
        return int(count)

    @writes
    def message_posted(
        self, db: sqlite3.Connection, question: Question, thread_id: str, message_id: str
    ) -> None:
        """Store which message on a thread has this revision of a question.

        If the question was withdrawn meanwhile, a chore deletes the message.
        """
        (withdrawn,) = db.execute(
            """
            UPDATE questions SET thread_id = ?, message_id = ?, posted_revision = ?
            WHERE id = ? RETURNING withdrawn_at
            """,
            (thread_id, message_id, question.revision, question.id),
        ).fetchone()
        if withdrawn is not None and question.home_id is not None:
            add_chore(db, question.home_id, "message", thread_id, message_id)

    @writes
    def mark(self, db: sqlite3.Connection, question_id: int) -> bool:
        """Note that a question gets the reaction of waiting; False if it waits no longer."""
        statement = """
            UPDATE questions SET marked = 1
            WHERE id = ? AND turn_id IS NULL AND withdrawn_at IS NULL
              AND id NOT IN (SELECT question_id FROM asks)
        """
        return db.execute(statement, (question_id,)).rowcount == 1
