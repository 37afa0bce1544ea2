"""Asks the questions of schedules when they are due, once for each due time.

A question is stored together with the next time of its schedule. Its cause is the schedule with the
due time, which is unique in the ledger. So neither a restart nor a changed clock asks it twice.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final
from zoneinfo import ZoneInfo

import discord
import msgspec

from bot.chat.access.access_gate import AccessGate, role_ids_json
from bot.chat.access.access_requests import AccessRequests
from bot.chat.places.places import can_write
from bot.chat.places.server_settings import TIME_ZONE, GuildSettings, server_settings, zone_of
from bot.chat.schedules.rules import rule_from_json
from bot.chat.texts.plain_text import well_formed
from bot.chat.transport.login import own_user
from bot.chat.transport.rest_retry import MISSING_ACCESS, UNKNOWN_CHANNEL, RestRetry
from bot.config import SchedulesSettings
from bot.runtime.clock import Clock
from bot.runtime.metrics import Metrics
from bot.runtime.tasks import BackgroundTasks, cancelling
from bot.store.ledger import Ledger, LedgerError, Link, NewQuestion, QueueFullError, Schedule

LOOK_SECONDS: Final = 15.0
"""The longest time between two looks at the clock, in seconds: the clock may be changed."""

ON_TIME: Final = 120.0
"""How late a question is asked without counting as missed, in seconds."""

LEFT: Final = "refused-left"
"""The problem of a schedule whose creator has left the server."""

GONE: Final = "gone"
"""The problem of a schedule whose channel does not exist, or is hidden from the bot."""

BROKEN: Final = "broken"
"""The problem of a schedule whose rule this version can't read."""

MISSED: Final = "missed"
"""The problem of a schedule whose time passed while the bot was away."""

HANDED_OVER: Final = "handed-over"
"""The problem of a schedule whose channel thread people answer."""

NO_ACCESS: Final = "no-access"
"""The problem of a schedule whose creator can't see the channel any more, or can't write there."""

_SET_BACK: Final = 1.0

_log: Final = logging.getLogger(__name__)


