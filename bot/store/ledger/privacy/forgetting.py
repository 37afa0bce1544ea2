"""Forgets the questions, answers, files and votes of a member, of a server, or before a time.

The ledger forgets in one transaction, which also stores the chores that delete objects of the
Assistants API. Discord's ids of questions stay without their authors, so that no question is
answered again; turns stay with their tokens, which are sums without names.
"""

import json
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bot.store import queries
from bot.store.ledger import rows
from bot.store.ledger.approvals import forget_approvals, forget_approvals_of
from bot.store.ledger.budgets.spending import forget_guild
from bot.store.ledger.chores import add_chore, discard_run
from bot.store.ledger.privacy.member_records import StoredOfMember, find_records
from bot.store.ledger.tools.tool_calls import (
    forget_calls,
    forget_calls_of,
    forget_contents,
    forget_late_outputs,
)
from bot.store.ledger.transactions import LedgerPart, reads, writes, writes_settings
from bot.store.ledger.turns.deletions import Deletion, delete_questions, forget_shown

_SUM_DAYS: Final = 33
"""Days that a member's sums are kept: a month's limit needs the month, in any time zone."""

_IDS: Final = "(SELECT value FROM json_each(:ids))"

_KNOWN_GUILDS: Final = """
    SELECT guild_id FROM questions WHERE author_id <> 0
    UNION SELECT guild_id FROM place_settings
    UNION SELECT guild_id FROM access_rules UNION SELECT guild_id FROM assistants
    UNION SELECT guild_id FROM schedules UNION SELECT guild_id FROM handovers
    UNION SELECT guild_id FROM charges WHERE guild_id <> 0
    UNION SELECT guild_id FROM seen UNION SELECT guild_id FROM removed_guilds
"""

_OF_GUILD: Final = (
    "DELETE FROM access_rules WHERE guild_id = ?",
    "DELETE FROM place_settings WHERE guild_id = ?",
    "DELETE FROM handovers WHERE guild_id = ?",
    "DELETE FROM schedules WHERE guild_id = ?",
    "DELETE FROM tool_decisions WHERE guild_id = ?",
    "DELETE FROM assistant_drafts WHERE guild_id = ?",
    "UPDATE assistants SET deleting = 1, name = '' WHERE guild_id = ?",
    "DELETE FROM locales WHERE owner = 'guild' AND id = ?",
    "DELETE FROM seen WHERE guild_id = ?",
    "DELETE FROM tool_values WHERE place_id = ?",
    "DELETE FROM removed_guilds WHERE guild_id = ?",
    "DELETE FROM facts WHERE key GLOB 'alert:limit:' || ? || ':*'",
)

_OF_MEMBER: Final = (
    "DELETE FROM votes WHERE member_id = ?",
    "UPDATE charges SET member_id = 0 WHERE member_id = ?",
    "DELETE FROM locales WHERE owner = 'user' AND id = ?",
    "DELETE FROM told_refusals WHERE user_id = ?",
    "DELETE FROM facts WHERE key GLOB 'alert:limit:*:member:' || ? || ':*'",
    "DELETE FROM schedules WHERE creator_id = ?",
    "UPDATE tool_decisions SET decider_id = NULL, reason = NULL WHERE decider_id = ?",
    """
    UPDATE approvals SET decider_id = NULL, decider_name = NULL, reason = NULL
    WHERE decider_id = ?
    """,
    "DELETE FROM assistant_drafts WHERE creator_id = ?",
    "DELETE FROM ask_drafts WHERE ? IN (member_id, quoted_author_id)",
    "UPDATE links SET owner_id = 0 WHERE owner_id = ?",
    "UPDATE assistants SET creator_id = 0 WHERE creator_id = ?",
    """
    UPDATE handovers SET member_id = iif(member_id = gone.id, 0, member_id),
                         taken_by = iif(taken_by = gone.id, 0, taken_by),
                         resumed_by = iif(resumed_by = gone.id, 0, resumed_by)
    FROM (SELECT ? AS id) AS gone WHERE gone.id IN (member_id, taken_by, resumed_by)
    """,
    "UPDATE turns SET canceller_id = NULL, canceller_name = NULL WHERE canceller_id = ?",
)


