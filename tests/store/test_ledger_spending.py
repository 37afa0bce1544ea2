"""The use of runs: reserved before, settled after, and within budgets except for open runs."""

import asyncio
import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.store.ledger import Cap, Ledger, NewCharge, Spend, Turn
from tests.store.turns import ask, brought_on, open_turn

ADA, BEN = 1, 2
DAY = "2026-11-26"


def charge(turn: int, attempt: int = 1, *, tokens: int = 100, day: str = DAY) -> NewCharge:
    return NewCharge(
        turn_id=turn,
        attempt=attempt,
        guild_id=9,
        channel_id=50,
        day=day,
        total_day=day,
        tokens=tokens,
        cost=tokens * 2,
    )


def used(tokens: int) -> Spend:
    return Spend(
        model="m",
        prompt_tokens=tokens - tokens // 4,
        cached_tokens=tokens // 8,
        completion_tokens=tokens // 4,
        tokens=tokens,
        cost=tokens * 2,
    )


def server(most: int, *, day: str = DAY, month: int | None = None) -> Cap:
    return Cap(
        scope="server",
        guild_id=9,
        target_id=9,
        day=day,
        tokens_per_day=most,
        tokens_per_month=month,
    )


def own(member: int, most: int) -> Cap:
    return Cap(scope="member", guild_id=9, target_id=member, day=DAY, tokens_per_day=most)


async def reserves(
    ledger: Ledger,
    new: NewCharge,
    shared: Sequence[Cap] = (),
    members: Mapping[int, Sequence[Cap]] | None = None,
) -> str:
    """The scope that leaves no room; "waits" where only runs under way do; empty if reserved."""
    hit = await ledger.spending.reserve(new, shared, members or {ADA: ()})
    return "" if hit is None else "waits" if hit.in_use else hit.cap.scope


async def sums(ledger: Ledger, path: Path) -> dict[tuple[str, int], tuple[int, int]]:
    """The tokens spent and reserved by scope and target."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        rows = db.execute(
            "SELECT scope, target_id, sum(tokens), sum(reserved_tokens) FROM spending GROUP BY 1, 2"
        ).fetchall()
    return {(row[0], row[1]): (row[2], row[3]) for row in rows}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bot.db"


async def test_an_estimate_is_reserved_once_and_replaced_once_by_the_use(
    ledger: Ledger, path: Path
) -> None:
    for _ in range(2):
        assert await reserves(ledger, charge(1)) == ""
    assert (await sums(ledger, path))["server", 9] == (0, 100)
    for _ in range(2):
        await ledger.spending.settle(1, 1, used(30))
    assert set((await sums(ledger, path)).values()) == {(30, 0)}
    assert await ledger.spending.of_attempt(1, 1) == used(30)


async def test_a_budget_holds_what_is_reserved_too(ledger: Ledger) -> None:
    assert await reserves(ledger, charge(1), [server(250)]) == ""
    assert await reserves(ledger, charge(2), [server(250)]) == ""
    assert await reserves(ledger, charge(3), [server(250)]) == "waits"
    await ledger.spending.settle(1, 1, used(100))
    await ledger.spending.settle(2, 1, None)
    assert await reserves(ledger, charge(3), [server(250)]) == ""
    await ledger.spending.settle(3, 1, used(150))
    assert await reserves(ledger, charge(4), [server(250)]) == "server"
    assert await ledger.spending.reached([server(250)]) is not None
    assert await ledger.spending.reached([server(251)]) is None


async def test_the_first_run_of_a_period_has_room_unless_the_limit_is_zero(ledger: Ledger) -> None:
    assert await reserves(ledger, charge(1), [server(0)]) == "server"
    assert await reserves(ledger, charge(1), [server(10)]) == ""
    assert await reserves(ledger, charge(2), [server(10)]) == "waits"


async def test_a_day_and_a_month_begin_anew(ledger: Ledger) -> None:
    for turn, day in enumerate(("2026-10-31", "2026-11-01", "2026-11-02"), 1):
        cap = server(100, day=day, month=180)
        assert await reserves(ledger, charge(turn, day=day, tokens=90), [cap]) == "", day
        await ledger.spending.settle(turn, 1, used(90))
    hit = await ledger.spending.reached([server(100, day="2026-11-03", month=180)])
    assert hit is not None
    assert hit.period == "month"
    assert await ledger.spending.reached([server(100, day="2026-12-01", month=180)]) is None


async def test_members_with_budget_left_share_a_run_to_the_token(
    ledger: Ledger, path: Path
) -> None:
    caps = {ADA: [own(ADA, 100)], BEN: [own(BEN, 1_000)]}
    assert await reserves(ledger, charge(1), members=caps) == ""
    await ledger.spending.settle(1, 1, used(201))
    shared = await sums(ledger, path)
    assert sorted(use for key, (use, _) in shared.items() if key[0] == "member") == [100, 101]
    assert await ledger.spending.of_attempt(1, 1) == used(201)
    # Ada has spent hers: Ben's questions of the next turn are not held up by that.
    assert await reserves(ledger, charge(2), members=caps) == ""
    await ledger.spending.settle(2, 1, used(10))
    shared = await sums(ledger, path)
    uses = [use for key, (use, _) in shared.items() if key[0] == "member"]
    assert (min(uses), sum(uses)) in ((100, 211), (101, 211))
    assert await reserves(ledger, charge(3), members={ADA: caps[ADA]}) == "member"


async def test_a_turn_settles_as_its_end_becomes_known(ledger: Ledger, path: Path) -> None:
    turn = await open_turn(ledger)
    assert await reserves(ledger, charge(turn.id)) == ""
    await brought_on(ledger, turn, "running")
    assert await ledger.spending.open_charges() == ()
    await ledger.turns.closing(turn.id, 1, "answered", spend=used(40))
    assert set((await sums(ledger, path)).values()) == {(40, 0)}
    # A later report of the same attempt changes nothing.
    assert await ledger.turns.closing(turn.id, 1, "answered", spend=used(90)) is None
    assert set((await sums(ledger, path)).values()) == {(40, 0)}


async def test_a_turn_that_ends_before_its_run_frees_its_estimate(
    ledger: Ledger, path: Path
) -> None:
    turn = await open_turn(ledger)
    await brought_on(ledger, turn, "placed")
    assert await reserves(ledger, charge(turn.id)) == ""
    await ledger.turns.closing(turn.id, 1, "cancelled")
    assert set((await sums(ledger, path)).values()) == {(0, 0)}


async def test_an_abandoned_attempt_is_settled_later_by_its_own_run(ledger: Ledger) -> None:
    turn = await open_turn(ledger)
    await ask(ledger, 2)
    assert await reserves(ledger, charge(turn.id)) == ""
    await brought_on(ledger, turn, "running")
    await ledger.turns.closing(turn.id, 1, "failed", error="expired")
    await ledger.turns.closed(turn.id, 1)
    assert await ledger.turns.retry(turn.id, 1) is not None
    (left,) = await ledger.spending.open_charges()
    assert (left.turn_id, left.attempt, left.run_id) == (turn.id, 1, "run_1")
    assert await reserves(ledger, charge(turn.id, 2)) == ""
    await ledger.spending.settle(turn.id, 1, used(70))
    assert await ledger.spending.open_charges() == ()


async def test_the_use_of_a_run_that_is_gone_is_taken_from_its_estimate(
    ledger: Ledger, path: Path
) -> None:
    assert await reserves(ledger, charge(1)) == ""
    await ledger.spending.accept_estimate(1, 1)
    assert set((await sums(ledger, path)).values()) == {(100, 0)}


async def _storm(path: Path, budget: int, steps: Sequence[tuple[int, int, int]]) -> None:
    """A hundred questions at once; the ledger's process dies now and then."""
    ledger = await Ledger.open(path, lambda: 0.0)
    flying: dict[int, int] = {}
    most_flying = spent = 0
    try:
        for turn, (estimate, use, event) in enumerate(steps, 1):
            if await reserves(ledger, charge(turn, tokens=estimate), [server(budget)]) == "":
                flying[turn] = use
                most_flying = max(most_flying, sum(flying.values()))
            if event == 0:
                # Killed before it knew the end of any run: each is settled after the start.
                await ledger.close()
                ledger = await Ledger.open(path, lambda: 0.0)
            if event < 3 and flying:
                ended, tokens = flying.popitem()
                await ledger.spending.settle(ended, 1, used(tokens))
                spent += tokens
        left = await ledger.spending.open_charges()
        assert {each.turn_id for each in left} == set(flying)
        for ended, tokens in flying.items():
            await ledger.spending.settle(ended, 1, used(tokens))
            spent += tokens
        assert spent <= budget + most_flying
        assert set((await sums(ledger, path)).values()) <= {(spent, 0)}
    finally:
        await ledger.close()


