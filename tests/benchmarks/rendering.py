"""The cost of an answer's final text: plain, with formulas as text, with formulas as pictures.

``python -m tests.benchmarks.rendering [ROUNDS]`` prints a row of a table for each.
"""

import asyncio
import resource
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

from msgspec import Struct

from bot.chat.reply.content.composition import compose
from bot.chat.reply.content.illustration import FormulaDrawer, draw_formulas
from bot.hosted.pictures import Painter

PLAIN = " ".join(f"word{number}" for number in range(60)) + ".\n\n**Bold** and a `name`."
FORMULAS = r"""With \(a = 1\), \(b = -3\) and \(c = \frac{1}{2}\) the solutions are

\[ x = \frac{-b \pm \sqrt{b^2 - 4ac}}{2a} \]

because completing the square gives

\[ \left(x + \frac{b}{2a}\right)^2 = \frac{b^2 - 4ac}{4a^2} \]

| sign | solution |
|---|---|
| + | $x_1$ |
| − | $x_2$ |"""


class Row(Struct, frozen=True):
    """Median milliseconds of one answer: CPU of this process, CPU of the child, and in all."""

    name: str
    cpu: float
    child_cpu: float
    wall: float

    def __str__(self) -> str:
        """The result as a row of a table."""
        return f"| {self.name} | {self.cpu:.2f} | {self.child_cpu:.1f} | {self.wall:.1f} |"


async def measure(rounds: int = 200) -> list[Row]:
    """Measure each kind of answer so many times."""
    painter = Painter()

    def answer(text: str, drawer: FormulaDrawer | None) -> Callable[[], Awaitable[None]]:
        async def call() -> None:
            assert compose(await draw_formulas(text, drawer), [], ["-# 1.0 s"], text)

        return call

    rows = [
        await _row("plain answer of 60 words", answer(PLAIN, painter), rounds),
        await _row("typical formula answer, formulas as text", answer(FORMULAS, None), rounds),
    ]
    pictures = answer(FORMULAS, painter)
    await pictures()  # starts the process that draws
    rows.append(await _row("typical formula answer, two pictures", pictures, max(1, rounds // 4)))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    await painter.close()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    drawn = Row(rows[-1].name, rows[-1].cpu, spent * 1000 / (rounds // 4 + 1), rows[-1].wall)
    return [*rows[:-1], drawn]


async def _row(name: str, call: Callable[[], Awaitable[None]], rounds: int) -> Row:
    cpu: list[float] = []
    wall: list[float] = []
    for _ in range(rounds):
        used, began = time.process_time(), time.perf_counter()
        await call()
        cpu.append((time.process_time() - used) * 1000)
        wall.append((time.perf_counter() - began) * 1000)
    return Row(name, statistics.median(cpu), 0.0, statistics.median(wall))


if __name__ == "__main__":
    print("| answer | CPU of the bot, ms | CPU of the drawing process, ms | in all, ms |")
    print("|---|--:|--:|--:|")
    for row in asyncio.run(measure(*map(int, sys.argv[1:2]))):
        print(row)
