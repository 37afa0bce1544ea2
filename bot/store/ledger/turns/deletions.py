"""Deleted Discord messages: withdraws questions, and ends turns whose reply was deleted."""

import json
import re
import sqlite3
from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct

from bot.store import queries
from bot.store.ledger import rows
from bot.store.ledger.chores import add_chore, discard_run
from bot.store.ledger.records import Turn
from bot.store.ledger.states import WITHOUT_OUTCOME
from bot.store.ledger.transactions import LedgerPart, reads, writes
from bot.store.ledger.turns.question_rows import contents_of_turn
from bot.store.ledger.turns.turn_rows import move, set_part

_IS_GIVEN: Final = "message_id IN (SELECT value FROM json_each(:ids))"

_QUOTE: Final = re.compile(r"\n*\[in reply to this message by [^\n]*\]\n(?:>[^\n]*(?:\n|\Z))+")
"""A quote as chat writes it: a heading in brackets, and lines that begin with ">"."""

_DELETED: Final = "[in reply to a message that was deleted]"
"""What chat shows the model in place of such a quote."""

_MOST_SHOWN: Final = 300
"""Messages of a channel that are looked up on Discord at most."""

_MOST_CHANNELS: Final = 2_000
"""Channels whose messages are looked up at most."""


class Deletion(Struct, frozen=True):
    """The channels with work to do after a deletion, and the turns whose work must be stopped."""

    channels: frozenset[int] = frozenset()
    turns: frozenset[int] = frozenset()


class ShownMessage(Struct, frozen=True):
    """A Discord message whose text is on a thread, and the channel in which it stands."""

    id: int
    channel_id: int


class DeletionStore(LedgerPart):
    """The part of the ledger that stores deletions; each method is one transaction."""

    @reads
    def shown_in(
        self, db: sqlite3.Connection, channel_id: int, *, before: float
    ) -> tuple[ShownMessage, ...]:
        """Return the newest questions, parts of replies and bystanders' messages, newest first.

        Returns none where the channel had no question before a moment in seconds since 1970, and
        none of questions by command: interactions can't be looked up.
        """
        is_older = """
            SELECT EXISTS (SELECT 1 FROM questions q JOIN links l ON l.channel_id = q.home_id
                           WHERE q.home_id = ? AND q.received_at < ? AND l.owner_id IS NULL)
        """
        if not queries.value(db, is_older, (channel_id, before)):
            return ()
        found = db.execute(_SHOWN, {"channel": channel_id, "most": _MOST_SHOWN})
        return tuple(ShownMessage(*row) for row in found)

    @reads
    def channels_shown(self, db: sqlite3.Connection) -> tuple[tuple[int, int | None], ...]:
        """Return the channels whose questions are on threads, with their servers.

        The channels with the newest questions come first.
        """
        statement = """
            SELECT q.home_id, q.guild_id FROM questions q JOIN links l ON l.channel_id = q.home_id
            WHERE q.withdrawn_at IS NULL AND l.owner_id IS NULL
            GROUP BY home_id ORDER BY max(q.id) DESC LIMIT ?
        """
        return tuple(db.execute(statement, (_MOST_CHANNELS,)))

    async def messages_deleted(self, ids: Iterable[int]) -> Deletion:
        """Store that Discord messages were deleted, by anybody but the bot itself.

        A question that waits is withdrawn. A turn under way loses the question: its run is
        discarded, and the next attempt answers the other questions. A turn without questions or
        with a deleted reply is closed as withdrawn. Chores delete what was posted of these messages
        to threads, also what bystanders said and what other questions quote. Messages that the
        ledger does not know change nothing.
        """
        given = json.dumps(list(ids))
        # Almost every deleted message is one that the ledger does not know: no write for those.
        return await self._delete(given) if await self._is_known(given) else Deletion()

    @reads
    def _is_known(self, db: sqlite3.Connection, ids: str) -> bool:
        statement = """
            SELECT EXISTS (SELECT 1 FROM questions
                           WHERE id IN (SELECT value FROM json_each(:ids)))
                OR EXISTS (SELECT 1 FROM parts
                           WHERE message_id IN (SELECT value FROM json_each(:ids)))
                OR EXISTS (SELECT 1 FROM quotes
                           WHERE message_id IN (SELECT value FROM json_each(:ids)))
                OR EXISTS (SELECT 1 FROM bystanders
                           WHERE message_id IN (SELECT value FROM json_each(:ids)))
                OR EXISTS (SELECT 1 FROM ask_drafts
                           WHERE quoted_id IN (SELECT value FROM json_each(:ids)))
        """
        return bool(queries.value(db, statement, {"ids": ids}))

    @writes
    def _delete(self, db: sqlite3.Connection, ids: str) -> Deletion:
        without_reply = _with_deleted_parts(db, ids)
        for turn in without_reply:
            _end_without_reply(db, turn)
        withdrawn = delete_questions(db, ids, self._now())
        statement = "DELETE FROM ask_drafts WHERE quoted_id IN (SELECT value FROM json_each(?))"
        db.execute(statement, (ids,))
        channels = {turn.channel_id for turn in without_reply} | forget_shown(db, {"ids": ids})
        turns = {turn.id for turn in without_reply}
        return Deletion(withdrawn.channels | channels, withdrawn.turns | turns)