class ForgettingStore(LedgerPart):
    """The part of the ledger that forgets; each method is one transaction."""

    @reads
    def stored_of(self, db: sqlite3.Connection, user_id: int) -> StoredOfMember:
        """Return what is stored of a member, oldest first."""
        return find_records(db, user_id)

    @writes
    def forget_member(self, db: sqlite3.Connection, user_id: int) -> Deletion:
        """Forget a member: questions, votes, schedules, locale, all names.

        Answers are forgotten too, if nobody else asked for them. A second call changes nothing.
        """
        asked = queries.column(db, "SELECT id FROM questions WHERE author_id = ?", (user_id,))
        deletion = forget_questions(db, asked, self._now())
        shown_in = forget_shown(db, {"author": user_id}, where="author_id = :author")
        forget_calls_of(db, user_id)
        forget_approvals_of(db, user_id)
        # The votes are counted anew for the metadata of the answer's run.
        db.execute(
            """
            UPDATE rated_answers SET revision = revision + 1
            WHERE (turn_id, attempt) IN (SELECT turn_id, attempt FROM votes WHERE member_id = ?)
            """,
            (user_id,),
        )
        for statement in _OF_MEMBER:
            db.execute(statement, (user_id,))
        return Deletion(deletion.channels | shown_in, deletion.turns)

    @writes_settings
    def forget_guild(self, db: sqlite3.Connection, guild_id: int) -> Deletion:
        """Forget a server: its conversations, settings, rules and assistants."""
        asked = queries.column(db, "SELECT id FROM questions WHERE guild_id = ?", (guild_id,))
        deletion = forget_questions(db, asked, self._now())
        for statement in _OF_GUILD:
            db.execute(statement, (guild_id,))
        forget_guild(db, guild_id)
        return deletion

    @writes
    def forget_before(self, db: sqlite3.Connection, guild_id: int, moment: float) -> Deletion:
        """Forget the questions of ended turns from before a moment, in seconds since 1970."""
        statement = """
            SELECT q.id FROM questions q LEFT JOIN turns t ON t.id = q.turn_id
            WHERE q.guild_id = ? AND q.received_at < ? AND q.author_id <> 0
              AND (t.ended_at IS NOT NULL OR q.withdrawn_at IS NOT NULL)
        """
        asked = queries.column(db, statement, (guild_id, moment))
        return forget_questions(db, asked, self._now())

    @writes
    def prune(self, db: sqlite3.Connection, *, told_before: float) -> None:
        """Remove notes of refusals from before ``told_before``, and old sums of single members.

        The outputs of calls that ended after their member was forgotten are removed, too.
        ``told_before`` is in seconds since 1970.
        """
        today = datetime.fromtimestamp(self._now(), UTC).date()
        day = (today - timedelta(days=_SUM_DAYS)).isoformat()
        db.execute("DELETE FROM told_refusals WHERE told_at < ?", (told_before,))
        db.execute("DELETE FROM spending WHERE scope = 'member' AND day < ?", (day,))
        forget_late_outputs(db)
        db.execute(
            "DELETE FROM facts WHERE key GLOB 'alert:limit:*' AND substr(key, -10) < ?", (day,)
        )

    @reads
    def guilds(self, db: sqlite3.Connection) -> tuple[int, ...]:
        """Return every server of which anything is stored."""
        return queries.column(
            db, f"SELECT guild_id FROM ({_KNOWN_GUILDS}) WHERE guild_id IS NOT NULL"
        )

    @writes
    def guild_removed(self, db: sqlite3.Connection, guild_id: int) -> None:
        """Note when a server removed the bot; an earlier note stays."""
        db.execute(
            "INSERT INTO removed_guilds VALUES (?, ?) ON CONFLICT DO NOTHING",
            (guild_id, self._now()),
        )

    @writes
    def guild_joined(self, db: sqlite3.Connection, guild_id: int) -> None:
        """Note that a server has the bot."""
        db.execute("DELETE FROM removed_guilds WHERE guild_id = ?", (guild_id,))

    @reads
    def removed_before(self, db: sqlite3.Connection, moment: float) -> tuple[int, ...]:
        """Return the servers that removed the bot before a moment, in seconds since 1970."""
        return queries.column(
            db, "SELECT guild_id FROM removed_guilds WHERE removed_at < ?", (moment,)
        )


