"""Messages of others that are on a thread beside a question, by their Discord ids."""

import json
import sqlite3
from collections.abc import Mapping

from bot.store.ledger.transactions import LedgerPart, writes


class BystanderStore(LedgerPart):
    """The bystanders' messages of the ledger; each method is one transaction."""

    @writes
    def plan(
        self,
        db: sqlite3.Connection,
        question_id: int,
        home_id: int,
        thread_id: str,
        authors: Mapping[int, int],
    ) -> Mapping[int, str | None]:
        """Store messages that will be posted to a thread, before they are.

        ``authors`` are the authors of the messages by the messages' ids.
        Returns the messages that were stored before: the id of the assistant's message for each
        Discord id, None where that is not known.
        """
        known: dict[int, str | None] = dict(
            db.execute(
                """
                SELECT message_id, posted_id FROM bystanders
                WHERE thread_id = ? AND message_id IN (SELECT value FROM json_each(?))
                """,
                (thread_id, json.dumps(list(authors))),
            )
        )
        db.executemany(
            """
            INSERT INTO bystanders (thread_id, message_id, question_id, home_id, author_id)
            VALUES (?, ?, ?, ?, ?)
            """,
            [
                (thread_id, message_id, question_id, home_id, author_id)
                for message_id, author_id in authors.items()
                if message_id not in known
            ],
        )
        return known

    @writes
    def posted(
        self, db: sqlite3.Connection, thread_id: str, message_id: int, posted_id: str
    ) -> bool:
        """Store the id of the assistant's message; False if the message was deleted meanwhile."""
        statement = "UPDATE bystanders SET posted_id = ? WHERE thread_id = ? AND message_id = ?"
        return db.execute(statement, (posted_id, thread_id, message_id)).rowcount == 1