_SHOWN: Final = """
    SELECT q.id, q.channel_id FROM questions q
    WHERE q.home_id = :channel AND q.withdrawn_at IS NULL AND q.continues IS NULL
      AND q.cause IS NULL
    UNION ALL
    SELECT p.message_id, t.channel_id FROM turns t JOIN parts p ON p.turn_id = t.id
    WHERE t.channel_id = :channel
    UNION ALL
    -- The beginning of a channel thread has the thread's id, and stands in another channel.
    SELECT b.message_id, q.channel_id FROM bystanders b JOIN questions q ON q.id = b.question_id
    WHERE q.home_id = :channel AND b.message_id <> q.channel_id
    ORDER BY 1 DESC LIMIT :most
"""


def delete_questions(db: sqlite3.Connection, ids: str, now: float) -> Deletion:
    """Withdraw questions; turns under way answer their other ones. ``ids`` is a JSON list."""
    channels: set[int] = set()
    turns: set[int] = set()
    for turn_id, home_id in _withdraw(db, ids, now):
        if home_id is not None:
            channels.add(home_id)
        turn = None if turn_id is None else rows.turn_by_id(db, turn_id)
        if turn is not None and turn.state in WITHOUT_OUTCOME and _answer_the_others(db, turn):
            turns.add(turn.id)
    return Deletion(frozenset(channels), frozenset(turns))


def _with_deleted_parts(db: sqlite3.Connection, ids: str) -> list[Turn]:
    """Remove deleted messages from the parts of replies; return the turns of those replies."""
    gone = "SELECT value FROM json_each(?)"
    statement = f"SELECT DISTINCT turn_id FROM parts WHERE message_id IN ({gone})"
    turn_ids = queries.column(db, statement, (ids,))
    db.execute(f"DELETE FROM parts WHERE message_id IN ({gone})", (ids,))
    for turn_id in turn_ids:
        # The numbers of the parts have no gaps.
        statement = "SELECT message_id FROM parts WHERE turn_id = ? ORDER BY number"
        left = queries.column(db, statement, (turn_id,))
        db.execute("DELETE FROM parts WHERE turn_id = ?", (turn_id,))
        for number, message_id in enumerate(left):
            set_part(db, turn_id, number, message_id)
    return [turn for turn_id in turn_ids if (turn := rows.turn_by_id(db, turn_id)) is not None]


def _end_without_reply(db: sqlite3.Connection, turn: Turn) -> None:
    """End a turn whose reply lost a part; if it has ended, delete its answer from the thread."""
    if turn.state in WITHOUT_OUTCOME:
        _close_as_withdrawn(db, turn)
    elif turn.state == "closing":
        db.execute("UPDATE turns SET outcome = 'withdrawn' WHERE id = ?", (turn.id,))
        discard_run(db, turn)
    elif not turn.parts:
        discard_run(db, turn)


def _withdraw(db: sqlite3.Connection, ids: str, now: float) -> list[tuple[int | None, int | None]]:
    """Withdraw questions; return turn and channel of each."""
    withdrawn = db.execute(
        """
        UPDATE questions SET withdrawn_at = ?, content = '', attachments = '[]',
                             points_to = '{}', unread = '[]'
        WHERE id IN (SELECT value FROM json_each(?)) AND withdrawn_at IS NULL
        RETURNING id, turn_id, home_id, thread_id, message_id
        """,
        (now, ids),
    ).fetchall()
    for question_id, turn_id, home_id, thread_id, message_id in withdrawn:
        _leave_copies(db, question_id, turn_id, home_id, thread_id)
        if message_id is not None:
            add_chore(db, home_id, "message", thread_id, message_id)
            continue
        # While a turn's questions are posted, a message may exist that the ledger does not know.
        # Its files may have been uploaded before the turn failed or was cancelled.
        posting = """
            SELECT l.thread_id FROM turns t JOIN links l ON l.channel_id = t.channel_id
            WHERE t.id = ? AND (t.state <> 'waiting' OR t.attempt > 1)
        """
        posted_to = queries.value(db, posting, (turn_id,))
        if posted_to is not None:
            add_chore(db, home_id, "question", posted_to, question_id)
    for turn_id in {row[1] for row in withdrawn if row[1] is not None}:
        _take_from_rated(db, turn_id)
    return [(turn_id, home_id) for _, turn_id, home_id, _, _ in withdrawn]


