"""``/settings``: a server's language, time zone, alert channel, and how long it keeps things."""

import zoneinfo
from datetime import datetime
from functools import cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

import discord
from discord import app_commands

from bot.chat.commands.interaction_handler import (
    Interaction,
    InteractionHandler,
    answers_privately,
    managers_guild,
)
from bot.chat.commands.localization import Choices, matching
from bot.chat.places.places import can_write
from bot.chat.places.server_settings import (
    ALERT_CHANNEL,
    RETENTION,
    TIME_ZONE,
    server_settings,
    zone_of,
)
from bot.chat.texts import sentences
from bot.chat.texts.fluent import RefusalError, language_of, localized

ChosenLanguage = Literal["automatic", "en", "ja"]
"""A server's language; "automatic" is the Community server's own, or English."""

Setting = Literal["language", "time_zone", "alert_channel", "retention_days"]

Days = app_commands.Range[int, 1, 3_650]

ZoneName = app_commands.Range[str, 1, 64]

AlertChannel = discord.TextChannel | discord.VoiceChannel | discord.StageChannel

_STORED_AS: Final[dict[Setting, str]] = {
    "time_zone": TIME_ZONE,
    "alert_channel": ALERT_CHANNEL,
    "retention_days": RETENTION,
}


class SettingsCommands(InteractionHandler):
    """Handles ``/settings``, for members with Manage Server."""

    @answers_privately
    async def show(self, interaction: Interaction) -> str:
        """Show the settings of the server."""
        return await self._overview(managers_guild(interaction))

    @answers_privately
    async def set(
        self,
        interaction: Interaction,
        language: ChosenLanguage | None = None,
        time_zone: ZoneName | None = None,
        alert_channel: AlertChannel | None = None,
        retention_days: Days | None = None,
    ) -> str:
        """Set the named settings; the others stay."""
        guild_id = managers_guild(interaction)
        values: dict[str, str | None] = {}
        if time_zone is not None:
            values[TIME_ZONE] = _zone_named(time_zone)
        if alert_channel is not None:
            has = alert_channel.permissions_for(alert_channel.guild.me)
            if not can_write(has, in_thread=False):
                raise RefusalError(localized("cannot-write-there", channel=str(alert_channel.id)))
            values[ALERT_CHANNEL] = str(alert_channel.id)
        if retention_days is not None:
            values[RETENTION] = str(retention_days)
        if not values and language is None:
            raise RefusalError(localized("settings-nothing-to-set"))
        if language is not None:
            locale = None if language == "automatic" else language
            await self._ledger.locales.set_guild(guild_id, locale)
        if values:
            await self._ledger.settings.set(guild_id, guild_id, values)
        return await self._overview(guild_id)

    @answers_privately
    async def reset(self, interaction: Interaction, setting: Setting) -> str:
        """Reset one setting."""
        guild_id = managers_guild(interaction)
        if setting == "language":
            await self._ledger.locales.set_guild(guild_id, None)
        else:
            await self._ledger.settings.set(guild_id, guild_id, {_STORED_AS[setting]: None})
        return await self._overview(guild_id)

    async def time_zones(self, interaction: Interaction, typed: str) -> Choices:
        """Complete the name of a time zone."""
        return matching(typed.strip().replace(" ", "_"), ((name, name) for name in _zones()))

    async def _overview(self, guild_id: int) -> str:
        settings = await server_settings(self._ledger, guild_id)
        chosen = await self._ledger.locales.of_guild(guild_id)
        language = await self._services.locales.of_guild(guild_id)
        zone = zone_of(settings, ZoneInfo(self._services.settings.time_zone))
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
    """Return the names of time zones such as Europe/Berlin, in order."""
    names = zoneinfo.available_timezones()
    return ("UTC", *sorted(name for name in names if "/" in name and not name.startswith("Etc/")))


def _zone_named(typed: str) -> str:
    """Return a time zone's name in its usual spelling; raises ``RefusalError`` if none exists."""
    wanted = typed.strip().casefold().replace(" ", "_")
    for name in sorted(zoneinfo.available_timezones() - {"localtime"}):
        if name.casefold() == wanted:
            return name
    raise RefusalError(localized("settings-no-time-zone", name=sentences.plain(typed)))
