"""Runs against a faulty model endpoint that others wrote: each one ends, and its thread goes on."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from bot.assistants.schema.requests import CreateAssistant, CreateMessage, CreateRun, CreateThread
from bot.assistants.states import TERMINAL
from bot.engine import Engine
from bot.models.chat_completions.model import ChatCompletions
from bot.models.http.endpoint import EndpointTimeouts
from bot.runtime.clock import SystemClock
from bot.store.engine import EngineStore
from tests.support.assistants import IMPATIENT
from tests.support.eventually import PATIENCE, eventually

RUNS = 8


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@asynccontextmanager
async def _llmock(faults: Sequence[str]) -> AsyncIterator[str]:
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("llmock")),
        *("serve", "--host", "127.0.0.1", "--port", str(port), "--log-level", "critical"),
        *faults,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with aiohttp.ClientSession() as session:

            async def listens() -> bool:
                try:
                    async with session.get(f"http://127.0.0.1:{port}/"):
                        return True
                except aiohttp.ClientError:
                    return False

            await eventually(listens)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.parametrize(
    "faults",
    [
        ("--error-rate", "429=0.5", "--error-rate", "500=0.3"),
        ("--error-rate", "503=1.0"),
        ("--error-rate", "401=1.0"),
        ("--stream-fault", "disconnect=0.5", "--stream-fault", "truncate=0.5"),
        ("--stream-fault", "malformed=1.0"),
        ("--stream-fault", "stall=1.0", "--stream-stall-seconds", "60"),
        ("--context-window", "5"),
    ],
    ids=lambda faults: "-".join(faults[1::2]),
)
async def test_every_run_ends_and_its_thread_takes_the_next_message(
    tmp_path: Path, faults: tuple[str, ...]
) -> None:
    waits = EndpointTimeouts(between_chunks=0.5 if "stall=1.0" in faults else PATIENCE)
    async with _llmock(faults) as url, await EngineStore.open(tmp_path / "engine.db") as store:
        model = ChatCompletions(url, api_key="any", retries=IMPATIENT, timeouts=waits)
        engine = Engine(store, model, clock=SystemClock())
        await engine.start()
        try:
            api = engine.for_project("default")
            assistant = await api.create_assistant(CreateAssistant(model="gpt-4o"))

            async def one() -> str:
                hello = CreateMessage(role="user", content="hello, whoever you are")
                thread = await api.create_thread(CreateThread(messages=(hello,)))
                async for event in await api.stream_run(
                    thread.id, CreateRun(assistant_id=assistant.id)
                ):
                    last = event
                (run,) = (await api.list_runs(thread.id)).data
                assert run.status in TERMINAL, last
                assert (run.last_error is not None) == (run.status == "failed")
                await api.create_message(thread.id, hello)
                return run.status

            async with asyncio.timeout(PATIENCE):
                ended = await asyncio.gather(*(one() for _ in range(RUNS)))
        finally:
            await engine.stop()
            await model.close()
    if "malformed=1.0" in faults:
        assert set(ended) == {"completed"}, "the rest of the stream is the answer"
    elif any("=1.0" in fault for fault in faults):
        assert set(ended) == {"failed"}
