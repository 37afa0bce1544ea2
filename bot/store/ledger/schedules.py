"""Schedules in the ledger: questions that are asked at times, each due time once.

A reminder is a schedule that asks once, and is deleted then.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from bot.store.ledger.records import Link, NewQuestion
from bot.store.ledger.session import LedgerSession
from bot.store.ledger.turns.question_rows import free_id, insert, route, waiting_beside

_SCHEDULE: Final = """
    SELECT id, guild_id, channel_id, creator_id, creator_name, content, rule, zone, due_at, once,
           paused, problem
    FROM schedules
"""


class TooManySchedulesError(Exception):
    """A server or a member has as many schedules as allowed; the new one is not stored."""


class NewSchedule(Struct, frozen=True, kw_only=True):
    """A text that is asked in a channel at times, in its creator's name.

    ``rule`` is JSON of chat. ``due_at`` is the next time, computed in the time zone ``zone``; None
    once nothing follows. ``guild_id`` is None in direct messages. A reminder asks ``once``.
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
    """A stored schedule; ``problem`` says in a word of chat why it last asked nothing."""

    id: int
    paused: bool
    problem: str | None

    @property
    def cause(self) -> str:
        """The cause of the question that is due next: the schedule and its due time."""
        return self.cause_at(str(self.due_at))

    def cause_at(self, time: str) -> str:
        """Return the cause of the question of a time."""
        return f"{'reminder' if self.once else 'schedule'}:{self.id}:{time}"


