"""A server's own settings: time zone, alert channel, and how long conversations are kept."""

from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from bot.store.ledger import Ledger

TIME_ZONE: Final = "time_zone"
ALERT_CHANNEL: Final = "alert_channel"
RETENTION: Final = "retention_days"


class GuildSettings(Struct, frozen=True, kw_only=True):
    """What the managers of a server chose; None where they chose nothing.

    ``time_zone`` is an IANA name, ``alert_channel_id`` the channel of messages for the managers,
    ``retention_days`` the days after which questions and answers are forgotten.
    """

    time_zone: str | None = None
    alert_channel_id: int | None = None
    retention_days: int | None = None


async def server_settings(ledger: Ledger, guild_id: int) -> GuildSettings:
    """Return a server's settings; raises ``LedgerError``."""
    known = await ledger.settings.nearest((guild_id,))
    values = {name: setting.value for name, setting in known.items()}
    alerts, days = values.get(ALERT_CHANNEL), values.get(RETENTION)
    return GuildSettings(
        time_zone=values.get(TIME_ZONE),
        alert_channel_id=None if alerts is None else int(alerts),
        retention_days=None if days is None else int(days),
    )


def zone_of(settings: GuildSettings, default: ZoneInfo) -> ZoneInfo:
    """Return a server's time zone; ``default`` where it has none that this machine knows."""
    if settings.time_zone is None:
        return default
    try:
        return ZoneInfo(settings.time_zone)
    except (OSError, ValueError, LookupError):  # the time zones of the machine may have changed
        return default
