"""``/schedule``: questions that the bot is asked at times, in their creator's name."""

from typing import Any, Final

import discord
import msgspec
from discord import app_commands

from bot.chat.commands.interaction import AcknowledgedInteraction
from bot.chat.commands.localization import Choices
from bot.chat.places.places import can_write
from bot.chat.schedules.due_questions import DueQuestions
from bot.chat.schedules.moments import LONGEST_MOMENT
from bot.chat.schedules.reminders import LONGEST_REMINDER, Reminders
from bot.chat.schedules.rules import (
    LONGEST_CRON,
    WEEKDAYS,
    Repeat,
    Rule,
    RuleError,
    Weekday,
    cron_rule,
    minutes_of,
    rule_from_json,
)
from bot.chat.texts import overviews, sentences
from bot.chat.texts.fluent import localized
from bot.chat.texts.plain_text import well_formed
from bot.chat.transport.rest_retry import RestRetry
from bot.config import SchedulesSettings
from bot.runtime.clock import Clock
from bot.store.ledger import Ledger, NewSchedule, Schedule, TooManySchedulesError

Text = app_commands.Range[str, 1, LONGEST_REMINDER]
TimeOfDay = app_commands.Range[str, 1, 12]
DayOfMonth = app_commands.Range[int, 1, 31]
Moment = app_commands.Range[str, 1, LONGEST_MOMENT]
Cron = app_commands.Range[str, 1, LONGEST_CRON]
Number = app_commands.Range[str, 1, 20]
Place = app_commands.AppCommandChannel | app_commands.AppCommandThread

_MOST_CHOICES: Final = 25
_LONGEST_LABEL: Final = 100
_LONGEST_SHOWN: Final = 80

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


class ScheduleCommands:
    """Handles ``/schedule``. Members manage their own schedules; Manage Server all of a server."""

    def __init__(
        self,
        ledger: Ledger,
        rest: RestRetry,
        clock: Clock,
        due_questions: DueQuestions,
        reminders: Reminders,
        settings: SchedulesSettings,
    ) -> None:
        self._ledger = ledger
        self._rest = rest
        self._clock = clock
        self._due_questions = due_questions
        self._reminders = reminders
        self._settings = settings

    async def remind(self, interaction: discord.Interaction[Any], when: Moment, text: Text) -> None:
        """Have a member reminded of something once, in this channel."""
        async with self._acknowledged(interaction) as response:
            try:
                channel_id = await self._allowed_channel(interaction, None)
                added = await self._reminders.add(
                    interaction.user.id,
                    interaction.user.display_name,
                    interaction.guild_id,
                    channel_id,
                    when=when,
                    text=text,
                )
            except RuleError as error:
                await response.show(error.sentence)
            else:
                line = _line(added)
                await response.show(localized("schedule-added", line=line, zone=added.zone))

    async def add(
        self,
        interaction: discord.Interaction[Any],
        text: Text,
        repeat: Repeat,
        time: TimeOfDay | None = None,
        weekday: Weekday | None = None,
        day: DayOfMonth | None = None,
        cron: Cron | None = None,
        channel: Place | None = None,
    ) -> None:
        """Have a question asked at times."""
        async with self._acknowledged(interaction) as response:
            try:
                added = await self._added(
                    interaction, text, repeat, time, weekday, day, cron, channel
                )
            except RuleError as error:
                await response.show(error.sentence)
            except TooManySchedulesError:
                most = self._settings.most_per_server
                await response.show(localized("schedules-full", most=most))
            else:
                line = _line(added)
                await response.show(localized("schedule-added", line=line, zone=added.zone))

    async def list_schedules(self, interaction: discord.Interaction[Any]) -> None:
        """List the schedules that this member may manage, and those of this channel."""
        async with self._acknowledged(interaction) as response:
            schedules = [
                each
                for each in await self._here(interaction)
                if may_manage(each, interaction) or each.channel_id == interaction.channel_id
            ]
            text = overviews.lines([_line(each) for each in schedules])
            await response.show(text or localized("no-schedules"))

    async def run(self, interaction: discord.Interaction[Any], schedule: Number) -> None:
        """Ask a schedule's question now; its next time stays."""
        async with self._acknowledged(interaction) as response:
            known = await self._named(interaction, schedule)
            if known is None:
                await response.show(_no_such(schedule))
                return
            problem = await self._due_questions.ask_now(
                known, interaction.id, interaction.user.id, interaction.user.display_name
            )
            if problem is not None:
                await response.show(told(problem))
            else:
                await response.show(localized("schedule-runs", channel=str(known.channel_id)))

    async def pause(self, interaction: discord.Interaction[Any], schedule: Number) -> None:
        """Let a schedule rest, or go on where it rests."""
        async with self._acknowledged(interaction) as response:
            known = await self._named(interaction, schedule)
            if known is None:
                await response.show(_no_such(schedule))
                return
            if known.paused:
                zone, zone_name = await self._due_questions.zone(known.guild_id)
                rule = _rule(known)
                # A reminder is late rather than missed.
                due_at = rule.at if known.once else rule.next_after(self._clock.now(), zone)
                await self._ledger.schedules.resume(known.id, due_at, zone_name)
            else:
                await self._ledger.schedules.pause(known.id)
            now = await self._ledger.schedules.get(known.id)
            await response.show(_no_such(schedule) if now is None else _line(now))

    async def delete(self, interaction: discord.Interaction[Any], schedule: Number) -> None:
        """Delete a schedule."""
        async with self._acknowledged(interaction) as response:
            known = await self._named(interaction, schedule)
            if known is None or not await self._ledger.schedules.delete(known.id):
                await response.show(_no_such(schedule))
            else:
                await response.show(localized("schedule-deleted", number=str(known.id)))

    async def own_schedule(self, interaction: discord.Interaction[Any], typed: str) -> Choices:
        """Complete the number of a schedule that this member may manage."""
        found: Choices = []
        for each in await self._here(interaction):
            if may_manage(each, interaction):
                label = f"#{each.id} · {' '.join(each.content.split())}"
                if typed.casefold() in label.casefold():
                    name = sentences.shortened(label, _LONGEST_LABEL)
                    found.append(app_commands.Choice(name=name, value=str(each.id)))
        return found[:_MOST_CHOICES]

    async def _added(
        self,
        interaction: discord.Interaction[Any],
        text: str,
        repeat: Repeat,
        time: str | None,
        weekday: Weekday | None,
        day: int | None,
        cron: str | None,
        channel: Place | None,
    ) -> Schedule:
        """Store a schedule; raises ``RuleError`` with a reason, and ``TooManySchedulesError``."""
        content = well_formed(text).strip()
        if not content:
            raise RuleError(localized("schedule-no-text"))
        guild_id = interaction.guild_id
        zone, zone_name = await self._due_questions.zone(guild_id)
        now = self._clock.now()
        if repeat == "cron":
            if cron is None:
                raise RuleError(localized("schedule-no-cron"))
            rule = cron_rule(cron, now, zone)
            least = self._settings.least_minutes
            if rule.shortest_interval(now, zone) < least * 60:
                raise RuleError(localized("schedule-too-often", minutes=least))
        else:
            rule = _timed_rule(repeat, time, weekday, day)
        channel_id = await self._allowed_channel(interaction, channel)
        return await self._ledger.schedules.add(
            NewSchedule(
                guild_id=guild_id,
                channel_id=channel_id,
                creator_id=interaction.user.id,
                creator_name=well_formed(interaction.user.display_name),
                content=content,
                rule=rule.to_json(),
                zone=zone_name,
                due_at=rule.next_after(now, zone),
            ),
            most=self._settings.most_per_server,
        )

    async def _allowed_channel(
        self, interaction: discord.Interaction[Any], channel: Place | None
    ) -> int:
        """Return the channel in which a schedule of this member asks.

        Raises ``RuleError`` where the member may not have anything asked there.
        """
        channel_id = _channel_of(interaction, channel)
        refused = await self._due_questions.refused(
            interaction.user.id, channel_id, interaction.guild_id
        )
        if refused is not None:
            raise RuleError(localized(refused))
        return channel_id

    async def _here(self, interaction: discord.Interaction[Any]) -> tuple[Schedule, ...]:
        """Return the schedules of the interaction's server; of the member in direct messages."""
        if interaction.guild_id is None:
            return await self._ledger.schedules.in_direct_messages(interaction.user.id)
        return await self._ledger.schedules.of_guild(interaction.guild_id)

    async def _named(self, interaction: discord.Interaction[Any], name: str) -> Schedule | None:
        """Return the schedule with a number, if this member may manage it here."""
        number = name.strip().removeprefix("#")
        for each in await self._here(interaction):
            if str(each.id) == number and may_manage(each, interaction):
                return each
        return None

    def _acknowledged(self, interaction: discord.Interaction[Any]) -> AcknowledgedInteraction:
        return AcknowledgedInteraction(interaction, self._rest, ephemeral=True)


