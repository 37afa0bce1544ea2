"""The use and the cost of runs: reserved before a run, settled by its usage, summed by day.

Costs are whole billionths of the currency. Days are dates in the time zone of a server.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import asdict, replace

from bot.store import queries
from bot.store.ledger import rows
from bot.store.ledger.budgets.caps import Cap, Reached, find_reached, payer_of
from bot.store.ledger.states import WITHOUT_OUTCOME, in_sql
from bot.store.ledger.transactions import LedgerPart, reads, writes

_MOST: Final = 2**53
"""The most tokens, or billionths, that one run is charged: a server may report absurd numbers."""


class Spend(Struct, frozen=True, kw_only=True):
    """What a run used; ``cost`` is 0 where the model's price is unknown."""

    model: str | None = None
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    tokens: int
    cost: int


class NewCharge(Struct, frozen=True, kw_only=True):
    """What an attempt of a turn is charged before it has its run: estimated tokens and cost.

    ``day`` is the date in the server's time zone, ``total_day`` in the operator's.
    """

    turn_id: int
    attempt: int
    guild_id: int
    channel_id: int
    day: str
    total_day: str
    tokens: int
    cost: int


class OpenCharge(Struct, frozen=True, kw_only=True):
    """The charge of an attempt that is over, but whose use is not known yet."""

    turn_id: int
    attempt: int
    thread_id: str | None
    run_id: str | None


class Estimate(Protocol):
    """Estimates a run's tokens and its cost in billionths; called on the ledger's thread."""

    def __call__(self, last: Spend | None, /) -> tuple[int, int]:
        """Return tokens and cost; ``last`` is what the channel's newest run used, if known."""


class SpendingStore(LedgerPart):
    """The charges of attempts and their sums; each method is one transaction."""

    @reads
    def reached(self, db: sqlite3.Connection, caps: Sequence[Cap]) -> Reached | None:
        """Return the first cap that is spent, whatever runs under way have reserved."""
        return next((hit for cap in caps if (hit := find_reached(db, cap, 0, 0))), None)

    @writes
    def reserve(
        self,
        db: sqlite3.Connection,
        charge: NewCharge,
        shared: Sequence[Cap],
        members: Mapping[int, Sequence[Cap]],
        estimate: Estimate | None = None,
    ) -> Reached | None:
        """Reserve the estimate of an attempt; return the cap that leaves no room for it.

        ``estimate`` computes tokens and cost in place of those of ``charge``. The members whose own
        caps leave room share the charge. If no member's caps leave room, or a shared cap leaves
        none, nothing is reserved. A second call for an attempt changes nothing.
        """
        if _is_charged(db, charge):
            return None
        if estimate is not None:
            tokens, cost = estimate(_last_before(db, charge.turn_id))
            charge = replace(charge, tokens=tokens, cost=cost)
        for cap in shared:
            hit = find_reached(db, cap, charge.tokens, charge.cost)
            if hit is not None:
                return hit
        payers = sorted(members)
        while payers:
            hits = {
                member_id: hit
                for member_id, share in zip(payers, _shares(charge, len(payers)), strict=True)
                for cap in members[member_id]
                if (hit := find_reached(db, cap, share.tokens, share.cost)) is not None
            }
            if not hits:
                break
            payers = [member_id for member_id in payers if member_id not in hits]
            if not payers:
                return next(iter(hits.values()))
        for member_id, share in zip(payers, _shares(charge, len(payers)), strict=True):
            payer = payer_of(db, member_id)
            _insert(db, charge, member_id, payer, share, settled=False)
            _sum(db, charge, payer, reserved=(share.tokens, share.cost))
        return None

    @writes
    def add(
        self, db: sqlite3.Connection, charge: NewCharge, member_ids: Sequence[int], spend: Spend
    ) -> None:
        """Store what a run outside of attempts used, such as one that writes a title.

        Such a run has no estimate. A second call for the charge changes nothing.
        """
        if _is_charged(db, charge) or not member_ids:
            return
        parts = _parts(spend, len(member_ids))
        for member_id, part in zip(sorted(member_ids), parts, strict=True):
            payer = payer_of(db, member_id)
            _insert(db, charge, member_id, payer, part, settled=True)
            _sum(db, charge, payer, used=part)

    @writes
    def settle(
        self, db: sqlite3.Connection, turn_id: int, attempt: int, spend: Spend | None
    ) -> None:
        """Put ``spend``, what an attempt really used, in place of its estimate.

        ``spend`` is None if the attempt had no run. A second call changes nothing.
        """
        settle(db, turn_id, attempt, spend)

    @writes
    def accept_estimate(self, db: sqlite3.Connection, turn_id: int, attempt: int) -> None:
        """Count the estimate as used, because the attempt's run can't be read any more."""
        accept_estimate(db, turn_id, attempt)

    @reads
    def open_charges(self, db: sqlite3.Connection) -> tuple[OpenCharge, ...]:
        """Return the charges of attempts that are over and whose use is not known."""
        statement = f"""
            SELECT DISTINCT c.turn_id, c.attempt, coalesce(c.thread_id, t.thread_id) AS thread_id,
                            c.run_id
            FROM charges c LEFT JOIN turns t ON t.id = c.turn_id
            WHERE NOT c.settled
              AND NOT (t.attempt = c.attempt AND t.state IN ({in_sql(WITHOUT_OUTCOME)}))
            ORDER BY c.turn_id, c.attempt
        """
        return rows.records(db, OpenCharge, statement)

    @reads
    def of_attempt(self, db: sqlite3.Connection, turn_id: int, attempt: int) -> Spend | None:
        """Return what an attempt used; None until that is settled."""
        statement = f"{_SPEND} WHERE turn_id = ? AND attempt = ? AND settled GROUP BY turn_id"
        return rows.record(db, Spend, statement, (turn_id, attempt))


