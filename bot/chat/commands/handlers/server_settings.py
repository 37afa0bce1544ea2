"""``/settings``: a server's language, time zone, alert channel, and how long it keeps things."""

import zoneinfo
from datetime import datetime
from functools import cache
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import discord
from discord import app_commands

from bot.chat.commands.interaction import ManagersInteraction
from bot.chat.commands.localization import Choices
from bot.chat.places.server_settings import (
    ALERT_CHANNEL,
    RETENTION,
    TIME_ZONE,
    server_settings,
    zone_of,
)
from bot.chat.texts import sentences
from bot.chat.texts.fluent import language_of, localized
from bot.chat.texts.locales import Locales
from bot.chat.transport.rest_retry import RestRetry
from bot.runtime.clock import Clock
from bot.store.ledger import Ledger

ChosenLanguage = Literal["automatic", "en", "ja"]
"""A server's language; "automatic" is the one of a Community server, else English."""

Setting = Literal["language", "time_zone", "alert_channel", "retention_days"]

Days = app_commands.Range[int, 1, 3_650]

ZoneName = app_commands.Range[str, 1, 64]

AlertChannel = discord.TextChannel | discord.VoiceChannel | discord.StageChannel

_MOST_CHOICES: Final = 25

_STORED_AS: Final[dict[Setting, str]] = {
    "time_zone": TIME_ZONE,
    "alert_channel": ALERT_CHANNEL,
    "retention_days": RETENTION,
}


class SettingsCommands:
    """Handles ``/settings``, for members with Manage Server; ``time_zone`` is the operator's."""

    def __init__(
        self, ledger: Ledger, rest: RestRetry, clock: Clock, locales: Locales, time_zone: str
    ) -> None:
        self._ledger = ledger
        self._rest = rest
        self._clock = clock
        self._locales = locales
        self._zone = ZoneInfo(time_zone)

    async def show(self, interaction: discord.Interaction[Any]) -> None:
        """Show the settings of the server."""
        async with ManagersInteraction(interaction, self._rest) as response:
            if response.guild_id is not None:
                await response.show(await self._shown(response.guild_id))

    async def set(
        self,
        interaction: discord.Interaction[Any],
        language: ChosenLanguage | None = None,
        time_zone: ZoneName | None = None,
        alert_channel: AlertChannel | None = None,
        retention_days: Days | None = None,
    ) -> None:
        """Set what is named; the rest stays."""
        async with ManagersInteraction(interaction, self._rest) as response:
            guild_id = response.guild_id
            if guild_id is None:
                return
            values: dict[str, str | None] = {}
            if time_zone is not None:
                name = _zone_named(time_zone)
                if name is None:
                    shown = sentences.plain(time_zone)
                    await response.show(localized("settings-no-time-zone", name=shown))
                    return
                values[TIME_ZONE] = name
            if alert_channel is not None:
                if not _can_write(alert_channel):
                    shown = str(alert_channel.id)
                    await response.show(localized("cannot-write-there", channel=shown))
                    return
                values[ALERT_CHANNEL] = str(alert_channel.id)
            if retention_days is not None:
                values[RETENTION] = str(retention_days)
            if not values and language is None:
                await response.show(localized("settings-nothing-to-set"))
                return
            if language is not None:
                locale = None if language == "automatic" else language
                await self._ledger.locales.set_guild(guild_id, locale)
            if values:
                await self._ledger.settings.set(guild_id, guild_id, values)
            await response.show(await self._shown(guild_id))

    async def reset(self, interaction: discord.Interaction[Any], setting: Setting) -> None:
        """Take the choice of one setting back."""
        async with ManagersInteraction(interaction, self._rest) as response:
            guild_id = response.guild_id
            if guild_id is None:
                return
            if setting == "language":
                await self._ledger.locales.set_guild(guild_id, None)
            else:
                await self._ledger.settings.set(guild_id, guild_id, {_STORED_AS[setting]: None})
            await response.show(await self._shown(guild_id))

    async def time_zones(self, interaction: discord.Interaction[Any], typed: str) -> Choices:
        """Complete the name of a time zone."""
        wanted = typed.strip().casefold().replace(" ", "_")
        return [
            app_commands.Choice(name=name, value=name)
            for name in _zones()
            if wanted in name.casefold()
        ][:_MOST_CHOICES]

    async def _shown(self, guild_id: int) -> str:
        settings = await server_settings(self._ledger, guild_id)
        chosen = await self._ledger.locales.of_guild(guild_id)
        language = await self._locales.of_guild(guild_id)
        zone = zone_of(settings, self._zone)
        now = datetime.fromtimestamp(self._clock.now(), zone)
        automatic = chosen is None or language_of(chosen) is None
        lines = [
            localized(
                "settings-language-automatic" if automatic else "settings-language-is",
                chosen=localized(f"settings-language-choice.{language}"),
            ),
            localized("settings-time-zone-is", zone=zone.key, time=f"{now:%H:%M}"),
            localized("settings-no-alerts")
            if settings.alert_channel_id is None
            else localized("settings-alerts-are", channel=str(settings.alert_channel_id)),
            localized("settings-no-retention")
            if settings.retention_days is None
            else localized("settings-retention-is", days=settings.retention_days),
        ]
        return "\n".join(lines)


@cache
def _zones() -> tuple[str, ...]:
    """Return the names of the time zones of regions, in order."""
    names = zoneinfo.available_timezones()
    return ("UTC", *sorted(name for name in names if "/" in name and not name.startswith("Etc/")))


def _zone_named(name: str) -> str | None:
    """Return a time zone's name as it is spelled; None if there is no such time zone."""
    wanted = name.strip().casefold().replace(" ", "_")
    known = zoneinfo.available_timezones()
    found = next((each for each in sorted(known) if each.casefold() == wanted), None)
    return None if found is None or found == "localtime" else found


def _can_write(channel: AlertChannel) -> bool:
    has = channel.permissions_for(channel.guild.me)
    return has.view_channel and has.send_messages
