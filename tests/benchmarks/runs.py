"""The cost of a whole run, compared with the bare model call inside it, on one fake endpoint.

A whole run is a message, a run, its steps and its answer, all on disk. The baselines are the same
streamed call made bare with aiohttp, and with the official SDK. The endpoint is another process; a
server is too, and its CPU counts with its client's. Run it as `python -m tests.benchmarks.runs`.
"""

import asyncio
import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil
from openai import AsyncOpenAI

from bot.assistants.api import AssistantsAPI
from bot.assistants.schema.requests import CreateAssistant, CreateMessage, CreateRun, CreateThread
from bot.client import Client
from bot.engine import Engine, EngineOptions
from bot.models.chat_completions.model import ChatCompletions
from bot.runtime.clock import SystemClock
from bot.store.engine import EngineStore
from tests.benchmarks.endpoint import WORDS, child, endpoint

AT_ONCE = (1, 32, 256)
BASELINE = "bare aiohttp call"

Call = Callable[[], Awaitable[float]]
"""One call or run; returns the seconds to its first delta."""


@dataclass(frozen=True)
class Way:
    """One way to get an answer; ``pid`` is of a process whose CPU counts, too."""

    name: str
    call: Call
    pid: int | None = None


@dataclass(frozen=True)
class Row:
    """What one way took: CPU in ms a run, seconds to the first delta, memory in kB a run."""

    name: str
    at_once: int
    cpu: float
    runs_a_second: float
    first_p50: float
    first_p95: float
    memory: float


async def measure(at_once: tuple[int, ...] = AT_ONCE, runs: int = 512) -> list[Row]:
    """Measure every way at each number at once; the baseline comes first in each group."""
    rows: list[Row] = []
    async with AsyncExitStack() as stack:
        ways = await _ways(stack)
        for way in ways:
            await _rounds(way, 1, 20)  # warm
        for count in at_once:
            rows += [await _measured(way, count, max(runs, count * 2)) for way in ways]
    return rows


async def _measured(way: Way, at_once: int, runs: int) -> Row:
    gc.collect()
    process = psutil.Process(way.pid) if way.pid else None
    before = process.cpu_times() if process else None
    cpu, wall = time.process_time(), time.perf_counter()
    held = psutil.Process(way.pid or None).memory_info().rss
    peak, firsts = await _rounds(way, at_once, runs)
    spent = time.process_time() - cpu
    took = time.perf_counter() - wall
    if process and before:
        after = process.cpu_times()
        spent += after.user - before.user + after.system - before.system
    firsts.sort()
    return Row(
        way.name,
        at_once,
        spent / runs * 1000,
        runs / took,
        statistics.median(firsts),
        firsts[int(len(firsts) * 0.95)],
        max(0, peak - held) / at_once / 1024,
    )


async def _rounds(way: Way, at_once: int, runs: int) -> tuple[int, list[float]]:
    """Make so many runs, so many at once; return the most memory held and the times."""
    firsts: list[float] = []
    left = iter(range(runs))
    peak = 0
    process = psutil.Process(way.pid or None)

    async def worker() -> None:
        nonlocal peak
        for number in left:
            firsts.append(await way.call())
            if number % 64 == 0:
                peak = max(peak, process.memory_info().rss)

    await asyncio.gather(*(worker() for _ in range(at_once)))
    return peak, firsts


async def _ways(stack: AsyncExitStack) -> list[Way]:
    url = await stack.enter_async_context(endpoint())
    bare = await stack.enter_async_context(
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    )
    sdk = await stack.enter_async_context(
        AsyncOpenAI(base_url=url, api_key="none", max_retries=0, timeout=60)
    )
    engine = await stack.enter_async_context(_engine(url))
    served, pid = await stack.enter_async_context(child("tests.benchmarks.served", url))
    client = await stack.enter_async_context(Client(served))
    return [
        Way(BASELINE, lambda: _bare(bare, url)),
        Way("official SDK, the same bare call", lambda: _sdk(sdk)),
        Way("a whole run, engine in process", await _whole(engine.for_project("default"))),
        Way("a whole run, through serve", await _whole(client), pid),
    ]


@asynccontextmanager
async def _engine(url: str) -> AsyncIterator[Engine]:
    with tempfile.TemporaryDirectory() as directory:
        store = await EngineStore.open(Path(directory) / "engine.db")
        model = ChatCompletions(url)
        options = EngineOptions(max_concurrent_runs=1000)
        engine = Engine(store, model, clock=SystemClock(), options=options)
        await engine.start()
        try:
            yield engine
        finally:
            await engine.stop()
            await model.close()
            await store.close()


async def _bare(session: aiohttp.ClientSession, url: str) -> float:
    """The least one can write: a streamed call, its text joined."""
    started, first, text = time.perf_counter(), 0.0, []
    body = {
        "model": "fake",
        "messages": [{"role": "user", "content": "Say sixty words."}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    async with session.post(f"{url}/chat/completions", json=body) as response:
        async for line in response.content:
            if line.startswith(b"data: {"):
                choices = json.loads(line[6:])["choices"]
                if choices and choices[0]["delta"].get("content"):
                    first = first or time.perf_counter() - started
                    text.append(choices[0]["delta"]["content"])
    assert len("".join(text).split()) == WORDS
    return first


async def _sdk(sdk: AsyncOpenAI) -> float:
    started, first, text = time.perf_counter(), 0.0, []
    stream = await sdk.chat.completions.create(
        model="fake",
        messages=[{"role": "user", "content": "Say sixty words."}],
        stream=True,
        stream_options={"include_usage": True},
    )
    async for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            first = first or time.perf_counter() - started
            text.append(chunk.choices[0].delta.content)
    assert len("".join(text).split()) == WORDS
    return first


async def _whole(api: AssistantsAPI) -> Call:
    """Return a call that makes a thread's message and its run, and follows it to the end."""
    assistant = await api.create_assistant(CreateAssistant(model="fake"))

    async def call() -> float:
        thread = (await api.create_thread(CreateThread())).id
        started, first, last = time.perf_counter(), 0.0, ""
        await api.create_message(thread, CreateMessage(role="user", content="Say sixty words."))
        async for event in await api.stream_run(thread, CreateRun(assistant_id=assistant.id)):
            if not first and event.event == "thread.message.delta":
                first = time.perf_counter() - started
            last = event.event
        assert last == "thread.run.completed", last
        return first

    return call


def table(rows: list[Row]) -> str:
    """Return the rows as Markdown."""
    lines = [
        "| at once | way | CPU, ms a run | × bare | runs/s | first delta added, p50 / p95, ms "
        "| memory, kB a run |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        base = next(r for r in rows if r.name == BASELINE and r.at_once == row.at_once)
        p50 = (row.first_p50 - base.first_p50) * 1000
        p95 = (row.first_p95 - base.first_p95) * 1000
        added = "–" if row is base else f"{p50:.1f} / {p95:.1f}"
        lines.append(
            f"| {row.at_once} | {row.name} | {row.cpu:.2f} | {row.cpu / base.cpu:.1f} "
            f"| {row.runs_a_second:.0f} | {added} | {row.memory:.0f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(asyncio.run(measure(runs=int(sys.argv[1]) if len(sys.argv) > 1 else 512))))
