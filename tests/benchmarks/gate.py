"""The cost of the gate for each question, without rules and with as many as allowed.

Run it as `python -m tests.benchmarks.gate`; it takes some seconds. Compare with the CPU time of a
whole conversation: `python -m tests.benchmarks.conversations`.
"""

import asyncio
import tempfile
import time
from pathlib import Path

from bot.chat.access.access_gate import AccessGate, AccessRequest
from bot.config import AccessSettings
from bot.runtime.clock import SystemClock
from bot.store.ledger import AccessRule, Ledger
from bot.store.ledger.settings.access_rules import MOST_RULES

HEADING = "| rules of the server | rules of the operator | CPU, µs a question |\n|---:|---:|---:|"


async def measure(directory: Path, rules: int, operator: int, checks: int) -> str:
    """Check so many questions of a member with twenty roles; return a row of the table."""
    ledger = await Ledger.open(directory / f"{rules}-{operator}.db", SystemClock().now)
    try:
        denied = [
            AccessRule(target_id=n, kind="member", allowed=False) for n in range(1, rules + 1)
        ]
        if denied:
            await ledger.access_rules.set(1, *denied)
        settings = AccessSettings(deny_members=tuple(range(1, operator + 1)))
        gate = AccessGate(settings, ledger)
        request = AccessRequest(
            entry="question",
            user_id=10**18,
            guild_id=1,
            channel_ids=(10**18 + 1, 10**18 + 2, 10**18 + 3),
            role_ids=frozenset(range(10**17, 10**17 + 20)),
        )
        assert await gate.check(request) is None
        began = time.process_time()
        for _ in range(checks):
            await gate.check(request)
        spent = time.process_time() - began
        return f"| {rules} | {operator} | {spent / checks * 1e6:.1f} |"
    finally:
        await ledger.close()


async def main(checks: int = 20_000) -> list[str]:
    """Measure without rules and with many; return the rows of the table."""
    with tempfile.TemporaryDirectory() as directory:
        return [
            await measure(Path(directory), rules, operator, checks)
            for rules, operator in ((0, 0), (20, 20), (MOST_RULES, 1_000))
        ]


if __name__ == "__main__":
    print(HEADING)
    print("\n".join(asyncio.run(main())))