@settings(max_examples=12, deadline=None)
@given(
    budget=st.integers(1, 3_000),
    steps=st.lists(
        st.tuples(st.integers(1, 400), st.integers(0, 800), st.integers(0, 9)),
        min_size=100,
        max_size=100,
    ),
)
def test_a_hundred_questions_spend_no_more_than_the_budget_and_the_runs_under_way(
    budget: int, steps: list[tuple[int, int, int]]
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(_storm(Path(directory) / "bot.db", budget, steps))


async def test_each_attempt_and_the_title_of_a_turn_have_their_own_charge(
    ledger: Ledger, path: Path
) -> None:
    turn: Turn = await open_turn(ledger)
    await ledger.spending.add(charge(turn.id, 0), [ADA], used(12))
    await ledger.spending.add(charge(turn.id, 0), [ADA], used(99))
    assert await ledger.spending.of_attempt(turn.id, 0) == used(12)
    estimated_after: list[Spend | None] = []

    def estimate(last: Spend | None) -> tuple[int, int]:
        estimated_after.append(last)
        return 70, 7

    for attempt in (1, 2):
        new = charge(turn.id, attempt)
        assert await ledger.spending.reserve(new, [], {ADA: ()}, estimate) is None
        assert (await sums(ledger, path))["server", 9][1] == 70
        await ledger.spending.settle(turn.id, attempt, used(55 + attempt))
    # A title says nothing about how long the conversation is.
    assert estimated_after == [None, used(56)]


async def test_what_a_forgotten_server_has_reserved_stays_in_the_total(
    ledger: Ledger, path: Path
) -> None:
    assert await reserves(ledger, charge(1)) == ""
    await ledger.forgetting.forget_guild(9)
    assert await sums(ledger, path) == {("total", 0): (100, 0)}
    await ledger.spending.settle(1, 1, used(30))
    assert await sums(ledger, path) == {("total", 0): (100, 0)}