_SPEND: Final = """
    SELECT max(model) AS model, sum(prompt_tokens) AS prompt_tokens,
           sum(cached_tokens) AS cached_tokens, sum(completion_tokens) AS completion_tokens,
           sum(tokens) AS tokens, sum(cost) AS cost
    FROM charges
"""


def _is_charged(db: sqlite3.Connection, charge: NewCharge) -> bool:
    statement = "SELECT 1 FROM charges WHERE turn_id = ? AND attempt = ?"
    return queries.value(db, statement, (charge.turn_id, charge.attempt)) is not None


def _last_before(db: sqlite3.Connection, turn_id: int) -> Spend | None:
    """Return what the newest run of a turn's channel used up to this turn; None if unknown."""
    statement = f"""
        {_SPEND} AS c
        WHERE c.settled AND c.attempt > 0 AND c.turn_id = (
            SELECT max(t.id) FROM turns t
            WHERE t.channel_id = (SELECT channel_id FROM turns WHERE id = :turn) AND t.id <= :turn
              AND EXISTS (SELECT 1 FROM charges
                          WHERE turn_id = t.id AND attempt > 0 AND settled))
        GROUP BY c.attempt ORDER BY c.attempt DESC LIMIT 1
    """
    return rows.record(db, Spend, statement, {"turn": turn_id})


def name_run(
    db: sqlite3.Connection, turn_id: int, attempt: int, thread_id: str | None, run_id: str
) -> None:
    """Store which run an attempt's charge is for."""
    db.execute(
        """
        UPDATE charges SET thread_id = ?, run_id = ?
        WHERE turn_id = ? AND attempt = ? AND NOT settled
        """,
        (thread_id, run_id, turn_id, attempt),
    )


def settle(db: sqlite3.Connection, turn_id: int, attempt: int, spend: Spend | None) -> None:
    """Put ``spend``, what an attempt really used, in place of its estimate.

    ``spend`` is None if the attempt had no run. A second call changes nothing.
    """
    statement = """
        DELETE FROM charges WHERE turn_id = ? AND attempt = ? AND NOT settled
        RETURNING payer, member_id, turn_id, attempt, guild_id, channel_id, day, total_day, tokens,
                  cost
    """
    estimates = sorted(queries.named(db, statement, (turn_id, attempt)), key=itemgetter("payer"))
    shares = [None] * len(estimates) if spend is None else _parts(spend, len(estimates))
    for estimate, share in zip(estimates, shares, strict=True):
        payer, member_id = estimate.pop("payer"), estimate.pop("member_id")
        charge = NewCharge(**estimate)
        if share is not None:
            _insert(db, charge, member_id, payer, share, settled=True)
        _sum(db, charge, payer, used=share, reserved=(-charge.tokens, -charge.cost))


