"""What the operator was told: facts of the ledger, one for each fault."""

import sqlite3
from typing import Final

import msgspec
from msgspec import Struct

from bot.store.ledger.session import LedgerSession

_PREFIX: Final = "alert:"


LIMIT_ALERT: Final = "limit:"
"""The beginning of the names of alerts about limits."""


def limit_alert(guild_id: int, scope: str, target_id: int, period: str, day: str) -> str:
    """Return the name of the alert about a limit; ``day`` is the first day of the period."""
    return f"{LIMIT_ALERT}{guild_id}:{scope}:{target_id}:{period}:{day}"


class Alert(Struct, frozen=True):
    """A fault that was told at ``at`` (seconds since 1970), and whether it still lasts."""

    at: float
    lasts: bool


class AlertStore:
    """The alerts of the ledger, by the name of their fault."""

    def __init__(self, database: LedgerSession) -> None:
        self._database = database

    async def all(self) -> dict[str, Alert]:
        """Return all alerts."""

        def work(db: sqlite3.Connection) -> dict[str, Alert]:
            rows = db.execute(
                "SELECT substr(key, ?), value FROM facts WHERE substr(key, 1, ?) = ?",
                (len(_PREFIX) + 1, len(_PREFIX), _PREFIX),
            )
            return {fault: msgspec.json.decode(value, type=Alert) for fault, value in rows}

        return await self._database.read(work)

    async def set(self, fault: str, alert: Alert) -> None:
        """Store the alert of a fault, replacing an earlier one."""
        value = msgspec.json.encode(alert).decode()
        await self._database.write(
            lambda db: db.execute(
                "INSERT INTO facts VALUES (?, ?) "
                "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (f"{_PREFIX}{fault}", value),
            ).close()
        )
