"""The Assistants API served over an engine, in a process of its own, for benchmarks."""

import asyncio
import sys
import tempfile
from pathlib import Path

from bot.engine import Engine, EngineOptions
from bot.models.chat_completions.model import ChatCompletions
from bot.runtime.clock import SystemClock
from bot.server import Server
from bot.store.engine import EngineStore


async def _serve(model_url: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        store = await EngineStore.open(Path(directory) / "engine.db")
        model = ChatCompletions(model_url)
        options = EngineOptions(max_concurrent_runs=1000)
        engine = Engine(store, model, clock=SystemClock(), options=options)
        await engine.start()
        server = Server(engine.for_project, keys={}, port=0)
        await server.start()
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)  # until whoever started it goes
        await server.stop()
        await engine.stop()
        await model.close()
        await store.close()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