def forget_questions(db: sqlite3.Connection, ids: Iterable[int], now: float) -> Deletion:
    """Delete questions as if their messages were deleted, then forget what is left of them.

    An answer is deleted with the last question of its turn, a thread with the last question of its
    channel.
    """
    given: dict[str, Any] = {"ids": json.dumps(list(ids))}
    touched = db.execute(
        f"SELECT DISTINCT turn_id, home_id FROM questions WHERE id IN {_IDS}", given
    ).fetchall()
    if not touched:
        return Deletion()
    deletion = delete_questions(db, given["ids"], now)
    waiting = f"SELECT id, channel_id, home_id FROM questions WHERE id IN {_IDS} AND marked"
    for question_id, channel_id, home_id in db.execute(waiting, given).fetchall():
        # The message stays on Discord, but it waits no longer: its reaction is removed.
        add_chore(db, home_id or channel_id, "reaction", channel_id, question_id)
    # What was shown beside the questions, and what quotes them in other questions.
    shown_in = forget_shown(db, given, where=f"question_id IN {_IDS}") | forget_shown(db, given)
    db.execute(
        f"""
        UPDATE questions SET author_id = 0, author_name = '', content = '', attachments = '[]',
                             points_to = '{{}}', unread = '[]', documents = 0,
                             role_ids = '[]',
                             withdrawn_at = coalesce(withdrawn_at, :now)
        WHERE id IN {_IDS}
        """,
        given | {"now": now},
    )
    for turn_id in sorted({row[0] for row in touched if row[0] is not None}):
        _forget_answer(db, turn_id)
    channels = {row[1] for row in touched if row[1] is not None}
    for channel_id in sorted(channels):
        _forget_thread(db, channel_id)
    return Deletion(deletion.channels | channels | shown_in, deletion.turns)


def _forget_answer(db: sqlite3.Connection, turn_id: int) -> None:
    """Delete the answer of a turn without questions, by chores, and the votes on the answer.

    An answer that others asked for, too, stays: only the calls of functions are forgotten.
    """
    turn = rows.turn_by_id(db, turn_id)
    if turn is None or turn.askers:
        # The model may have passed on to functions what any of those who asked had said.
        forget_contents(db, turn_id)
        return
    discard_run(db, turn)
    db.execute("DELETE FROM votes WHERE turn_id = ?", (turn_id,))
    db.execute("DELETE FROM rated_answers WHERE turn_id = ?", (turn_id,))
    forget_calls(db, turn_id)
    db.execute("UPDATE charges SET member_id = 0 WHERE turn_id = ?", (turn_id,))
    forget_approvals(db, turn_id)


def _forget_thread(db: sqlite3.Connection, channel_id: int) -> None:
    """Delete the thread of a channel without questions, by chores, and the channel's title."""
    is_used = "SELECT 1 FROM questions WHERE home_id = ? AND withdrawn_at IS NULL LIMIT 1"
    if queries.value(db, is_used, (channel_id,)):
        return
    threads = """
        SELECT thread_id FROM links WHERE channel_id = :channel
        UNION SELECT thread_id FROM channel_titles WHERE channel_id = :channel AND NOT settled
        UNION SELECT thread_id FROM questions WHERE home_id = :channel
        UNION SELECT thread_id FROM turns WHERE channel_id = :channel
    """
    for thread_id in queries.column(db, threads, {"channel": channel_id}):
        if thread_id is not None:
            # The messages leave with their thread.
            db.execute("DELETE FROM chores WHERE place = ? AND kind = 'message'", (thread_id,))
            add_chore(db, channel_id, "thread", thread_id, thread_id)
    db.execute("UPDATE links SET thread_id = NULL WHERE channel_id = ?", (channel_id,))
    # Functions keep values for direct messages by their channel.
    db.execute("DELETE FROM tool_values WHERE place_id = ?", (channel_id,))
    db.execute(
        "UPDATE channel_titles SET title = NULL, settled = 1 WHERE channel_id = ?", (channel_id,)
    )