def _leave_copies(
    db: sqlite3.Connection,
    question_id: int,
    turn_id: int | None,
    home_id: int | None,
    thread_id: str | None,
) -> None:
    """Store the chore that deletes a question's copy from the thread that replaced its own."""
    statement = "SELECT thread_id FROM links WHERE channel_id = ? AND thread_id IS NOT ?"
    copied_to = queries.value(db, statement, (home_id, thread_id))
    if turn_id is not None and copied_to is not None:
        add_chore(db, home_id or 0, "question", copied_to, question_id)


def _take_from_rated(db: sqlite3.Connection, turn_id: int) -> None:
    """Remove withdrawn questions from the rated answers of a turn."""
    db.execute(
        "UPDATE rated_answers SET question = ? WHERE turn_id = ?",
        (contents_of_turn(db, turn_id), turn_id),
    )


def forget_shown(
    db: sqlite3.Connection, given: dict[str, Any], *, where: str = _IS_GIVEN
) -> set[int]:
    """Delete messages from the threads that show or quote them, by chores; return the channels.

    ``where`` is the SQL condition of the messages in ``bystanders`` and ``quotes``, ``given`` its
    values by name.
    """
    shown = db.execute(
        f"""
        DELETE FROM bystanders WHERE {where}
        RETURNING home_id, thread_id, posted_id, message_id
        """,
        given,
    ).fetchall()
    for home_id, thread_id, posted_id, message_id in shown:
        if posted_id is not None:
            add_chore(db, home_id, "message", thread_id, posted_id)
        else:
            add_chore(db, home_id, "question", thread_id, message_id)
    quoting = db.execute(f"DELETE FROM quotes WHERE {where} RETURNING question_id", given)
    channels = {_without_quote(db, row[0]) for row in quoting.fetchall()}
    return {row[0] for row in shown} | {each for each in channels if each is not None}


def _without_quote(db: sqlite3.Connection, question_id: int) -> int | None:
    """Remove the quote of another message from a question; return the question's channel.

    The question's files are removed too, because they may be those of the quoted message. A chore
    deletes the posted message. A turn that has not answered posts the rest.
    """
    row = db.execute(
        """
        SELECT content, home_id, thread_id, message_id FROM questions
        WHERE id = ? AND withdrawn_at IS NULL
        """,
        (question_id,),
    ).fetchone()
    if row is None:
        return None
    content, home_id, thread_id, message_id = row
    db.execute(
        """
        UPDATE questions SET content = ?, attachments = '[]', points_to = '{}',
                             revision = revision + 1, message_id = NULL
        WHERE id = ?
        """,
        (_QUOTE.sub(f"\n\n{_DELETED}", content).strip() or _DELETED, question_id),
    )
    if message_id is not None:
        add_chore(db, home_id, "message", thread_id, message_id)
    return None if home_id is None else int(home_id)


def _answer_the_others(db: sqlite3.Connection, turn: Turn) -> bool:
    """Let a turn that lost a question answer its other ones; withdraw it if it has none.

    Returns whether the attempt is over. A turn that has not posted its questions goes on.
    """
    (newest,) = db.execute(
        "SELECT max(id) FROM questions WHERE turn_id = ? AND withdrawn_at IS NULL", (turn.id,)
    ).fetchone()
    if newest is None:
        _close_as_withdrawn(db, turn)
        return True
    if not turn.parts:
        db.execute("UPDATE turns SET reply_to = ? WHERE id = ?", (newest, turn.id))
    if turn.state in ("posted", "running") and turn.canceller is None:
        discard_run(db, turn)
        changes = ("attempt = attempt + 1", "run_id = NULL", "pickups = 0")
        move(db, turn.id, "waiting", *changes)
        return True
    return False


def _close_as_withdrawn(db: sqlite3.Connection, turn: Turn) -> None:
    discard_run(db, turn)
    move(db, turn.id, "closing", "outcome = 'withdrawn'", "error = NULL", "pickups = 0")
