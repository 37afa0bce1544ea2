"""The rolling summaries of threads: each covers a thread's messages up to one of them."""

import sqlite3
from typing import Final, NamedTuple

from bot.assistants.schema.objects import Usage

_KEPT: Final = 8
"""How many summaries of a thread are kept: a deleted message may leave only older ones valid."""


class Summary(NamedTuple):
    """A summary of all messages of a thread whose ``seq`` is at most ``through``."""

    through: int
    text: str


NO_SUMMARY: Final = Summary(0, "")
"""The summary of a thread that has none."""


class Summaries:
    """The table of summaries within one transaction, and the tokens that runs spent on them."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def newest(self, thread_id: str) -> Summary:
        """Return the summary that covers most of a thread; ``NO_SUMMARY`` if there is none."""
        row = self._db.execute(
            "SELECT through, text FROM summaries WHERE thread_id = ? ORDER BY through DESC LIMIT 1",
            (thread_id,),
        ).fetchone()
        return Summary(*row) if row else NO_SUMMARY

    def count_messages(self, thread_id: str, after: int, through: int) -> int:
        """Return how many messages of a thread have a ``seq`` above ``after``, to ``through``."""
        query = "SELECT count(*) FROM messages WHERE thread_id = ? AND seq > ? AND seq <= ?"
        (count,) = self._db.execute(query, (thread_id, after, through)).fetchone()
        return int(count)

    def add(self, thread_id: str, summary: Summary) -> None:
        """Add a summary, and delete the thread's oldest ones beyond a fixed number."""
        self._db.execute("INSERT INTO summaries VALUES (?, ?, ?)", (thread_id, *summary))
        self._db.execute(
            "DELETE FROM summaries WHERE thread_id = ? AND through NOT IN (SELECT through "
            "FROM summaries WHERE thread_id = ? ORDER BY through DESC LIMIT ?)",
            (thread_id, thread_id, _KEPT),
        )

    def forget_message(self, thread_id: str, message_id: str) -> None:
        """Delete the summaries that cover a message, which is about to be deleted."""
        self._db.execute(
            "DELETE FROM summaries WHERE thread_id = ? "
            "AND through >= (SELECT seq FROM messages WHERE id = ? AND thread_id = ?)",
            (thread_id, message_id, thread_id),
        )

    def add_usage(self, run_id: str, usage: Usage) -> None:
        """Add the tokens of a summary to those that a run has spent on summaries."""
        self._db.execute(
            "UPDATE runs SET summary_prompt_tokens = summary_prompt_tokens + ?, "
            "summary_completion_tokens = summary_completion_tokens + ? WHERE id = ?",
            (usage.prompt_tokens, usage.completion_tokens, run_id),
        )

    def usage(self, run_id: str) -> Usage:
        """Return the tokens that a run has spent on summaries."""
        row = self._db.execute(
            "SELECT summary_prompt_tokens, summary_completion_tokens FROM runs WHERE id = ?",
            (run_id,),
        ).fetchone()
        prompt, completion = row or (0, 0)
        return Usage(prompt, completion, prompt + completion)