def accept_estimate(db: sqlite3.Connection, turn_id: int, attempt: int) -> None:
    """Count the estimate of an attempt as what the attempt used."""
    tokens, cost = db.execute(
        """
        SELECT coalesce(sum(tokens), 0), coalesce(sum(cost), 0) FROM charges
        WHERE turn_id = ? AND attempt = ? AND NOT settled
        """,
        (turn_id, attempt),
    ).fetchone()
    settle(db, turn_id, attempt, Spend(prompt_tokens=tokens, tokens=tokens, cost=cost))


def forget_guild(db: sqlite3.Connection, guild_id: int) -> None:
    """Forget the spending of a server; it stays in the operator's total."""
    unsettled = db.execute(
        "SELECT DISTINCT turn_id, attempt FROM charges WHERE guild_id = ? AND NOT settled",
        (guild_id,),
    ).fetchall()
    for turn_id, attempt in unsettled:
        accept_estimate(db, turn_id, attempt)
    db.execute("DELETE FROM charges WHERE guild_id = ?", (guild_id,))
    db.execute("DELETE FROM spending WHERE guild_id = ? AND scope <> 'total'", (guild_id,))


def _insert(
    db: sqlite3.Connection,
    charge: NewCharge,
    member_id: int,
    payer: int,
    use: Spend,
    *,
    settled: bool,
) -> None:
    db.execute(
        """
        INSERT INTO charges (turn_id, attempt, payer, member_id, guild_id, channel_id, day,
                             total_day, settled, model, prompt_tokens, cached_tokens,
                             completion_tokens, tokens, cost)
        VALUES (:turn_id, :attempt, :payer, :member_id, :guild_id, :channel_id, :day, :total_day,
                :settled, :model, :prompt_tokens, :cached_tokens, :completion_tokens, :tokens,
                :cost)
        """,
        {
            **asdict(charge),
            **asdict(use),
            "payer": payer,
            "member_id": member_id,
            "settled": settled,
        },
    )


def _sum(
    db: sqlite3.Connection,
    charge: NewCharge,
    payer: int,
    *,
    used: Spend | None = None,
    reserved: tuple[int, int] = (0, 0),
) -> None:
    """Add to the sums of a charge's scopes; ``reserved`` are tokens and cost."""
    guild_id = charge.guild_id
    tokens, cost = (0, 0) if used is None else (used.tokens, used.cost)
    db.executemany(
        """
        INSERT INTO spending (scope, guild_id, target_id, day, tokens, cost, reserved_tokens,
                              reserved_cost)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (scope, guild_id, target_id, day) DO UPDATE SET
            tokens = tokens + excluded.tokens, cost = cost + excluded.cost,
            reserved_tokens = reserved_tokens + excluded.reserved_tokens,
            reserved_cost = reserved_cost + excluded.reserved_cost
        """,
        [
            (scope, guild, target, day, tokens, cost, *reserved)
            for scope, guild, target, day in (
                ("total", 0, 0, charge.total_day),
                ("server", guild_id, guild_id, charge.day),
                ("channel", guild_id, charge.channel_id, charge.day),
                ("member", guild_id, payer, charge.day),
            )
        ],
    )


def _shares(charge: NewCharge, count: int) -> list[Spend]:
    return _parts(Spend(tokens=charge.tokens, cost=charge.cost), count)


def _parts(spend: Spend, count: int) -> list[Spend]:
    """Divide a use among members, so that the parts sum up to the whole."""

    def part(whole: int, number: int) -> int:
        whole = min(max(whole, 0), _MOST)
        return whole // count + (number < whole % count)

    whole = asdict(spend)
    model = whole.pop("model")
    return [
        Spend(model=model, **{name: part(use, number) for name, use in whole.items()})
        for number in range(count)
    ]
