"""Settings of places, chosen from within Discord: a server, a category, a channel, a thread."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from bot.store.ledger.session import LedgerSession
from bot.store.ledger.settings.cached_table import CachedTable

_SET: Final = """
    INSERT INTO place_settings (place_id, guild_id, name, value) VALUES (?, ?, ?, ?)
    ON CONFLICT (place_id, name) DO UPDATE SET value = excluded.value
"""


class PlaceSetting(Struct, frozen=True, kw_only=True):
    """The value of a setting, and the place where the value was set."""

    place_id: int
    guild_id: int
    name: str
    value: str


class PlaceSettingStore:
    """The settings of places by name; the nearest place with a value decides.

    The settings of all places are kept in memory too, because each message asks for them: few
    places have any. Each method is one transaction.
    """

    def __init__(self, database: LedgerSession) -> None:
        self._table = CachedTable(database, _read)

    async def nearest(self, places: Sequence[int]) -> dict[str, PlaceSetting]:
        """Return each setting as it applies to a place; ``places`` begins with the nearest one."""
        known = await self._table.content()
        return {
            name: setting
            for place_id in reversed(places)
            for name, setting in known.get(place_id, {}).items()
        }

    async def value(self, place_id: int, name: str) -> str | None:
        """Return the value of a setting that was set at just this place; None without one."""
        setting = (await self._table.content()).get(place_id, {}).get(name)
        return None if setting is None else setting.value

    async def of_guild(self, guild_id: int, name: str) -> tuple[PlaceSetting, ...]:
        """Return every value of a setting in a server."""
        return tuple(
            settings[name]
            for settings in (await self._table.content()).values()
            if name in settings and settings[name].guild_id == guild_id
        )

    async def set(self, place_id: int, guild_id: int, values: dict[str, str | None]) -> None:
        """Set settings of a place together; None takes a value back."""

        def work(db: sqlite3.Connection) -> None:
            for name, value in values.items():
                if value is None:
                    db.execute(
                        "DELETE FROM place_settings WHERE place_id = ? AND name = ?",
                        (place_id, name),
                    )
                else:
                    db.execute(_SET, (place_id, guild_id, name, value))

        await self._table.write(work)

    def changed(self) -> None:
        """Read the settings anew at their next use: a transaction may have changed them."""
        self._table.changed()


def forget_value(db: sqlite3.Connection, guild_id: int, name: str, value: str) -> None:
    """Take a value back wherever a server's places have it."""
    db.execute(
        "DELETE FROM place_settings WHERE guild_id = ? AND name = ? AND value = ?",
        (guild_id, name, value),
    )


def _read(db: sqlite3.Connection) -> dict[int, dict[str, PlaceSetting]]:
    known: dict[int, dict[str, PlaceSetting]] = {}
    for row in db.execute("SELECT place_id, guild_id, name, value FROM place_settings"):
        setting = PlaceSetting(place_id=row[0], guild_id=row[1], name=row[2], value=row[3])
        known.setdefault(setting.place_id, {})[setting.name] = setting
    return known
