"""The cost of conversations and the waits in them, compared with the smallest possible bot.

The bot is the real process, the sandbox is here, the model a process that writes 30 tokens a second
to each. Run it as `python -m tests.benchmarks.conversations`; it takes some minutes.
"""

import argparse
import asyncio
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

from bot.sandbox import Channel, DiscordMessage, Sandbox
from tests.benchmarks.endpoint import child
from tests.benchmarks.paced import LAST_WORD
from tests.scenarios.community import labels

TOKENS_A_SECOND = 30.0
_LATE = re.compile(r"p99 of the last minute: (\d+) ms")


@dataclass(frozen=True)
class Result:
    """Times in seconds, CPU in ms a conversation, memory in MB; ``late`` is the loop's p99."""

    name: str
    conversations: int
    thinking_p50: float
    thinking_p95: float
    final_p50: float
    final_p95: float
    cpu: float
    share: float
    memory: float
    late: float | None

    def row(self) -> str:
        """The result as a row of a table."""
        late = "–" if self.late is None else f"{self.late * 1000:.0f}"
        return (
            f"| {self.name} | {self.conversations} | {self.thinking_p50 * 1000:.0f} "
            f"| {self.thinking_p95 * 1000:.0f} | {self.final_p50 * 1000:.0f} "
            f"| {self.final_p95 * 1000:.0f} | {self.cpu:.1f} | {self.share * 100:.0f} "
            f"| {self.memory:.0f} | {late} |"
        )


HEADING = (
    '| | conversations | "thinking…" p50, ms | p95 | last token to final edit p50, ms | p95 '
    "| CPU, ms a conversation | of one core, % | MB | loop late p99, ms |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


async def measure(
    name: str, conversations: int, tokens: int, *, a_second: float | None, limits: bool
) -> Result:
    """Ask in so many channels, all at once or so many a second, and wait for every answer."""
    async with (
        Sandbox(rate_limits=limits) as sandbox,
        child("tests.benchmarks.paced", str(tokens), str(TOKENS_A_SECOND)) as (model, _),
        bot_process(name, sandbox, model, conversations) as bot,
    ):
        await sandbox.bot_ready(timeout=60, commands=name == "bot")
        rooms = [sandbox.guild.add_text_channel(f"room-{n}") for n in range(conversations)]
        await asyncio.sleep(1.0)  # what a start costs is no conversation's
        process = psutil.Process(bot.pid)
        spent, began, memory = _cpu(process), time.monotonic(), 0.0
        questions: list[DiscordMessage] = []
        for number, room in enumerate(rooms):
            if a_second is not None:
                await asyncio.sleep(max(0.0, began + number / a_second - time.monotonic()))
            asker = sandbox.members[number % 2]
            questions.append(await asker.say(room, f"q{number}", mention_bot=True))
        pending = list(rooms)
        while pending:
            memory = max(memory, process.memory_info().rss / 1e6)
            pending = [room for room in pending if not _ended(sandbox, room)]
            await asyncio.sleep(0.25)
        took, spent = time.monotonic() - began, _cpu(process) - spent
        late = await _late(bot) if name == "bot" else None
        async with aiohttp.ClientSession() as session, session.get(f"{model}/ends") as answer:
            told: dict[str, float] = await answer.json()
        ends = {int(re.findall(r"q(\d+)", text)[0]): at for text, at in told.items()}
        thinking = [
            replies(sandbox, room)[0].created_at - question.created_at
            for room, question in zip(rooms, questions, strict=True)
        ]
        final = [_last_change(sandbox, room) - ends[n] for n, room in enumerate(rooms)]
        return Result(
            name,
            conversations,
            statistics.median(thinking),
            p95(thinking),
            statistics.median(final),
            p95(final),
            spent / conversations * 1000,
            spent / took,
            memory,
            late,
        )


@asynccontextmanager
async def bot_process(
    name: str, sandbox: Sandbox, model: str, at_once: int
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the bot, or the smallest one, with so many runs at once."""
    with tempfile.TemporaryDirectory() as directory:
        arguments = ["tests.benchmarks.baseline_bot", sandbox.api_url, sandbox.gateway_url, model]
        if name == "bot":
            config = Path(directory) / "config.toml"
            config.write_text(
                f'[discord]\napi_url = "{sandbox.api_url}"\nanswer_in = "channel"\n'
                f'gateway_url = "{sandbox.gateway_url}"\n'
                f"[engine]\nmax_concurrent_runs = {at_once}\n"
                f'[models]\nendpoint = "chat"\nurl = "{model}"\nmodel = "fake"\n'
            )
            arguments = ["bot", "run", "--config", str(config)]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *arguments,
            env={**os.environ, "DISCORD_TOKEN": sandbox.token, "LOG_FORMAT": "text"},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE if name == "bot" else asyncio.subprocess.DEVNULL,
            limit=2**24,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


def replies(sandbox: Sandbox, room: Channel) -> list[DiscordMessage]:
    """The bot's messages in a channel."""
    return [message for message in room.messages if message.author is sandbox.bot_user]


def _ended(sandbox: Sandbox, room: Channel) -> bool:
    found = replies(sandbox, room)
    open_replies = any("Cancel" in labels(message) for message in found)
    return bool(found) and LAST_WORD in found[-1].content and not open_replies


def _last_change(sandbox: Sandbox, room: Channel) -> float:
    return max(
        max([message.created_at, *(edit.at for edit in message.edits)])
        for message in replies(sandbox, room)
    )


async def _late(bot: asyncio.subprocess.Process) -> float | None:
    """Stop the bot; return the delay of its event loop that its log states at the end."""
    bot.terminate()
    _, log = await bot.communicate()
    found = _LATE.findall(log.decode("utf-8", "replace"))
    return int(found[-1]) / 1000 if found else None


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def p95(values: list[float]) -> float:
    """The 95th percentile."""
    return sorted(values)[min(int(len(values) * 0.95), len(values) - 1)]


async def main() -> None:
    """Measure beside the baseline at 100 at once, then 500 within Discord's limits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at-once", type=int, default=100, help="0 leaves this part out")
    parser.add_argument("--arriving", type=int, default=500, help="0 leaves this part out")
    given = parser.parse_args()
    print(HEADING, flush=True)
    for name in ("baseline", "bot") if given.at_once else ():
        result = await measure(name, given.at_once, 240, a_second=None, limits=False)
        print(result.row(), flush=True)
    if given.arriving:
        tokens = int(given.arriving / 10 * TOKENS_A_SECOND)
        result = await measure("bot", given.arriving, tokens, a_second=10.0, limits=True)
        print(result.row(), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
