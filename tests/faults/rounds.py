"""Rounds of a run: questions, troubles and one kill each, then peace, and a verdict."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.spending import unbalanced
from tests.faults.troubles import TROUBLES
from tests.faults.verdict import Verdict, judge
from tests.faults.world import World, world

PEACE_EVERY = 12
"""After so many rounds everything is let come to its end, and is looked at."""


@dataclass
class Outcome:
    """A whole run."""

    seed: int
    rounds: int
    kills: int
    faults: int
    seconds: float
    verdict: Verdict

    def row(self) -> str:
        """The run as a row of a table."""
        v = self.verdict
        return (
            f"| {self.seed} | {self.rounds} | {self.kills} | {self.faults} | {v.questions} "
            f"| {v.lost} | {v.doubled} | {v.retried} | {v.cancelled} | {v.withdrawn} "
            f"| {v.forgotten} |"
        )


HEADING = (
    "| seed | rounds | kills | faults | questions | lost | doubled | retried | cancelled "
    "| withdrawn | forgotten |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)


async def run(
    directory: Path,
    seed: int,
    rounds: int,
    *,
    remote: bool,
    tell: Callable[[str], None] = lambda line: None,
) -> Outcome:
    """Run rounds until something is wrong, or all are over."""
    began = time.monotonic()
    async with world(directory, seed, remote=remote) as whole:
        verdict = Verdict(0)
        slips: list[str] = []
        for number in range(1, rounds + 1):
            await _round(whole, tell)
            slips += unbalanced(whole)
            if number % PEACE_EVERY == 0 or number == rounds:
                await whole.settle()
                await whole.ask_where_something_was_deleted()
                verdict = await judge(whole, await whole.settle())
                verdict.wrong += slips
                tell(f"{number} rounds, {len(whole.questions)} questions, wrong: {verdict.wrong}")
                if verdict.wrong:
                    rounds = number
                    break
        return Outcome(seed, rounds, whole.kills, whole.faults, time.monotonic() - began, verdict)


async def _round(whole: World, tell: Callable[[str], None]) -> None:
    chance = whole.random
    await whole.start()
    if chance.random() < 0.75:
        await whole.on_discord()
    for _ in range(chance.randint(1, 3)):
        await whole.ask()
        await asyncio.sleep(chance.uniform(0.0, 0.15))
    names = []
    for trouble in chance.sample(TROUBLES, chance.choice((0, 1, 1, 2, 3))):
        await trouble(whole)
        whole.faults += 1
        names.append(trouble.__name__)
    await asyncio.sleep(chance.uniform(0.0, 1.5) ** 2)
    killed = [whole.bot]
    if whole.remote:
        killed = chance.choice(([whole.bot], [whole.server], [whole.server, whole.bot]))
    tell(f"{', '.join(names) or 'no trouble'}; killed {', '.join(each.name for each in killed)}")
    for child in killed:
        await child.kill()
    if chance.random() < 0.4:
        await whole.ask()
    if chance.random() < 0.3:
        await chance.choice((whole.edit_question, whole.delete_questions, whole.delete_reply))()
