"""``/schedule``: questions that are asked at set times, in the name of their creator."""

from typing import Final
from zoneinfo import ZoneInfo

import discord
import msgspec
from discord import app_commands

from bot.chat.commands.interaction_handler import (
    Interaction,
    InteractionHandler,
    answers_privately,
)
from bot.chat.commands.localization import Choices, matching
from bot.chat.places.places import can_write
from bot.chat.schedules.moments import LONGEST_MOMENT
from bot.chat.schedules.reminders import LONGEST_REMINDER
from bot.chat.schedules.rules import (
    LONGEST_CRON,
    WEEKDAYS,
    Repeat,
    Rule,
    Weekday,
    cron_rule,
    minutes_of,
    rule_from_json,
)
from bot.chat.texts import overviews, sentences
from bot.chat.texts.fluent import RefusalError, localized
from bot.chat.texts.plain_text import well_formed
from bot.store.ledger import Asker, NewSchedule, Schedule, TooManySchedulesError

Text = app_commands.Range[str, 1, LONGEST_REMINDER]
TimeOfDay = app_commands.Range[str, 1, 12]
DayOfMonth = app_commands.Range[int, 1, 31]
Moment = app_commands.Range[str, 1, LONGEST_MOMENT]
Cron = app_commands.Range[str, 1, LONGEST_CRON]
Number = app_commands.Range[str, 1, 20]
Place = app_commands.AppCommandChannel | app_commands.AppCommandThread

_LONGEST_SHOWN: Final = 80
"""The most characters of a schedule's question in a list."""

_WITH_TEXT: Final = frozenset(
    {
        discord.ChannelType.text,
        discord.ChannelType.news,
        discord.ChannelType.voice,
        discord.ChannelType.stage_voice,
        discord.ChannelType.public_thread,
        discord.ChannelType.private_thread,
        discord.ChannelType.news_thread,
    }
)


class ScheduleCommands(InteractionHandler):
    """Handles ``/schedule``.

    Members manage their own schedules; members with Manage Server manage all of a server's.
    """

    @answers_privately
    async def remind(self, interaction: Interaction, when: Moment, text: Text) -> str:
        """Have a member reminded of something once, in this channel."""
        channel_id = await self._allowed_channel(interaction, None)
        added = await self._services.reminders.add(
            Asker(interaction.user.id, interaction.user.display_name),
            interaction.guild_id,
            channel_id,
            when=when,
            text=text,
        )
        return localized("schedule-added", line=_line(added), zone=added.zone)

    @answers_privately
    async def add(
        self,
        interaction: Interaction,
        text: Text,
        repeat: Repeat,
        time: TimeOfDay | None = None,
        weekday: Weekday | None = None,
        day: DayOfMonth | None = None,
        cron: Cron | None = None,
        channel: Place | None = None,
    ) -> str:
        """Have a question asked at set times."""
        content = well_formed(text).strip()
        if not content:
            raise RefusalError(localized("schedule-no-text"))
        guild_id, now = interaction.guild_id, self._clock.now()
        zone, zone_name = await self._services.due_questions.zone(guild_id)
        if repeat == "cron":
            rule = self._cron_rule(cron, now, zone)
        else:
            rule = _timed_rule(repeat, time, weekday, day)
        schedule = NewSchedule(
            guild_id=guild_id,
            channel_id=await self._allowed_channel(interaction, channel),
            creator_id=interaction.user.id,
            creator_name=well_formed(interaction.user.display_name),
            content=content,
            rule=rule.to_json(),
            zone=zone_name,
            due_at=rule.next_after(now, zone),
        )
        most = self._services.schedules.most_per_server
        try:
            added = await self._ledger.schedules.add(schedule, most=most)
        except TooManySchedulesError:
            raise RefusalError(localized("schedules-full", most=most)) from None
        return localized("schedule-added", line=_line(added), zone=added.zone)

    @answers_privately
    async def list_schedules(self, interaction: Interaction) -> str:
        """List the schedules that this member may manage, and those of this channel."""
        lines = [
            _line(schedule)
            for schedule in await self._here(interaction)
            if _may_manage(schedule, interaction) or schedule.channel_id == interaction.channel_id
        ]
        return overviews.lines(lines) or localized("no-schedules")

    @answers_privately
    async def run(self, interaction: Interaction, schedule: Number) -> str:
        """Ask a schedule's question now; its next time stays."""
        known = await self._named(interaction, schedule)
        problem = await self._services.due_questions.ask_now(
            known, interaction.id, interaction.user.id, interaction.user.display_name
        )
        if problem is not None:
            raise RefusalError(_problem(problem))
        return localized("schedule-runs", channel=str(known.channel_id))

    @answers_privately
    async def pause(self, interaction: Interaction, schedule: Number) -> str:
        """Pause a schedule, or resume a paused one."""
        known = await self._named(interaction, schedule)
        if known.paused:
            zone, zone_name = await self._services.due_questions.zone(known.guild_id)
            rule = _rule(known)
            # A reminder is late rather than missed.
            due_at = rule.at if known.once else rule.next_after(self._clock.now(), zone)
            await self._ledger.schedules.resume(known.id, due_at, zone_name)
        else:
            await self._ledger.schedules.pause(known.id)
        return _line(await self._named(interaction, schedule))

    @answers_privately
    async def delete(self, interaction: Interaction, schedule: Number) -> str:
        """Delete a schedule."""
        known = await self._named(interaction, schedule)
        if not await self._ledger.schedules.delete(known.id):
            raise RefusalError(_no_such(schedule))
        return localized("schedule-deleted", number=str(known.id))

    async def own_schedule(self, interaction: Interaction, typed: str) -> Choices:
        """Complete the number of a schedule that this member may manage."""
        named = [
            (f"#{schedule.id} · {' '.join(schedule.content.split())}", str(schedule.id))
            for schedule in await self._here(interaction)
            if _may_manage(schedule, interaction)
        ]
        return matching(typed, named)

    def _cron_rule(self, cron: str | None, now: float, zone: ZoneInfo) -> Rule:
        """Return the rule of a cron expression; raises ``RefusalError``."""
        if cron is None:
            raise RefusalError(localized("schedule-no-cron"))
        rule, least = cron_rule(cron, now, zone), self._services.schedules.least_minutes
        if rule.shortest_interval(now, zone) < least * 60:
            raise RefusalError(localized("schedule-too-often", minutes=least))
        return rule

    async def _allowed_channel(self, interaction: Interaction, channel: Place | None) -> int:
        """Return the channel in which a schedule of this member asks.

        Raises ``RefusalError`` where the member may not have anything asked there.
        """
        channel_id = _channel_of(interaction, channel)
        refused = await self._services.due_questions.refused(
            interaction.user.id, channel_id, interaction.guild_id
        )
        if refused is not None:
            raise RefusalError(localized(refused))
        return channel_id

    async def _here(self, interaction: Interaction) -> tuple[Schedule, ...]:
        """Return the schedules of the interaction's server; of the member in direct messages."""
        if interaction.guild_id is None:
            return await self._ledger.schedules.in_direct_messages(interaction.user.id)
        return await self._ledger.schedules.of_guild(interaction.guild_id)

    async def _named(self, interaction: Interaction, name: str) -> Schedule:
        """Return the schedule with a number; ``RefusalError`` if this member may not manage it."""
        number = name.strip().removeprefix("#")
        for schedule in await self._here(interaction):
            if str(schedule.id) == number and _may_manage(schedule, interaction):
                return schedule
        raise RefusalError(_no_such(name))


