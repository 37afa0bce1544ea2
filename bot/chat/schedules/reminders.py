"""Sets reminders: schedules that ask once, in the channel where the member set the reminder."""

from typing import Final
from zoneinfo import ZoneInfo

from bot.chat.places.server_settings import GuildSettings, server_settings, zone_of
from bot.chat.schedules.moments import moment_of
from bot.chat.schedules.rules import ONCE, Rule, RuleError
from bot.chat.texts.fluent import localized
from bot.chat.texts.plain_text import well_formed
from bot.runtime.clock import Clock
from bot.store.ledger import Asker, Ledger, NewSchedule, Schedule, TooManySchedulesError

LONGEST_REMINDER: Final = 1_500
"""The most characters of a reminder."""


class Reminders:
    """The reminders of all members; ``zone`` is the time zone of servers that have not set one."""

    def __init__(self, ledger: Ledger, clock: Clock, zone: ZoneInfo, *, most: int) -> None:
        self._ledger = ledger
        self._clock = clock
        self._zone = zone
        self._most = most

    async def add(
        self,
        asker: Asker,
        guild_id: int | None,
        channel_id: int,
        *,
        when: str,
        text: str,
    ) -> Schedule:
        """Set a reminder of a member; raises ``RuleError`` with a sentence, and ``LedgerError``."""
        content = well_formed(text).strip()[:LONGEST_REMINDER]
        if not content:
            raise RuleError(localized("reminder-no-text"))
        settings = GuildSettings()
        if guild_id is not None:
            settings = await server_settings(self._ledger, guild_id)
        zone = zone_of(settings, self._zone)
        due_at = moment_of(when, self._clock.now(), zone)
        try:
            return await self._ledger.schedules.add(
                NewSchedule(
                    guild_id=guild_id,
                    channel_id=channel_id,
                    creator_id=asker.id,
                    creator_name=well_formed(asker.name),
                    content=content,
                    rule=Rule(repeat=ONCE, at=due_at).to_json(),
                    zone=settings.time_zone or self._zone.key,
                    due_at=due_at,
                    once=True,
                ),
                most=self._most,
            )
        except TooManySchedulesError as error:
            raise RuleError(localized("reminders-full", most=self._most)) from error

    async def of_member(self, member_id: int, guild_id: int | None) -> tuple[Schedule, ...]:
        """Return a member's reminders in a server or in direct messages; raises ``LedgerError``."""
        return await self._ledger.schedules.reminders(member_id, guild_id)

    async def delete(self, member_id: int, guild_id: int | None, number: int) -> bool:
        """Delete a member's reminder; return whether there was one. Raises ``LedgerError``."""
        found = await self.of_member(member_id, guild_id)
        return number in {each.id for each in found} and await self._ledger.schedules.delete(number)
