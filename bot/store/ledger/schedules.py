"""Schedules in the ledger: questions that are asked at times, each due time once.

A reminder is a schedule that asks once, and is deleted then.
"""

import asyncio
import sqlite3
from typing import Final

from msgspec import Struct
from msgspec.structs import asdict

from bot.store import queries
from bot.store.ledger import rows
from bot.store.ledger.records import Link, NewQuestion
from bot.store.ledger.transactions import LedgerPart, LedgerSession, reads, writes
from bot.store.ledger.turns.question_rows import count_waiting, free_id, insert, route


class TooManySchedulesError(Exception):
    """A server or a member has as many schedules as allowed; the new one is not stored."""


class NewSchedule(Struct, frozen=True, kw_only=True):
    """A text that is asked in a channel at times, in its creator's name.

    ``rule`` is JSON that ``bot.chat`` defines: the times. ``due_at`` is the next time, computed in
    the time zone ``zone``; None once nothing follows. ``guild_id`` is None in direct messages. A
    reminder asks ``once``.
    """

    guild_id: int | None
    channel_id: int
    creator_id: int
    creator_name: str
    content: str
    rule: str
    zone: str
    due_at: float | None
    once: bool = False


class Schedule(NewSchedule, frozen=True, kw_only=True):
    """A stored schedule; ``problem`` is ``bot.chat``'s word for why it last asked nothing."""

    id: int
    paused: bool
    problem: str | None

    @property
    def cause(self) -> str:
        """The cause of the question that is due next: the schedule and its due time."""
        return self.cause_at(str(self.due_at))

    def cause_at(self, time: str) -> str:
        """Return the cause of the question that is asked at a due time."""
        return f"{'reminder' if self.once else 'schedule'}:{self.id}:{time}"


