"""Questions that tell the assistant how calls ended for which their runs did not wait."""

import sqlite3

from msgspec.structs import replace

from bot.store.ledger.records import Link, NewQuestion
from bot.store.ledger.turns.question_rows import free_id, id_before, insert, route


def ask_back(db: sqlite3.Connection, answer: NewQuestion, now: float) -> bool:
    """Store the question that tells the assistant how a call ended, in its channel's order.

    Returns whether the question is new.
    """
    new = replace(answer, id=free_id(db, now))
    if not insert(db, new, now):
        return False
    home = Link(
        channel_id=new.channel_id,
        guild_id=new.guild_id,
        parent_id=new.channel_id,
        listening=new.guild_id is None,
    )
    route(db, new.id, home, fallback=False, now=now)
    return True


def tell_denials(
    db: sqlite3.Connection, channel_id: int, turn_id: int, first_id: int, now: float
) -> None:
    """Add questions to a turn, before its first: denials that the assistant does not know yet."""
    untold = db.execute(
        """
        SELECT id, guild_id, asker_id, asker_name, untold FROM approvals
        WHERE channel_id = ? AND untold IS NOT NULL ORDER BY id DESC
        """,
        (channel_id,),
    ).fetchall()
    for approval_id, guild_id, asker_id, asker_name, content in untold:
        first_id = id_before(db, first_id)
        told = NewQuestion(
            id=first_id,
            channel_id=channel_id,
            guild_id=guild_id,
            author_id=asker_id,
            author_name=asker_name,
            content=content,
            cause=f"denial:{approval_id}",
        )
        if insert(db, told, now):
            db.execute(
                "UPDATE questions SET home_id = ?, turn_id = ? WHERE id = ?",
                (channel_id, turn_id, first_id),
            )
            db.execute("UPDATE approvals SET untold = NULL WHERE id = ?", (approval_id,))
