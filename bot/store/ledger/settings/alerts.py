"""The alerts that the operator got: facts of the ledger, one for each fault."""

import sqlite3
from typing import Final

import msgspec
from msgspec import Struct

from bot.store.ledger import named_values
from bot.store.ledger.transactions import LedgerPart, reads, writes

_PREFIX: Final = "alert:"

LIMIT_ALERT: Final = "limit:"
"""The beginning of the names of alerts about limits."""


def limit_alert(guild_id: int, scope: str, target_id: int, period: str, day: str) -> str:
    """Return the name of the alert about a limit; ``day`` is the first day of the period.

    ``target_id`` is the id of the server, channel or member that ``scope`` names.
    """
    return f"{LIMIT_ALERT}{guild_id}:{scope}:{target_id}:{period}:{day}"


class Alert(Struct, frozen=True):
    """An alert that was sent ``at`` (seconds since 1970), and whether its fault still lasts."""

    at: float
    lasts: bool


class AlertStore(LedgerPart):
    """The alerts of the ledger, by the name of their fault."""

    @reads
    def all(self, db: sqlite3.Connection) -> dict[str, Alert]:
        """Return all alerts."""
        stored = db.execute(
            "SELECT substr(key, ?), value FROM facts WHERE substr(key, 1, ?) = ?",
            (len(_PREFIX) + 1, len(_PREFIX), _PREFIX),
        )
        return {fault: msgspec.json.decode(value, type=Alert) for fault, value in stored}

    @writes
    def set(self, db: sqlite3.Connection, fault: str, alert: Alert) -> None:
        """Store the alert of a fault, in place of an earlier one."""
        named_values.store(db, f"{_PREFIX}{fault}", msgspec.json.encode(alert).decode())