def may_manage(schedule: Schedule, interaction: discord.Interaction[Any]) -> bool:
    """Return whether this member may run, pause and delete a schedule."""
    is_manager = schedule.guild_id is not None and interaction.permissions.manage_guild
    return is_manager or schedule.creator_id == interaction.user.id


def told(problem: str) -> str:
    """Return why a schedule asks nothing, as members read it."""
    if problem.startswith("refused-"):
        return localized(problem)
    return localized(f"schedule-problem.{problem}")


def _timed_rule(repeat: Repeat, time: str | None, weekday: Weekday | None, day: int | None) -> Rule:
    """Return the rule of a schedule with a time of day; raises ``RuleError``."""
    if time is None:
        raise RuleError(localized("schedule-no-time"))
    number = 0
    if repeat == "weekly":
        if weekday is None:
            raise RuleError(localized("schedule-no-weekday"))
        number = WEEKDAYS.index(weekday) + 1
    elif repeat == "monthly":
        if day is None:
            raise RuleError(localized("schedule-no-day"))
        number = day
    return Rule(repeat=repeat, time=minutes_of(time), day=number)


def _channel_of(interaction: discord.Interaction[Any], channel: Place | None) -> int:
    """Return the channel in which a schedule asks: the named one, else the interaction's.

    Raises ``RuleError`` where the member or the bot can't write there.
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
        raise RuleError(localized("schedule-no-text-channel"))
    in_thread = kind in (
        discord.ChannelType.public_thread,
        discord.ChannelType.private_thread,
        discord.ChannelType.news_thread,
    )
    if not can_write(members, in_thread=in_thread):
        raise RuleError(localized("schedule-not-yours-to-write", channel=str(channel_id)))
    if not can_write(bots, in_thread=in_thread):
        raise RuleError(localized("cannot-write-there", channel=str(channel_id)))
    return channel_id


def _rule(schedule: Schedule) -> Rule:
    try:
        return rule_from_json(schedule.rule)
    except msgspec.MsgspecError as error:
        raise RuleError(localized("schedule-problem.broken")) from error


def _line(schedule: Schedule) -> str:
    """Return a schedule as a line of the list."""
    try:
        rule = _rule(schedule).described()
    except RuleError as error:
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
        line += f"\n-# {localized('schedule-last-problem', why=told(schedule.problem))}"
    return line


def _no_such(name: str) -> str:
    return localized("no-such-schedule", number=sentences.plain(name))
