"""Messages of others that are on a thread beside a question, by their Discord ids."""

import json
import sqlite3
from collections.abc import Mapping

from bot.store.ledger.session import LedgerSession


class BystanderStore:
    """The bystanders' messages of the ledger; each method is one transaction."""

    def __init__(self, database: LedgerSession) -> None:
        self._database = database

    async def plan(
        self, question_id: int, home_id: int, thread_id: str, authors: Mapping[int, int]
    ) -> Mapping[int, str | None]:
        """Store messages that will be posted to a thread, before they are.

        ``authors`` are the authors of the messages by the messages' ids.
        Returns those that were stored before, each with the id under which it was posted; None
        where that is not known.
        """

        def work(db: sqlite3.Connection) -> dict[int, str | None]:
            known = {
                row[0]: row[1]
                for row in db.execute(
                    """
                    SELECT message_id, posted_id FROM bystanders
                    WHERE thread_id = ? AND message_id IN (SELECT value FROM json_each(?))
                    """,
                    (thread_id, json.dumps(list(authors))),
                )
            }
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

        return await self._database.write(work)

    async def posted(self, thread_id: str, message_id: int, posted_id: str) -> bool:
        """Store under which id a message was posted; False if it was deleted meanwhile."""
        return await self._database.write(
            lambda db: (
                db.execute(
                    """
                    UPDATE bystanders SET posted_id = ? WHERE thread_id = ? AND message_id = ?
                    """,
                    (posted_id, thread_id, message_id),
                ).rowcount
                == 1
            )
        )
