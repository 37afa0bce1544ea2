"""Hand-overs of channel threads to people: who asked for people, who took over, who ended it."""

import sqlite3
from typing import Final

from msgspec import Struct

from bot.store.ledger.chores import add_chore
from bot.store.ledger.transactions import LedgerPart, reads, writes, writes_settings

SILENT_SETTING: Final = "silent"
"""The name of the setting of a channel thread in which people answer instead of the assistant."""

PING_SECONDS: Final = 3_600.0
"""Time between two mentions of the role in a channel thread, in seconds."""


class Handover(Struct, frozen=True, kw_only=True):
    """A channel thread that people answer; times are seconds since 1970.

    ``taken_by`` is the first member of the role who wrote there. ``pinged`` tells whether this
    request mentions the role, and ``is_new`` whether it silenced the assistant.
    """

    handed_over_at: float
    pinged: bool
    is_new: bool
    taken_by: int | None = None


class HandoverStore(LedgerPart):
    """The hand-overs of the ledger; each method is one transaction."""

    @writes_settings
    def begin(
        self,
        db: sqlite3.Connection,
        channel_id: int,
        guild_id: int,
        member_id: int,
        *,
        role_id: int | None,
        tag: bool,
    ) -> Handover:
        """Silence the assistant in a channel thread, and call people by chores.

        The answer under way is finished; questions that wait behind it are left to the people.
        ``role_id`` is the role to mention, at most once an hour; None mentions nobody. With ``tag``
        a forum post gets the tag of posts that people answer. A second request changes nothing, but
        may mention the role again.
        """
        now = self._now()
        row = db.execute(
            """
            SELECT handed_over_at, pinged_at, taken_by, resumed_at FROM handovers
            WHERE channel_id = ?
            """,
            (channel_id,),
        ).fetchone()
        handed_over_at, pinged_at, taken_by, resumed_at = row or (now, None, None, now)
        is_new = resumed_at is not None
        pings = role_id is not None and (pinged_at is None or now - pinged_at >= PING_SECONDS)
        if is_new:
            handed_over_at, taken_by = now, None
            db.execute(
                """
                INSERT OR REPLACE INTO handovers
                    (channel_id, guild_id, member_id, handed_over_at, pinged_at)
                VALUES (?, ?, ?, ?, ?)
                """,
                (channel_id, guild_id, member_id, now, pinged_at),
            )
            db.execute(
                """
                INSERT INTO place_settings (place_id, guild_id, name, value)
                VALUES (?, ?, ?, '1') ON CONFLICT (place_id, name) DO NOTHING
                """,
                (channel_id, guild_id, SILENT_SETTING),
            )
            _withdraw_waiting(db, channel_id, now)
        if pings:
            db.execute("UPDATE handovers SET pinged_at = ? WHERE channel_id = ?", (now, channel_id))
            target = f"{guild_id}.{role_id}.{member_id}.{int(now)}"
            add_chore(db, channel_id, "ping", channel_id, target)
        if tag:
            add_chore(db, channel_id, "tag", channel_id, "people")
        return Handover(
            handed_over_at=handed_over_at, pinged=pings, is_new=is_new, taken_by=taken_by
        )

    @writes
    def taken(self, db: sqlite3.Connection, channel_id: int, member_id: int) -> None:
        """Store who took over, the first time somebody does."""
        db.execute(
            """
            UPDATE handovers SET taken_by = ?, taken_at = ?
            WHERE channel_id = ? AND taken_by IS NULL AND resumed_at IS NULL
            """,
            (member_id, self._now(), channel_id),
        )

    @reads
    def of_channel(self, db: sqlite3.Connection, channel_id: int) -> tuple[int, int | None] | None:
        """Return who asked for the hand-over under way, and who took over; None without one."""
        found: tuple[int, int | None] | None = db.execute(
            "SELECT member_id, taken_by FROM handovers WHERE channel_id = ? AND resumed_at IS NULL",
            (channel_id,),
        ).fetchone()
        return found

    async def is_under_way(self, channel_id: int) -> bool:
        """Return whether people answer in a channel thread, so that the assistant is silent."""
        return await self.of_channel(channel_id) is not None

    @writes_settings
    def end(self, db: sqlite3.Connection, channel_id: int, member_id: int) -> bool:
        """Let the assistant answer again in a channel thread; False if it was not silent."""
        ended = db.execute(
            """
            UPDATE handovers SET resumed_by = ?, resumed_at = ?
            WHERE channel_id = ? AND resumed_at IS NULL
            """,
            (member_id, self._now(), channel_id),
        )
        db.execute(
            "DELETE FROM place_settings WHERE place_id = ? AND name = ?",
            (channel_id, SILENT_SETTING),
        )
        return ended.rowcount == 1


def _withdraw_waiting(db: sqlite3.Connection, channel_id: int, now: float) -> None:
    """Withdraw the questions that wait for a channel's next turn, with their reactions."""
    waiting = db.execute(
        """
        UPDATE questions SET withdrawn_at = ?
        WHERE home_id = ? AND turn_id IS NULL AND withdrawn_at IS NULL
        RETURNING id, channel_id, marked
        """,
        (now, channel_id),
    ).fetchall()
    for question_id, place_id, marked in waiting:
        if marked:
            add_chore(db, channel_id, "reaction", place_id, question_id)