class ScheduleStore:
    """The schedules of the ledger; each method is one transaction."""

    def __init__(self, database: LedgerSession, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now
        self.added: Final = asyncio.Event()
        """Set once there is a new due time; the waiting task clears it."""

    async def add(self, new: NewSchedule, *, most: int) -> Schedule:
        """Store a schedule.

        Raises ``TooManySchedulesError`` where the server, or in direct messages the member, has
        ``most`` already. Reminders are counted for themselves, and for each member.
        """
        now = self._now()

        def work(db: sqlite3.Connection) -> Schedule:
            (count,) = db.execute(
                """
                SELECT count(*) FROM schedules
                WHERE once = :once AND CASE WHEN :once THEN creator_id = :creator
                      ELSE guild_id IS :guild AND (:guild IS NOT NULL OR creator_id = :creator)
                      END
                """,
                {"guild": new.guild_id, "creator": new.creator_id, "once": new.once},
            ).fetchone()
            if count >= most:
                raise TooManySchedulesError(f"{count} schedules are stored beside the new one")
            (schedule_id,) = db.execute(
                """
                INSERT INTO schedules (guild_id, channel_id, creator_id, creator_name, content,
                                       rule, zone, due_at, once, created_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id
                """,
                (
                    new.guild_id,
                    new.channel_id,
                    new.creator_id,
                    new.creator_name,
                    new.content,
                    new.rule,
                    new.zone,
                    new.due_at,
                    new.once,
                    now,
                ),
            ).fetchone()
            return schedules_in(db, "WHERE id = ?", schedule_id)[0]

        added = await self._database.write(work)
        self.added.set()
        return added

    async def get(self, schedule_id: int) -> Schedule | None:
        """Return a schedule; None if there is none."""
        found = await self._schedules("WHERE id = ?", schedule_id)
        return found[0] if found else None

    async def of_guild(self, guild_id: int) -> tuple[Schedule, ...]:
        """Return the schedules of a server, oldest first."""
        return await self._schedules("WHERE guild_id = ?", guild_id)

    async def reminders(self, creator_id: int, guild_id: int | None) -> tuple[Schedule, ...]:
        """Return a member's reminders in a server or in direct messages, oldest first."""

        def work(db: sqlite3.Connection) -> tuple[Schedule, ...]:
            where = "WHERE once AND creator_id = ? AND guild_id IS ?"
            return schedules_in(db, where, creator_id, guild_id)

        return await self._database.read(work)

    async def in_direct_messages(self, creator_id: int) -> tuple[Schedule, ...]:
        """Return a member's schedules in direct messages, oldest first."""
        return await self._schedules("WHERE guild_id IS NULL AND creator_id = ?", creator_id)

    async def active(self) -> tuple[Schedule, ...]:
        """Return every schedule that has a next time and is not paused."""
        return await self._schedules("WHERE due_at IS NOT NULL AND NOT paused")

    async def due(self, now: float) -> tuple[Schedule, ...]:
        """Return the schedules whose time has come."""
        return await self._schedules("WHERE due_at IS NOT NULL AND NOT paused AND due_at <= ?", now)

    async def next_due_at(self, after: float) -> float | None:
        """Return the next time of all schedules after a moment."""
        statement = """
            SELECT min(due_at) FROM schedules
            WHERE due_at IS NOT NULL AND NOT paused AND due_at > ?
        """

        def work(db: sqlite3.Connection) -> float | None:
            (due_at,) = db.execute(statement, (after,)).fetchone()
            return None if due_at is None else float(due_at)

        return await self._database.read(work)

    async def in_other_zones(self, setting: str, default: str) -> tuple[tuple[Schedule, str], ...]:
        """Return schedules whose time zone is not their server's any more, and the server's.

        ``setting`` names the setting of servers with the time zone, ``default`` the time zone of
        servers without it and of direct messages.
        """

        def work(db: sqlite3.Connection) -> tuple[tuple[Schedule, str], ...]:
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
                (schedules_in(db, "WHERE id = ?", schedule_id)[0], zone)
                for schedule_id, zone in found
            )

        return await self._database.read(work)

    async def move(self, schedule: Schedule, due_at: float | None, zone: str) -> bool:
        """Set another next time, unless somebody else changed the schedule; return whether set."""
        return await self._change(
            "due_at = :due, zone = :zone", schedule, {"due": due_at, "zone": zone}
        )

    async def skip(
        self, schedule: Schedule, next_due_at: float | None, problem: str, *, pause: bool = False
    ) -> bool:
        """Ask nothing this time, for a reason; return whether nobody else was first."""
        return await self._change(
            "due_at = :due, problem = :problem, paused = :pause",
            schedule,
            {"due": next_due_at, "problem": problem, "pause": pause},
        )

    async def pause(self, schedule_id: int) -> None:
        """Let a schedule rest."""
        await self._database.write(
            lambda db: db.execute(
                "UPDATE schedules SET paused = 1 WHERE id = ?", (schedule_id,)
            ).close()
        )

    async def resume(self, schedule_id: int, due_at: float | None, zone: str) -> None:
        """Let a schedule that rests go on; nothing counts as missed meanwhile."""
        await self._database.write(
            lambda db: db.execute(
                """
                UPDATE schedules SET paused = 0, problem = NULL, due_at = ?, zone = ?
                WHERE id = ? AND paused
                """,
                (due_at, zone, schedule_id),
            ).close()
        )
        self.added.set()

    async def delete(self, schedule_id: int) -> bool:
        """Delete a schedule; return whether there was one."""
        return await self._database.write(
            lambda db: (
                db.execute("DELETE FROM schedules WHERE id = ?", (schedule_id,)).rowcount == 1
            )
        )

    async def ask(
        self,
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

        def work(db: sqlite3.Connection) -> bool:
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
            is_full = waiting_beside(db, new, home) >= most
            if is_full and schedule.once:
                return False
            values = {
                "due": next_due_at,
                "zone": zone,
                "problem": "queue-full" if is_full else None,
            }
            change = "due_at = :due, zone = :zone, problem = :problem"
            if not _changed(db, change, schedule, values) or is_full:
                return False
            if schedule.once:
                db.execute("DELETE FROM schedules WHERE id = ?", (schedule.id,))
            if not insert(db, new, now):
                return False
            route(db, new.id, home, fallback=False, now=now)
            return True

        return await self._database.write(work)

    async def _change(self, change: str, schedule: Schedule, values: dict[str, Any]) -> bool:
        return await self._database.write(lambda db: _changed(db, change, schedule, values))

    async def _schedules(self, where: str, *values: float) -> tuple[Schedule, ...]:
        return await self._database.read(lambda db: schedules_in(db, where, *values))


def schedules_in(db: sqlite3.Connection, where: str, *values: float | None) -> tuple[Schedule, ...]:
    """Return the schedules of a WHERE clause, oldest first."""
    statement = f"{_SCHEDULE} {where} ORDER BY id"
    return tuple(_schedule(row) for row in db.execute(statement, values))


def _changed(
    db: sqlite3.Connection, change: str, schedule: Schedule, values: dict[str, Any]
) -> bool:
    """Change a schedule that is still as it was read; return whether it was."""
    known = {"id": schedule.id, "known": schedule.due_at}
    cursor = db.execute(
        f"UPDATE schedules SET {change} WHERE id = :id AND due_at IS :known AND NOT paused",
        {**known, **values},
    )
    return cursor.rowcount == 1


def _schedule(row: tuple[Any, ...]) -> Schedule:
    return Schedule(
        id=row[0],
        guild_id=row[1],
        channel_id=row[2],
        creator_id=row[3],
        creator_name=row[4],
        content=row[5],
        rule=row[6],
        zone=row[7],
        due_at=row[8],
        once=bool(row[9]),
        paused=bool(row[10]),
        problem=row[11],
    )
