"""Caps on spending, and whether they leave room."""

import sqlite3
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from bot.store.ledger import named_values

SpendingScope = Literal["total", "server", "channel", "member"]
"""Whose spending is summed: the whole bot's, or that of one server, channel or member there."""

Period = Literal["day", "month"]

PERIODS: Final[tuple[Period, ...]] = ("day", "month")

PAYER_FACT: Final = "spending.secret"
"""The name of the ledger's fact that holds the secret by which ``payer_of`` makes keys."""


class Cap(Struct, frozen=True, kw_only=True):
    """The most that a scope spends in a day and in a month; None: no limit.

    ``day`` is the date of the day and of the month that are meant. Costs are in billionths.
    """

    scope: SpendingScope
    guild_id: int
    target_id: int
    day: str
    tokens_per_day: int | None = None
    tokens_per_month: int | None = None
    cost_per_day: int | None = None
    cost_per_month: int | None = None

    def only(self, period: Period) -> "Cap":
        """Return the cap's part for a day, or for a month."""
        if period == "day":
            return replace(self, tokens_per_month=None, cost_per_month=None)
        return replace(self, tokens_per_day=None, cost_per_day=None)


class Used(Struct, frozen=True, kw_only=True):
    """What the scope of a cap has used in a day or a month, without runs under way."""

    tokens: int
    cost: int


class Reached(Struct, frozen=True, kw_only=True):
    """A cap that leaves no room; ``in_use``: only because of what runs under way have reserved."""

    cap: Cap
    period: Period
    in_use: bool = False


def payer_of(db: sqlite3.Connection, member_id: int) -> int:
    """Return the key under which a member's spending is summed.

    The sums outlive ``/privacy forget``, which must not renew a budget: they hold no member's id.
    """
    # Without a secret nobody has spent anything.
    secret = bytes.fromhex(named_values.value_of(db, PAYER_FACT) or "")
    digest = blake2b(str(member_id).encode(), key=secret, digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def find_reached(db: sqlite3.Connection, cap: Cap, tokens: int, cost: int) -> Reached | None:
    """Return a cap as reached if it has no room for ``tokens`` and ``cost`` more; else None.

    With 0 only what is spent counts, not what runs under way have reserved.
    """
    periods: Iterable[tuple[Period, int | None, int | None]] = (
        ("month", cap.tokens_per_month, cap.cost_per_month),
        ("day", cap.tokens_per_day, cap.cost_per_day),
    )
    for period, most_tokens, most_cost in periods:
        if most_tokens is None and most_cost is None:
            continue
        spent = _spent(db, cap, period)
        for most, used, reserved, more in (
            (most_tokens, spent[0], spent[2], tokens),
            (most_cost, spent[1], spent[3], cost),
        ):
            if most is None:
                continue
            if used >= most:
                return Reached(cap=cap, period=period)
            # The first run of a period has room in any case: an estimate may exceed a small limit.
            if more and used + reserved and used + reserved + more > most:
                return Reached(cap=cap, period=period, in_use=not used or used + more <= most)
    return None


def find_used(db: sqlite3.Connection, cap: Cap, period: Period) -> Used:
    """Return what the scope of a cap has used."""
    tokens, cost, _, _ = _spent(db, cap, period)
    return Used(tokens=tokens, cost=cost)


def _spent(db: sqlite3.Connection, cap: Cap, period: Period) -> tuple[int, int, int, int]:
    """Return the tokens and the cost that are spent, and those that are reserved."""
    target = payer_of(db, cap.target_id) if cap.scope == "member" else cap.target_id
    first = cap.day if period == "day" else f"{cap.day[:7]}-01"
    spent: tuple[int, int, int, int] = db.execute(
        """
        SELECT coalesce(sum(tokens), 0), coalesce(sum(cost), 0),
               coalesce(sum(reserved_tokens), 0), coalesce(sum(reserved_cost), 0)
        FROM spending
        WHERE scope = ? AND guild_id = ? AND target_id = ? AND day BETWEEN ? AND ?
        """,
        (cap.scope, cap.guild_id, target, first, cap.day),
    ).fetchone()
    return spent
