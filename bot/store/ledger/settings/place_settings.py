"""Settings of places, chosen from within Discord: a server, a category, a channel, a thread."""

import sqlite3
from collections.abc import Mapping, Sequence

from msgspec import Struct

from bot.store.ledger import rows
from bot.store.ledger.settings.cached_table import CachedTable
from bot.store.ledger.transactions import LedgerPart, LedgerSession, writes_settings


class PlaceSetting(Struct, frozen=True, kw_only=True):
    """The value of a setting, and the place where the value was set."""

    place_id: int
    guild_id: int
    name: str
    value: str


class PlaceSettingStore(LedgerPart):
    """The settings of places by name; the nearest place with a value decides.

    The settings of all places are kept in memory too, because each message asks for them: few
    places have any. Each method is one transaction.
    """

    def __init__(self, session: LedgerSession) -> None:
        super().__init__(session)
        self._table = CachedTable(session, _read)

    async def nearest(self, places: Sequence[int]) -> dict[str, PlaceSetting]:
        """Return each setting as it applies to a place.

        ``places`` are the ids of the place and of those around it, the nearest first.
        """
        known = await self._table.content()
        return {
            name: setting
            for place_id in reversed(places)
            for name, setting in known.get(place_id, {}).items()
        }

    async def value(self, place_id: int, name: str) -> str | None:
        """Return the value of a setting at this place, whatever the places around it have."""
        setting = (await self._table.content()).get(place_id, {}).get(name)
        return None if setting is None else setting.value

    async def of_guild(self, guild_id: int, name: str) -> tuple[PlaceSetting, ...]:
        """Return every value of a setting in a server."""
        return tuple(
            settings[name]
            for settings in (await self._table.content()).values()
            if name in settings and settings[name].guild_id == guild_id
        )

    @writes_settings
    def set(
        self,
        db: sqlite3.Connection,
        place_id: int,
        guild_id: int,
        values: Mapping[str, str | None],
    ) -> None:
        """Set settings of a place together; None takes a value back."""
        for name, value in values.items():
            if value is None:
                db.execute(
                    "DELETE FROM place_settings WHERE place_id = ? AND name = ?", (place_id, name)
                )
            else:
                db.execute(
                    """
                    INSERT INTO place_settings (place_id, guild_id, name, value)
                    VALUES (?, ?, ?, ?)
                    ON CONFLICT (place_id, name) DO UPDATE SET value = excluded.value
                    """,
                    (place_id, guild_id, name, value),
                )


def _read(db: sqlite3.Connection) -> dict[int, dict[str, PlaceSetting]]:
    known: dict[int, dict[str, PlaceSetting]] = {}
    statement = "SELECT place_id, guild_id, name, value FROM place_settings"
    for setting in rows.records(db, PlaceSetting, statement):
        known.setdefault(setting.place_id, {})[setting.name] = setting
    return known