class ScheduleStore(LedgerPart):
    """The schedules of the ledger; each method is one transaction."""

    def __init__(self, session: LedgerSession) -> None:
        super().__init__(session)
        self.added: Final = asyncio.Event()
        """Set once there is a new due time; the waiting task clears it."""

    async def add(self, new: NewSchedule, *, most: int) -> Schedule:
        """Store a schedule.

        Raises ``TooManySchedulesError`` where the server, or in direct messages the member, has
        ``most`` already. Reminders are counted apart from other schedules, and for each member.
        """
        added = await self._add(new, most)
        self.added.set()
        return added

    @writes
    def _add(self, db: sqlite3.Connection, new: NewSchedule, most: int) -> Schedule:
        values = asdict(new) | {"now": self._now()}
        (count,) = db.execute(
            """
            SELECT count(*) FROM schedules
            WHERE once = :once
              AND CASE WHEN :once THEN creator_id = :creator_id
                  ELSE guild_id IS :guild_id AND (:guild_id IS NOT NULL OR creator_id = :creator_id)
                  END
            """,
            values,
        ).fetchone()
        if count >= most:
            raise TooManySchedulesError(f"{count} schedules are stored beside the new one")
        (schedule_id,) = db.execute(
            """
            INSERT INTO schedules (guild_id, channel_id, creator_id, creator_name, content, rule,
                                   zone, due_at, once, created_at)
            VALUES (:guild_id, :channel_id, :creator_id, :creator_name, :content, :rule,
                    :zone, :due_at, :once, :now)
            RETURNING id
            """,
            values,
        ).fetchone()
        return schedules_in(db, "WHERE id = ?", schedule_id)[0]

    @reads
    def get(self, db: sqlite3.Connection, schedule_id: int) -> Schedule | None:
        """Return a schedule; None if there is none."""
        return next(iter(schedules_in(db, "WHERE id = ?", schedule_id)), None)

    @reads
    def of_guild(self, db: sqlite3.Connection, guild_id: int) -> tuple[Schedule, ...]:
        """Return the schedules of a server, oldest first."""
        return schedules_in(db, "WHERE guild_id = ?", guild_id)

    @reads
    def reminders(
        self, db: sqlite3.Connection, creator_id: int, guild_id: int | None
    ) -> tuple[Schedule, ...]:
        """Return a member's reminders in a server or in direct messages, oldest first."""
        where = "WHERE once AND creator_id = ? AND guild_id IS ?"
        return schedules_in(db, where, creator_id, guild_id)

    @reads
    def in_direct_messages(self, db: sqlite3.Connection, creator_id: int) -> tuple[Schedule, ...]:
        """Return a member's schedules in direct messages, oldest first."""
        return schedules_in(db, "WHERE guild_id IS NULL AND creator_id = ?", creator_id)

    @reads
    def active(self, db: sqlite3.Connection) -> tuple[Schedule, ...]:
        """Return every schedule that has a next time and is not paused."""
        return schedules_in(db, "WHERE due_at IS NOT NULL AND NOT paused")

    @reads
    def due(self, db: sqlite3.Connection, now: float) -> tuple[Schedule, ...]:
        """Return the schedules whose time has come."""
        return schedules_in(db, "WHERE due_at IS NOT NULL AND NOT paused AND due_at <= ?", now)

    @reads
    def next_due_at(self, db: sqlite3.Connection, after: float) -> float | None:
        """Return the next time of all schedules after a moment."""
        statement = """
            SELECT min(due_at) FROM schedules
            WHERE due_at IS NOT NULL AND NOT paused AND due_at > ?
        """
        return queries.value(db, statement, (after,))

    @reads
    def in_other_zones(
        self, db: sqlite3.Connection, setting: str, default: str
    ) -> tuple[tuple[Schedule, str], ...]:
        """Return schedules whose time zone is no longer their server's, each with the server's.

        ``setting`` names the setting of servers with the time zone, ``default`` the time zone of
        servers without it and of direct messages.
        """
        found = db.execute(
            """
            SELECT s.id, coalesce(p.value, :default)
            FROM schedules s LEFT JOIN place_settings p
              ON p.place_id = s.guild_id AND p.guild_id = s.guild_id AND p.name = :setting
            WHERE s.zone <> coalesce(p.value, :default)
              AND s.due_at IS NOT NULL AND NOT s.paused
            """,
            {"setting": setting, "default": default},
        ).fetchall()
        return tuple(
            (schedules_in(db, "WHERE id = ?", schedule_id)[0], zone) for schedule_id, zone in found
        )

    @writes
    def move(
        self, db: sqlite3.Connection, schedule: Schedule, due_at: float | None, zone: str
    ) -> bool:
        """Set the next due time; return False if the schedule was changed meanwhile."""
        return _change(db, schedule, "due_at = :due, zone = :zone", due=due_at, zone=zone)

    @writes
    def skip(
        self,
        db: sqlite3.Connection,
        schedule: Schedule,
        next_due_at: float | None,
        problem: str,
        *,
        pause: bool = False,
    ) -> bool:
        """Skip a time because of a problem; return False if the schedule was changed meanwhile."""
        change = "due_at = :due, problem = :problem, paused = :pause"
        return _change(db, schedule, change, due=next_due_at, problem=problem, pause=pause)

    @writes
    def pause(self, db: sqlite3.Connection, schedule_id: int) -> None:
        """Pause a schedule."""
        db.execute("UPDATE schedules SET paused = 1 WHERE id = ?", (schedule_id,))

    async def resume(self, schedule_id: int, due_at: float | None, zone: str) -> None:
        """Resume a paused schedule; times that passed meanwhile do not count as missed."""
        await self._resume(schedule_id, due_at, zone)
        self.added.set()

    @writes
    def _resume(
        self, db: sqlite3.Connection, schedule_id: int, due_at: float | None, zone: str
    ) -> None:
        db.execute(
            """
            UPDATE schedules SET paused = 0, problem = NULL, due_at = ?, zone = ?
            WHERE id = ? AND paused
            """,
            (due_at, zone, schedule_id),
        )

    @writes
    def delete(self, db: sqlite3.Connection, schedule_id: int) -> bool:
        """Delete a schedule; return whether there was one."""
        return db.execute("DELETE FROM schedules WHERE id = ?", (schedule_id,)).rowcount == 1

    @writes
    def ask(
        self,
        db: sqlite3.Connection,
        schedule: Schedule,
        home: Link,
        next_due_at: float | None,
        zone: str,
        *,
        most: int,
        role_ids: str = "[]",
    ) -> bool:
        """Store the question that is due, and the schedule's next time, in one transaction.

        ``zone`` names the time zone of the next time; ``role_ids`` is JSON of the creator's roles.

        Returns False where the question of this due time was asked before, the schedule was changed
        meanwhile, or ``most`` questions wait in the channel: then the due time is skipped with the
        problem "queue-full", but a reminder stays due. A reminder that asks is deleted.
        """
        now = self._now()
        new = NewQuestion(
            id=free_id(db, now),
            channel_id=schedule.channel_id,
            guild_id=schedule.guild_id,
            author_id=schedule.creator_id,
            author_name=schedule.creator_name,
            content=schedule.content,
            cause=schedule.cause,
            role_ids=role_ids,
        )
        is_full = count_waiting(db, new, home) >= most
        if is_full and schedule.once:
            return False
        change = "due_at = :due, zone = :zone, problem = :problem"
        problem = "queue-full" if is_full else None
        changed = _change(db, schedule, change, due=next_due_at, zone=zone, problem=problem)
        if not changed or is_full:
            return False
        if schedule.once:
            db.execute("DELETE FROM schedules WHERE id = ?", (schedule.id,))
        if not insert(db, new, now):
            return False
        route(db, new.id, home, fallback=False, now=now)
        return True


def schedules_in(db: sqlite3.Connection, where: str, *values: float | None) -> tuple[Schedule, ...]:
    """Return the schedules of a WHERE clause, oldest first."""
    statement = f"""
        SELECT id, guild_id, channel_id, creator_id, creator_name, content, rule, zone, due_at,
               once, paused, problem
        FROM schedules {where} ORDER BY id
    """
    return rows.records(db, Schedule, statement, values)


def _change(db: sqlite3.Connection, schedule: Schedule, change: str, **values: object) -> bool:
    """Change a schedule; return False, and change nothing, if it was changed since it was read."""
    changed = db.execute(
        f"UPDATE schedules SET {change} WHERE id = :id AND due_at IS :due_at AND NOT paused",
        {"id": schedule.id, "due_at": schedule.due_at, **values},
    )
    return changed.rowcount == 1
