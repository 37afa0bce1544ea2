"""The cost of budgets for each question, and whether a budget holds against 200 strangers.

Run it as `python -m tests.benchmarks.budget`; it takes some seconds. Compare with the CPU time of a
whole conversation: `python -m tests.benchmarks.conversations`.
"""

import asyncio
import random
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.chat.access.access_gate import AccessRequest
from bot.chat.access.budgets import Budgets
from bot.chat.access.prices import Prices
from bot.config.limits import LimitSettings, PriceSettings, SpendingLimit
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
    """Take a stranger's question through the ledger to its end; return whether it had a run.

    A question that a killed process left goes on where it was.
    """
    if budgets is not None and not await ledger.questions.known([10_000 + number]):
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
    if turn is None:  # it was answered before the kill
        return False
    await ledger.turns.placed(turn.id, 1, number)
    questions = await ledger.questions.of_turn(turn.id)  # the turn posts them, with or without
    if budgets is not None and await budgets.reserve(turn, questions) is not None:
        await ledger.turns.closing(turn.id, 1, "failed", error="limit")
        return False
    await ledger.turns.posted(turn.id, 1, f"thread_{number}")
    await ledger.turns.run_created(turn.id, 1, f"run_{number}")
    spend = None if budgets is None else _USE
    await ledger.turns.closing(turn.id, 1, "answered", tokens=5_000, spend=spend)
    await ledger.turns.closed(turn.id, 1)
    return True


def _budgets(ledger: Ledger, most: int | None) -> Budgets:
    settings = LimitSettings(server=SpendingLimit(tokens_per_day=most))
    return Budgets(
        settings,
        Prices(PriceSettings()),
        ledger,
        SystemClock(),
        ZoneInfo("UTC"),
        category_of=lambda channel_id: None,
        alert=lambda hit, limit: None,
    )


async def measure(directory: Path, budgeted: str, strangers: int) -> str:
    """Have so many strangers ask at once; return a row of the table."""
    clock = SystemClock()
    ledger = await Ledger.open(directory / f"{budgeted}.db", clock.now)
    try:
        budgets = _budgets(ledger, MOST if budgeted == "one" else None)
        used = None if budgeted == "not counted" else budgets
        began = time.process_time()
        answered = await asyncio.gather(*(_ask(ledger, used, n) for n in range(1, strangers + 1)))
        cpu = (time.process_time() - began) / strangers * 1e6
        lines = await ledger.usage.lines("day", "2000-01-01")
        spent = sum(line.tokens for line in lines)
        return f"| {budgeted} | {strangers} | {cpu:.0f} | {sum(answered)} | {spent} | {MOST} |"
    finally:
        await ledger.close()


async def _ask_all(path: Path, strangers: int) -> None:
    """Have so many strangers ask at once, in a process that is killed at any moment."""
    ledger = await Ledger.open(path, SystemClock().now)
    budgets = _budgets(ledger, MOST)
    print("asking", flush=True)
    await asyncio.gather(*(_ask(ledger, budgets, n) for n in range(1, strangers + 1)))
    await ledger.close()


async def measure_killed(directory: Path, strangers: int, kills: int) -> str:
    """Have so many strangers ask in a process that is killed so often; return a row."""
    path, chance = directory / "killed.db", random.Random(1)
    for life in range(kills + 1):
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __spec__.name, str(path), str(strangers), stdout=PIPE
        )
        assert child.stdout is not None
        await child.stdout.readline()
        if life < kills:
            await asyncio.sleep(chance.uniform(0.01, 0.06))
            child.kill()
        await child.wait()
    ledger = await Ledger.open(path, SystemClock().now)
    try:
        lines = await ledger.usage.lines("day", "2000-01-01")
        spent = sum(line.tokens for line in lines)
        left = await ledger.spending.open_charges()
        assert left == (), "everything that was reserved is settled"
        name = f"one, killed {kills} times"
        return f"| {name} | {strangers} | – | {spent // _USE.tokens} | {spent} | {MOST} |"
    finally:
        await ledger.close()


async def main(strangers: int = 200, kills: int = 0) -> list[str]:
    """Measure without counting, with counting, with one budget and with kills; return the rows."""
    with tempfile.TemporaryDirectory() as directory:
        rows = [
            await measure(Path(directory), budgeted, strangers)
            for budgeted in ("not counted", "none", "one")
        ]
        return [
            *rows,
            *([await measure_killed(Path(directory), strangers, kills)] if kills else []),
        ]


if __name__ == "__main__":
    if sys.argv[1:]:
        asyncio.run(_ask_all(Path(sys.argv[1]), int(sys.argv[2])))
    else:
        print(HEADING)
        print("|---|---:|---:|---:|---:|---:|")
        print("\n".join(asyncio.run(main(kills=12))))
