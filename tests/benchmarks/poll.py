"""CPU of one run poll: our client against the official SDK, on one server, in one run.

The server is another process, so that only what the clients spend is counted. Run it as
`python -m tests.benchmarks.poll [POLLS A ROUND]`.
"""

import asyncio
import json
import sys
import tempfile
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from openai import AsyncOpenAI, DefaultAioHttpClient

from bot.client import Client

AIM = 7.0
"""So many times cheaper than the SDK with its own transport we want to be."""

ROUNDS = 20
_WARM_UP = 50
_KEY = "sk-default"

Poll = Callable[[], Awaitable[str]]


@dataclass(frozen=True)
class Served:
    """A server with a run on it."""

    url: str
    thread_id: str
    run_id: str


@dataclass(frozen=True)
class Measured:
    """One client's CPU, in ms a poll: its best round's, since other work only adds."""

    name: str
    milliseconds: float


async def measure(polls: int, rounds: int = ROUNDS) -> list[Measured]:
    """Poll so often in each round with each client in turn; ours comes first in the list."""
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(_server())
        clients = await _clients(stack, served)
        spent: dict[str, list[float]] = {name: [] for name in clients}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the SDK's, at every call
            for poll in clients.values():
                await _cpu(poll, _WARM_UP)
            for _ in range(rounds):  # in turn, so that a busy machine is busy for all of them
                for name, poll in clients.items():
                    spent[name].append(await _cpu(poll, polls) / polls * 1000)
        return [Measured(name, min(each)) for name, each in spent.items()]


async def _clients(stack: AsyncExitStack, served: Served) -> dict[str, Poll]:
    ours = await stack.enter_async_context(Client(served.url, _KEY))

    async def poll_ours() -> str:
        return (await ours.retrieve_run(served.thread_id, served.run_id)).status

    clients: dict[str, Poll] = {"our client": poll_ours}
    sdk = await stack.enter_async_context(AsyncOpenAI(base_url=served.url, api_key=_KEY))
    clients["official SDK, its own transport"] = _sdk_poll(sdk, served)
    try:
        transport = DefaultAioHttpClient()
    except RuntimeError:  # its extra is not installed
        return clients
    sdk = await stack.enter_async_context(
        AsyncOpenAI(base_url=served.url, api_key=_KEY, http_client=transport)
    )
    clients["official SDK, aiohttp transport"] = _sdk_poll(sdk, served)
    return clients


def _sdk_poll(sdk: AsyncOpenAI, served: Served) -> Poll:
    async def poll() -> str:
        run = await sdk.beta.threads.runs.retrieve(served.run_id, thread_id=served.thread_id)
        return run.status

    return poll


async def _cpu(poll: Poll, polls: int) -> float:
    """Return the seconds of CPU that this process spends on so many polls, one after another."""
    began = time.process_time()
    for _ in range(polls):
        status = await poll()
        if status != "completed":
            raise RuntimeError(f"The run is {status}, not completed: nothing to compare.")
    return time.process_time() - began


@asynccontextmanager
async def _server() -> AsyncIterator[Served]:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks.poll", "--serve"),
        cwd=Path(__file__).parents[2],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        line = await child.stdout.readline()
        if not line:
            raise RuntimeError("The server did not start; what it said stands above.")
        yield Served(**json.loads(line))
    finally:
        child.stdin.close()  # it serves as long as somebody holds this
        await child.wait()


async def _serve() -> None:
    """Serve an engine with one completed run on it, until the input ends."""
    from tests.support.assistants import house

    with tempfile.TemporaryDirectory() as directory:
        async with house(Path(directory), "client") as home:
            assert home.server is not None
            thread_id = await home.thread("Give me three tips for better sleep.")
            assistant_id = await home.assistant(instructions="Be kind.", name="Ada")
            run = await home.until(await home.run(thread_id, assistant_id), "completed")
            served = {"url": home.server.url, "thread_id": thread_id, "run_id": run.id}
            print(json.dumps(served), flush=True)
            await asyncio.to_thread(sys.stdin.read)


def report(measured: list[Measured]) -> str:
    """Return the table, each client beside how many times as much as ours it spends."""
    ours = measured[0].milliseconds
    lines = [f"{'CPU of one run poll':36}{'ms':>8}{'× ours':>9}"]
    lines += [
        f"{each.name:36}{each.milliseconds:8.3f}{each.milliseconds / ours:9.1f}"
        for each in measured
    ]
    ratio = measured[1].milliseconds / ours
    verdict = "reached" if ratio >= AIM else "missed"
    lines.append(f"aim: {AIM:g}× cheaper than the SDK's own transport: {verdict} ({ratio:.1f}×)")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    if sys.argv[1:] == ["--serve"]:
        asyncio.run(_serve())
        return
    polls = int(sys.argv[1]) if sys.argv[1:] else 100
    print(report(asyncio.run(measure(polls))))


if __name__ == "__main__":
    main()
