"""How fast commands are acknowledged while conversations stream, beside the same bot at rest.

Discord allows 3 seconds. Run it as `python -m tests.benchmarks.acknowledge`; it takes a minute.
"""

import argparse
import asyncio
import statistics
from dataclasses import dataclass
from typing import Any

from bot.sandbox import Interaction, Sandbox
from tests.benchmarks.conversations import TOKENS_A_SECOND, bot_process, p95, replies
from tests.benchmarks.endpoint import child

COMMANDS = ("ask", "runs list", "help")
_BETWEEN = 0.1
"""Seconds between two commands: ten a second, far more than 200 conversations would bring."""


@dataclass(frozen=True)
class Acknowledgements:
    """Times in seconds; ``share`` is that of the commands which were acknowledged in time."""

    name: str
    streaming: int
    commands: int
    share: float
    p50: float
    p95: float

    def row(self, baseline: "Acknowledgements") -> str:
        """The result as a row of a table, beside the baseline."""
        return (
            f"| {self.name} | {self.streaming} | {self.commands} | {self.share * 100:.0f} "
            f"| {self.p50 * 1000:.0f} | {self.p95 * 1000:.0f} | {self.p95 / baseline.p95:.1f} |"
        )


HEADING = (
    "| | streaming | commands | acknowledged within 3 s, % | p50, ms | p95, ms | p95, × at rest |\n"
    "|---|---|---|---|---|---|---|"
)


async def measure(name: str, streaming: int, commands: int) -> Acknowledgements:
    """Have so many conversations stream, and somebody use so many commands meanwhile."""
    # The answers go on for twice as long as the commands take.
    tokens = int(TOKENS_A_SECOND * (20 + commands * _BETWEEN * 2))
    async with (
        Sandbox(rate_limits=False) as sandbox,
        child("tests.benchmarks.paced", str(tokens), str(TOKENS_A_SECOND)) as (model, _),
        bot_process("bot", sandbox, model, streaming + commands),
    ):
        await sandbox.bot_ready(timeout=60, commands=True)
        rooms = [sandbox.guild.add_text_channel(f"room-{n}") for n in range(streaming)]
        for number, room in enumerate(rooms):
            await sandbox.members[number % 2].say(room, f"q{number}", mention_bot=True)
        while not all(len(found := replies(sandbox, room)) and found[0].edits for room in rooms):
            await asyncio.sleep(0.1)
        place = sandbox.guild.text_channel("general")
        used: list[asyncio.Task[Interaction]] = []
        for number in range(commands):
            command = COMMANDS[number % len(COMMANDS)]
            values: dict[str, Any] = {}
            if command == "ask":
                values["question"] = f"q{streaming + number}"
            used.append(
                asyncio.create_task(sandbox.members[number % 2].command(place, command, **values))
            )
            await asyncio.sleep(_BETWEEN)
        found_at = [await each for each in used]
        times = [
            each.acknowledged_at - each.created_at
            for each in found_at
            if each.acknowledged and each.acknowledged_at is not None
        ]
        return Acknowledgements(
            name,
            streaming,
            commands,
            len(times) / commands,
            statistics.median(times),
            p95(times),
        )


async def main() -> None:
    """Measure at rest, then while 200 conversations stream."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streaming", type=int, default=200)
    parser.add_argument("--commands", type=int, default=60)
    given = parser.parse_args()
    print(HEADING, flush=True)
    baseline = await measure("at rest", 0, given.commands)
    print(baseline.row(baseline), flush=True)
    result = await measure("while answers stream", given.streaming, given.commands)
    print(result.row(baseline), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
