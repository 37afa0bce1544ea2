"""When a reached budget ends: at midnight and month's end of a time zone, also as clocks change."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.chat.access.access_gate import AccessRequest
from bot.chat.access.budgets import Budgets
from bot.chat.access.prices import Prices
from bot.config.limits import LimitSettings, PriceSettings, SpendingLimit
from bot.store.ledger import Ledger, Link, NewQuestion, Spend
from tests.support.fake_clock import FakeClock


def budgets_of(settings: LimitSettings, ledger: Ledger, clock: FakeClock, zone: str) -> Budgets:
    """Return budgets of channels without categories, which alert nobody."""
    return Budgets(
        settings,
        Prices(PriceSettings()),
        ledger,
        clock,
        ZoneInfo(zone),
        category_of=lambda channel_id: None,
        alert=lambda hit, limit: None,
    )


@pytest.mark.parametrize(
    ("zone", "now", "day_ends", "month_ends"),
    [
        ("UTC", "2026-02-28T23:59:59+00:00", "2026-03-01", "2026-03-01"),
        ("UTC", "2026-12-31T00:00:00+00:00", "2027-01-01", "2027-01-01"),
        ("Asia/Tokyo", "2026-11-26T16:00:00+00:00", "2026-11-28", "2026-12-01"),
        ("Europe/Berlin", "2026-03-29T00:30:00+00:00", "2026-03-30", "2026-04-01"),
        ("Europe/Berlin", "2026-10-25T00:30:00+00:00", "2026-10-26", "2026-11-01"),
        ("Asia/Kathmandu", "2026-01-31T18:14:00+00:00", "2026-02-01", "2026-02-01"),
    ],
)
async def test_a_reached_budget_ends_at_the_first_moment_of_the_next_day_or_month(
    tmp_path: Path, zone: str, now: str, day_ends: str, month_ends: str
) -> None:
    clock = FakeClock()
    clock.advance(datetime.fromisoformat(now).timestamp() - clock.now())
    ledger = await Ledger.open(tmp_path / "bot.db", clock.now)
    asker = AccessRequest(entry="question", user_id=1, guild_id=9, channel_ids=(2,), holder_id=2)
    try:
        for limit, ends in (
            (SpendingLimit(tokens_per_day=0), day_ends),
            (SpendingLimit(tokens_per_month=0), month_ends),
        ):
            settings = LimitSettings(member=limit)
            budgets = budgets_of(settings, ledger, clock, zone)
            reached = await budgets.spent(asker)
            assert reached is not None
            midnight = datetime.fromisoformat(ends).replace(tzinfo=ZoneInfo(zone))
            assert reached.until == int(midnight.timestamp())
    finally:
        await ledger.close()


async def test_who_only_hears_of_a_denied_call_pays_nothing_for_the_questions_of_others(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    ledger = await Ledger.open(tmp_path / "bot.db", clock.now)
    home = Link(channel_id=5, guild_id=9, parent_id=2, listening=True)
    try:
        for number, (author, cause) in enumerate(((1, "denial:7"), (3, None)), 1):
            question = NewQuestion(
                id=number,
                channel_id=5,
                guild_id=9,
                author_id=author,
                author_name="x",
                content="?",
                cause=cause,
            )
            await ledger.questions.take(question, home)
        turn = await ledger.turns.next_in(5)
        assert turn is not None
        budgets = budgets_of(LimitSettings(), ledger, clock, "UTC")
        questions = await ledger.questions.of_turn(turn.id)
        assert await budgets.reserve(turn, questions) is None
        use = Spend(
            model="m", prompt_tokens=9, cached_tokens=0, completion_tokens=1, tokens=10, cost=0
        )
        await ledger.spending.settle(turn.id, 1, use)
        lines = await ledger.usage.lines("member", "2000-01-01")
        assert [(line.key, line.tokens) for line in lines] == [("3", 10)]
    finally:
        await ledger.close()