def _may_manage(schedule: Schedule, interaction: Interaction) -> bool:
    """Return whether this member may run, pause and delete a schedule."""
    is_manager = schedule.guild_id is not None and interaction.permissions.manage_guild
    return is_manager or schedule.creator_id == interaction.user.id


def _problem(problem: str) -> str:
    """Return why a schedule asks nothing, as members read it."""
    if problem.startswith("refused-"):
        return localized(problem)
    return localized(f"schedule-problem.{problem}")


def _timed_rule(repeat: Repeat, time: str | None, weekday: Weekday | None, day: int | None) -> Rule:
    """Return the rule of a schedule with a time of day; raises ``RefusalError``."""
    if time is None:
        raise RefusalError(localized("schedule-no-time"))
    number = 0
    if repeat == "weekly":
        if weekday is None:
            raise RefusalError(localized("schedule-no-weekday"))
        number = WEEKDAYS.index(weekday) + 1
    elif repeat == "monthly":
        if day is None:
            raise RefusalError(localized("schedule-no-day"))
        number = day
    return Rule(repeat=repeat, time=minutes_of(time), day=number)


def _channel_of(interaction: Interaction, channel: Place | None) -> int:
    """Return the channel in which a schedule asks: the named one, else the interaction's.

    Raises ``RefusalError`` where the member or the bot can't write there.
    """
    channel_id = interaction.channel_id or 0
    if interaction.guild_id is None:
        return channel_id
    kind = getattr(interaction.channel, "type", None)
    members, bots = interaction.permissions, interaction.app_permissions
    if channel is not None and channel.id != channel_id:
        channel_id, kind, members = channel.id, channel.type, channel.permissions
        found, guild = channel.resolve(), interaction.guild
        if found is not None and guild is not None:
            bots = found.permissions_for(guild.me)
    if kind not in _WITH_TEXT:
        raise RefusalError(localized("schedule-no-text-channel"))
    in_thread = kind in (
        discord.ChannelType.public_thread,
        discord.ChannelType.private_thread,
        discord.ChannelType.news_thread,
    )
    if not can_write(members, in_thread=in_thread):
        raise RefusalError(localized("schedule-not-yours-to-write", channel=str(channel_id)))
    if not can_write(bots, in_thread=in_thread):
        raise RefusalError(localized("cannot-write-there", channel=str(channel_id)))
    return channel_id


def _rule(schedule: Schedule) -> Rule:
    """Return the rule of a stored schedule; raises ``RefusalError`` if it can't be read."""
    try:
        return rule_from_json(schedule.rule)
    except msgspec.MsgspecError as error:
        raise RefusalError(localized("schedule-problem.broken")) from error


def _line(schedule: Schedule) -> str:
    """Return a schedule as a line of the list."""
    try:
        rule = _rule(schedule).described()
    except RefusalError as error:
        rule = error.sentence
    line = localized(
        "schedule-line",
        number=str(schedule.id),
        rule=rule,
        channel=str(schedule.channel_id),
        creator=str(schedule.creator_id),
        text=sentences.plain(sentences.shortened(schedule.content, _LONGEST_SHOWN)),
    )
    if schedule.paused:
        line += f" {localized('schedule-paused')}"
    elif schedule.due_at is not None and not schedule.once:
        line += f" {localized('schedule-next', when=f'<t:{int(schedule.due_at)}:f>')}"
    if schedule.problem is not None:
        line += f"\n-# {localized('schedule-last-problem', why=_problem(schedule.problem))}"
    return line


def _no_such(name: str) -> str:
    return localized("no-such-schedule", number=sentences.plain(name))
