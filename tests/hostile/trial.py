"""One trial: the neighbour's day in quiet, then beside each attack, and the table of both."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.hostile.attacks import ATTACKS
from tests.hostile.neighbour import Latencies, neighbour, quantile
from tests.hostile.world import world

KINDS = ("request", "search", "run", "code", "file")
QUIET = "quiet"


@dataclass
class Phase:
    """What one phase showed."""

    name: str
    latencies: Latencies
    peak: float
    """The server's most memory, in MiB."""
    rounds: int = 0


@dataclass
class Report:
    """All phases, the quiet one first, and each sentence on what should not be."""

    phases: list[Phase] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def table(self) -> str:
        """Return p50 / p99 of each kind of thing in milliseconds, p99 as a multiple of quiet."""
        head = "| phase | rounds | " + " | ".join(f"{kind} p50/p99 ms" for kind in KINDS)
        lines = [f"{head} | memory MiB |", "|---|---|" + "---|" * (len(KINDS) + 1)]
        quiet = self.phases[0].latencies
        for phase in self.phases:
            cells = []
            for kind in KINDS:
                values = phase.latencies.get(kind, [])
                if not values:
                    cells.append("–")
                    continue
                p50, p99 = quantile(values, 0.5) * 1000, quantile(values, 0.99) * 1000
                cell = f"{p50:.0f} / {p99:.0f}"
                if phase.name != QUIET and quiet.get(kind):
                    cell += f" (×{p99 / 1000 / quantile(quiet[kind], 0.99):.1f})"
                cells.append(cell)
            lines.append(
                f"| {phase.name} | {phase.rounds} | {' | '.join(cells)} | {phase.peak:.0f} |"
            )
        return "\n".join(lines)


async def trial(directory: Path, seconds: float, names: tuple[str, ...] = ()) -> Report:
    """Attack for so many seconds in each of the named ways (none named: all)."""
    report = Report()
    async with world(directory) as there, neighbour(there.url) as living:
        async with there.watch():
            quiet = await living.live(seconds)
        report.phases.append(Phase(QUIET, quiet, there.peak))
        for name in names or tuple(ATTACKS):
            async with there.watch():
                attacking = asyncio.create_task(there.attacked(name, seconds, living.ids))
                await asyncio.sleep(0.5)  # the attacker's process starts
                latencies = await living.live(seconds)
                told = await attacking
            phase = Phase(name, latencies, there.peak, told["rounds"])
            report.phases.append(phase)
            report.wrong += [f"{name}: {sentence}" for sentence in _wrong(told)]
        report.wrong += [f"neighbour: {each}" for each in living.failed]
        report.wrong += [f"neighbour: {each}" for each in living.caller.tally.wrong]
        if living.caller.tally.broken:
            report.wrong.append(f"neighbour: {living.caller.tally.broken} requests unanswered")
        log = there.server.log
        for number, line in enumerate(log):
            if line.startswith("Traceback"):
                report.wrong.append("in the log: " + "\n".join(log[number - 1 : number + 40]))
        if there.server.process.returncode is not None:
            report.wrong.append("the server has ended")
    return report


def _wrong(told: dict[str, Any]) -> list[str]:
    """Return what should not have come of an attack."""
    # On a busy machine an attacker may be cut off for sending too slowly: then the attack ends
    # without the ids that it needs, and no defect is shown by that.
    failed = () if told["broken"] else told["failed"]
    return [
        *(f"read across: {each}" for each in told["leaks"]),
        *(f"answered {each}" for each in told["wrong"]),
        *(f"the attack itself failed: {each}" for each in failed),
    ]