class DueQuestions:
    """Asks due questions in the background; ``schedule`` is called with the channel of each.

    ``time_zone`` is the zone of servers that have not set one. At most ``most_waiting`` questions
    wait in a channel.
    """

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        rest: RestRetry,
        clock: Clock,
        gate: AccessGate,
        access_requests: AccessRequests,
        settings: SchedulesSettings,
        *,
        time_zone: str,
        schedule: Callable[[int], None],
        most_waiting: int,
        look_seconds: float,
        metrics: Metrics,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._rest = rest
        self._clock = clock
        self._gate = gate
        self._requests = access_requests
        self._asks_missed = settings.missed == "once"
        self._time_zone = time_zone
        self._schedule = schedule
        self._most_waiting = most_waiting
        self._look_seconds = look_seconds
        self._metrics = metrics
        self._looked_at: float | None = None
        self._tasks = BackgroundTasks()

    def start(self) -> None:
        """Begin to look at the clock."""
        self._tasks.start(self._run(), "Schedules ask nothing until the next start")

    async def stop(self) -> None:
        """Stop asking."""
        await self._tasks.stop()

    async def zone(self, guild_id: int | None) -> tuple[ZoneInfo, str]:
        """Return the time zone of a server's schedules, and the zone's name as it was set."""
        settings = GuildSettings()
        if guild_id is not None:
            settings = await server_settings(self._ledger, guild_id)
        return self._zone(settings.time_zone or self._time_zone)

    async def refused(self, user_id: int, channel_id: int, guild_id: int | None) -> str | None:
        """Return why a member may schedule nothing in a channel; None if the member may.

        Raises ``LedgerError``.
        """
        return (await self._checked(user_id, channel_id, guild_id))[0]

    async def _checked(
        self, user_id: int, channel_id: int, guild_id: int | None
    ) -> tuple[str | None, str]:
        """Return why a member may not use the bot in a channel, None if the member may.

        The second value is the member's role ids as JSON.
        """
        request = await self._requests.of_creator(user_id, channel_id, guild_id)
        refusal = await self._gate.check(request)
        problem = None if refusal is None else f"refused-{refusal.reason}"
        return problem, role_ids_json(request.role_ids)

    async def _home_or_problem(self, schedule: Schedule, user_id: int) -> tuple[Link | str, str]:
        """Return the link of a schedule's channel, or why it may not ask for a member now.

        The second value is the member's role ids as JSON.
        """
        channel_id = schedule.channel_id
        problem, role_ids = await self._checked(user_id, channel_id, schedule.guild_id)
        if problem is not None:
            return problem, role_ids
        if await self._ledger.handovers.is_under_way(channel_id):
            return HANDED_OVER, role_ids
        home = await self._home(schedule)
        if home is None:
            return GONE, role_ids
        return home if await self._can_write(user_id, schedule) else NO_ACCESS, role_ids

    async def ask_now(
        self, schedule: Schedule, interaction_id: int, user_id: int, user_name: str
    ) -> str | None:
        """Ask a schedule's question for a member now; return a problem, None if it was asked.

        A second call for the same interaction asks nothing. Raises ``LedgerError``.
        """
        home, role_ids = await self._home_or_problem(schedule, user_id)
        if isinstance(home, str):
            return home
        question = NewQuestion(
            id=interaction_id,
            channel_id=schedule.channel_id,
            guild_id=schedule.guild_id,
            author_id=user_id,
            author_name=well_formed(user_name),
            content=schedule.content,
            cause=schedule.cause_at(f"run.{interaction_id}"),
            role_ids=role_ids,
        )
        try:
            asked = await self._ledger.questions.take(question, home, most=self._most_waiting)
        except QueueFullError:
            return "queue-full"
        if asked:
            self._metrics.question_taken()
            self._schedule(schedule.channel_id)
        return None

    def _zone(self, name: str) -> tuple[ZoneInfo, str]:
        return zone_of(GuildSettings(time_zone=name), ZoneInfo(self._time_zone)), name

    async def _run(self) -> None:
        while True:
            self._ledger.schedules.added.clear()
            seconds = self._look_seconds
            try:
                now = self._clock.now()
                await self._look(now)
                next_due_at = await self._ledger.schedules.next_due_at(now)
                if next_due_at is not None:
                    seconds = min(seconds, max(next_due_at - self._clock.now(), 0.0))
            except LedgerError as error:
                _log.warning("Schedules can't be read (%s); trying again later", error)
            await self._wait(seconds)

    async def _wait(self, seconds: float) -> None:
        """Wait for a time, or until a schedule is added."""
        added = asyncio.create_task(self._ledger.schedules.added.wait())
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        async with cancelling(added, sleeping):
            await asyncio.wait({added, sleeping}, return_when=asyncio.FIRST_COMPLETED)

    async def _look(self, now: float) -> None:
        """Ask all due questions; raises ``LedgerError``."""
        before, self._looked_at = self._looked_at, now
        if before is None or now < before - _SET_BACK:
            for schedule in await self._ledger.schedules.active():
                await self._pull_back(schedule, now)
        for schedule, zone in await self._ledger.schedules.in_other_zones(
            TIME_ZONE, self._time_zone
        ):
            await self._move_zone(schedule, zone, now)
        for schedule in await self._ledger.schedules.due(now):
            try:
                await self._ask(schedule, now)
            except LedgerError:
                raise
            except Exception:  # noqa: BLE001 - a defect with one schedule must not stop the others
                _log.exception("Schedule %d could not ask; the next look tries again", schedule.id)

    async def _pull_back(self, schedule: Schedule, now: float) -> None:
        """Store an earlier due time if the clock was set back after the last computation."""
        next_due_at = self._next(schedule, self._zone(schedule.zone)[0], now)
        known = schedule.due_at
        if next_due_at is not None and known is not None and next_due_at < known:
            await self._ledger.schedules.move(schedule, next_due_at, schedule.zone)

    async def _move_zone(self, schedule: Schedule, zone: str, now: float) -> None:
        """Recompute a due time if the server's time zone has changed, unless it is due already."""
        if schedule.due_at is not None and schedule.due_at > now:
            next_due_at = self._next(schedule, self._zone(zone)[0], now)
            await self._ledger.schedules.move(schedule, next_due_at, zone)

    def _next(self, schedule: Schedule, zone: ZoneInfo, now: float) -> float | None:
        """Return a schedule's next time from now on; its stored time if the rule can't be read."""
        try:
            return rule_from_json(schedule.rule).next_after(now, zone)
        except msgspec.MsgspecError:
            return schedule.due_at

    async def _ask(self, schedule: Schedule, now: float) -> None:
        """Ask a schedule's question, or skip this time with a problem; raises ``LedgerError``."""
        guild_id, channel_id = schedule.guild_id, schedule.channel_id
        if guild_id is not None and self._client.get_guild(guild_id) is None:
            return  # an outage of the server, or the bot was removed: asked when it is back
        skip = self._ledger.schedules.skip
        try:
            rule = rule_from_json(schedule.rule)
        except msgspec.MsgspecError as error:
            _log.warning("Schedule %d can't be read: %s", schedule.id, error)
            await skip(schedule, schedule.due_at, BROKEN, pause=True)
            return
        zone, zone_name = await self.zone(guild_id)
        next_due_at = rule.next_after(now, zone)
        due_at = schedule.due_at
        is_missed = due_at is not None and now - due_at > ON_TIME and not schedule.once
        if is_missed and not self._asks_missed:
            await skip(schedule, next_due_at, MISSED)
            return
        home, role_ids = await self._home_or_problem(schedule, schedule.creator_id)
        if isinstance(home, str):
            # A reminder waits until the assistant speaks again.
            if not (home == HANDED_OVER and schedule.once):
                await skip(schedule, next_due_at, home, pause=home in (LEFT, GONE))
            return
        asked = await self._ledger.schedules.ask(
            schedule,
            home,
            next_due_at,
            zone_name,
            most=self._most_waiting,
            role_ids=role_ids,
        )
        if asked:
            _log.info("Schedule %d asks in channel %d", schedule.id, channel_id)
            self._metrics.question_taken()
            self._schedule(channel_id)

    async def _can_write(self, user_id: int, schedule: Schedule) -> bool:
        """Return whether a member sees a schedule's channel now, and can write there."""
        guild_id, channel_id = schedule.guild_id, schedule.channel_id
        guild = None if guild_id is None else self._client.get_guild(guild_id)
        if guild is None:
            return guild_id is None
        try:
            channel: object = guild.get_channel_or_thread(channel_id)
            if channel is None:
                channel = await self._rest.call(lambda: self._client.fetch_channel(channel_id))
            member = await self._rest.call(lambda: guild.fetch_member(user_id))
            if isinstance(channel, discord.Thread) and channel.is_private():
                thread = channel
                if not thread.permissions_for(member).manage_threads:
                    await self._rest.call(lambda: thread.fetch_member(user_id))
        except discord.NotFound:
            return False
        if not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
            return False
        in_thread = isinstance(channel, discord.Thread)
        return can_write(channel.permissions_for(member), in_thread=in_thread)

    async def _home(self, schedule: Schedule) -> Link | None:
        """Return the link of a schedule's channel; None for a channel that is gone."""
        return await home_of(
            self._client, self._ledger, self._rest, schedule.channel_id, schedule.guild_id
        )


async def home_of(
    client: discord.Client,
    ledger: Ledger,
    rest: RestRetry,
    channel_id: int,
    guild_id: int | None,
) -> Link | None:
    """Return the link of a channel in which a schedule asks; None for a channel that is gone.

    Raises ``LedgerError``.
    """
    known = await ledger.link(channel_id)
    if guild_id is None:
        return known or Link(
            channel_id=channel_id, guild_id=None, parent_id=channel_id, listening=True
        )
    channel = client.get_channel(channel_id)
    if channel is None:
        # A deleted channel, or a channel thread that is archived.
        try:
            channel = await rest.call(lambda: client.fetch_channel(channel_id))
        except discord.HTTPException as error:
            if error.code in (UNKNOWN_CHANNEL, MISSING_ACCESS):
                return None
            raise
    if known is not None:
        return known
    if isinstance(channel, discord.Thread):
        return Link(
            channel_id=channel_id,
            guild_id=guild_id,
            parent_id=channel.parent_id,
            listening=channel.owner_id == own_user(client).id,
            private=channel.is_private(),
        )
    return Link(channel_id=channel_id, guild_id=guild_id, parent_id=channel_id, listening=False)
