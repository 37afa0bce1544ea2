"""What a token costs: `python -m tests.models.benchmark_stream` prints CPU per delta, against bare.

Bare is aiohttp and json.loads and nothing else: no timeouts, no faults, no events of our own. The
endpoint runs in a process of its own, so that only the reading side is counted.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

import aiohttp

from bot.models.chat_completions.model import ChatCompletions
from bot.models.types import ModelTextDelta
from bot.wire.sse import Decoder, encode
from tests.models.asking import asking
from tests.support.model_endpoint import Asked, ScriptedModel, turns

DELTAS = 1000
ROUNDS = 15


async def serve() -> None:
    """Answer every request with DELTAS tokens, at once or each on its own as the question says."""
    async with ScriptedModel() as model:

        def script(asked: Asked) -> turns.Turn:
            pace = None if asked.question == "burst" else 4000.0
            return turns.say("", tokens=["token "] * DELTAS, per_second=pace)

        model.otherwise = script
        print(model.url, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def ours(chat: ChatCompletions, question: str) -> int:
    return sum([isinstance(event, ModelTextDelta) async for event in chat.stream(asking(question))])


async def bare(session: aiohttp.ClientSession, url: str, question: str) -> int:
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": question}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    count = 0
    async with session.post(f"{url}/chat/completions", json=body) as response:
        async for line in response.content:
            if line.startswith(b"data: {"):
                choices = json.loads(line[6:])["choices"]
                if choices and choices[0]["delta"].get("content"):
                    count += 1
    return count


async def cpu_per_delta(once: Callable[[], Awaitable[int]]) -> float:
    """Microseconds of CPU for each delta of one stream."""
    begin = time.process_time()
    count = await once()
    assert count == DELTAS
    return (time.process_time() - begin) / count * 1e6


async def measure(url: str, question: str) -> None:
    """Print the medians of rounds that take turns."""
    chat = ChatCompletions(url)
    costs: dict[str, list[float]] = {"ours": [], "bare": []}
    async with aiohttp.ClientSession() as session:
        for _ in range(ROUNDS):
            costs["ours"].append(await cpu_per_delta(lambda: ours(chat, question)))
            costs["bare"].append(await cpu_per_delta(lambda: bare(session, url, question)))
    await chat.close()
    middle = {name: statistics.median(values) for name, values in costs.items()}
    for name, value in middle.items():
        print(f"{question}: {name} {value:.1f} µs of CPU per delta")
    print(f"{question}: ratio {middle['ours'] / middle['bare']:.2f}")


def decoder() -> None:
    """Print what the decoder alone costs, an event at a time."""
    chunk = {"id": "c", "choices": [{"index": 0, "delta": {"content": "token "}}]}
    event = encode(None, json.dumps(chunk))
    feed = Decoder().feed
    begin = time.process_time()
    for _ in range(200_000):
        feed(event)
    print(f"SSE decoder: {(time.process_time() - begin) / 0.2:.2f} µs per event")


def main() -> None:
    """Start the endpoint, measure, end it."""
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve())
        return
    decoder()
    command = [sys.executable, "-m", "tests.models.benchmark_stream", "serve"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as endpoint:
        assert endpoint.stdout is not None
        url = endpoint.stdout.readline().strip()
        for question in ("paced", "burst"):
            asyncio.run(measure(url, question))
        endpoint.communicate("")


if __name__ == "__main__":
    main()
