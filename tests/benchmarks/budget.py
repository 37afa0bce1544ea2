"""What budgets cost of each question, and whether one budget holds against 200 strangers.

Run it as `python -m tests.benchmarks.budget`; it takes some seconds. Compare with the CPU time of a
whole conversation: `python -m tests.benchmarks.conversations`.
"""

import asyncio
import tempfile
import time
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.chat.access.budgets import Budgets
from bot.chat.access.gate import AccessRequest
from bot.chat.access.prices import Prices
from bot.limit_settings import LimitSettings, PriceSettings, SpendingLimit
from bot.runtime.clock import SystemClock
from bot.store.ledger import Ledger, Link, NewQuestion, Spend

HEADING = "| budgets | strangers | CPU, µs a question | answered | spent | budget |"

MOST = 250_000
"""The budget of the server in tokens; each run uses 5,000."""

_USE = Spend(
    model="m",
    prompt_tokens=4_000,
    cached_tokens=0,
    completion_tokens=1_000,
    tokens=5_000,
    cost=0,
)


async def _ask(ledger: Ledger, budgets: Budgets | None, number: int) -> bool:
    """Take a stranger's question through the ledger to its end; return whether it had a run."""
    if budgets is not None:
        request = AccessRequest(
            entry="question", user_id=number, guild_id=1, channel_ids=(2,), holder_id=2
        )
        if await budgets.spent(request) is not None:
            return False
    home = Link(channel_id=1_000 + number, guild_id=1, parent_id=2, listening=True)
    question = NewQuestion(
        id=10_000 + number,
        channel_id=2,
        guild_id=1,
        author_id=number,
        author_name="stranger",
        content="Why?",
    )
    await ledger.questions.take(question, home)
    turn = await ledger.turns.next_in(home.channel_id)
    assert turn is not None
    await ledger.turns.placed(turn.id, 1, number)
    if budgets is not None and await budgets.reserve(turn) is not None:
        await ledger.turns.closing(turn.id, 1, "failed", error="limit")
        return False
    await ledger.turns.posted(turn.id, 1, f"thread_{number}")
    await ledger.turns.run_created(turn.id, 1, f"run_{number}")
    spend = None if budgets is None else _USE
    await ledger.turns.closing(turn.id, 1, "answered", tokens=5_000, spend=spend)
    await ledger.turns.closed(turn.id, 1)
    return True


async def measure(directory: Path, budgeted: str, strangers: int) -> str:
    """Have so many strangers ask at once; return a row of the table."""
    clock = SystemClock()
    ledger = await Ledger.open(directory / f"{budgeted}.db", clock.now)
    try:
        limit = SpendingLimit(tokens_per_day=MOST) if budgeted == "one" else SpendingLimit()
        settings = LimitSettings(server=limit)
        prices = Prices(PriceSettings())
        budgets = Budgets(settings, prices, ledger, clock, ZoneInfo("UTC"))
        used = None if budgeted == "not counted" else budgets
        began = time.process_time()
        answered = await asyncio.gather(*(_ask(ledger, used, n) for n in range(1, strangers + 1)))
        cpu = (time.process_time() - began) / strangers * 1e6
        lines = await ledger.usage.lines("day", "2000-01-01")
        spent = sum(line.tokens for line in lines)
        return f"| {budgeted} | {strangers} | {cpu:.0f} | {sum(answered)} | {spent} | {MOST} |"
    finally:
        await ledger.close()


async def main(strangers: int = 200) -> list[str]:
    """Measure without counting, with counting, and with one budget; return the rows."""
    with tempfile.TemporaryDirectory() as directory:
        return [
            await measure(Path(directory), budgeted, strangers)
            for budgeted in ("not counted", "none", "one")
        ]


if __name__ == "__main__":
    print(HEADING)
    print("|---|---:|---:|---:|---:|---:|")
    print("\n".join(asyncio.run(main())))
