"""Chores: small tasks that outlive the process, such as a message that must leave its thread.

A chore is stored in the transaction that makes it necessary, and removed after it was done.
"""

import sqlite3
from typing import Final

from bot.store.ledger.records import Chore, ChoreKind, Turn
from bot.store.ledger.session import LedgerSession

OUTDATED: Final = "withdrawn_at IS NULL AND message_id IS NOT NULL AND revision > posted_revision"
"""The SQL condition of a question of which the thread has an older wording."""

_CHORES: Final = "SELECT channel_id, kind, place, target FROM chores"


class ChoreStore:
    """The chores of the ledger; each method is one transaction."""

    def __init__(self, database: LedgerSession) -> None:
        self._database = database

    async def channels(self) -> tuple[int, ...]:
        """Return the channels with chores."""
        return await self._database.read(
            lambda db: tuple(row[0] for row in db.execute("SELECT DISTINCT channel_id FROM chores"))
        )

    async def of_channel(self, channel_id: int, *kinds: ChoreKind) -> tuple[Chore, ...]:
        """Return a channel's chores of these kinds, oldest first."""
        statement = f"{_CHORES} WHERE channel_id = ? ORDER BY id"

        def work(db: sqlite3.Connection) -> tuple[Chore, ...]:
            rows = db.execute(statement, (channel_id,))
            return tuple(
                Chore(channel_id=row[0], kind=row[1], place=row[2], target=row[3])
                for row in rows
                if row[1] in kinds
            )

        return await self._database.read(work)

    async def add(self, chore: Chore) -> None:
        """Store a chore, unless it is stored already."""
        await self._database.write(
            lambda db: add_chore(db, chore.channel_id, chore.kind, chore.place, chore.target)
        )

    async def done(self, chore: Chore) -> None:
        """Remove a chore that was done, or that can't be done."""
        await self._database.write(
            lambda db: db.execute(
                "DELETE FROM chores WHERE kind = ? AND place = ? AND target = ?",
                (chore.kind, chore.place, chore.target),
            ).close()
        )


def add_chore(
    db: sqlite3.Connection, channel_id: int, kind: ChoreKind, place: object, target: object
) -> Chore:
    """Store a chore, unless it is stored already, and return it."""
    chore = Chore(channel_id=channel_id, kind=kind, place=str(place), target=str(target))
    db.execute(
        """
        INSERT INTO chores (channel_id, kind, place, target) VALUES (?, ?, ?, ?)
        ON CONFLICT (kind, place, target) DO NOTHING
        """,
        (chore.channel_id, chore.kind, chore.place, chore.target),
    )
    return chore


def copied_answer(turn_id: int) -> str:
    """Return the name under which the answer of a turn is copied to another thread."""
    return f"turn.{turn_id}"


def discard_run(db: sqlite3.Connection, turn: Turn) -> None:
    """Have the run of a turn's attempt cancelled, and its messages deleted.

    A copy of the answer leaves the thread that replaced the turn's.
    """
    copied = db.execute(
        "SELECT thread_id FROM links WHERE channel_id = ? AND thread_id IS NOT ?",
        (turn.channel_id, turn.thread_id),
    ).fetchone()
    if copied is not None and copied[0] is not None and not turn.open:
        add_chore(db, turn.channel_id, "question", copied[0], copied_answer(turn.id))
    if turn.thread_id is None:
        return
    if turn.run_id is not None:
        add_chore(db, turn.channel_id, "run", turn.thread_id, turn.run_id)
    elif turn.state == "posted":
        # The run may be on its way to the server.
        add_chore(db, turn.channel_id, "attempt", turn.thread_id, f"{turn.id}.{turn.attempt}")


def offer_again(db: sqlite3.Connection, turn_id: int) -> int | None:
    """Have "Answer again" offered if a question was edited since its answer; return the channel.

    Only the newest turn of a channel can be answered again.
    """
    row = db.execute(
        f"""
        SELECT channel_id, attempt FROM turns AS t
        WHERE id = ? AND state IN ('answered', 'cancelled')
          AND NOT EXISTS (SELECT 1 FROM turns WHERE channel_id = t.channel_id AND id > t.id)
          AND EXISTS (SELECT 1 FROM questions WHERE turn_id = t.id AND {OUTDATED})
        """,
        (turn_id,),
    ).fetchone()
    if row is None:
        return None
    add_chore(db, row[0], "offer", turn_id, row[1])
    return int(row[0])
