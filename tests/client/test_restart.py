"""A server that is stopped and started again under a client that reads a stream."""

import asyncio
from pathlib import Path

from bot.assistants.events import StreamEvent
from bot.assistants.schema.requests import CreateRun
from bot.client import Client
from bot.runtime.retry import RetryPolicy
from bot.server import Server
from tests.support.assistants import KEYS, collected, house, names, streamed_text
from tests.support.eventually import PATIENCE


async def test_a_stream_goes_on_by_polling_when_its_server_comes_back(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        gate = home.model.gate()
        home.model.say("one two three", gate=gate)
        thread_id, assistant_id = await home.thread("hi"), await home.assistant()
        first = Server(home.engine.for_project, keys=KEYS, port=0)
        await first.start()
        port = int(first.url.removesuffix("/v1").rpartition(":")[2])
        again = RetryPolicy(attempts=200, first_delay=0.01, longest_delay=0.05)
        async with Client(first.url, "sk-default", retries=again) as client:
            events = await client.stream_run(thread_id, CreateRun(assistant_id=assistant_id))
            told: list[StreamEvent] = []
            async with asyncio.timeout(PATIENCE):
                await gate.until_waiting()
                gate.let()
                while streamed_text(told) != "one ":
                    told.append(await anext(events))
            await first.stop()
            rest = asyncio.create_task(collected(events))
            second = Server(home.engine.for_project, keys=KEYS, port=port)
            await second.start()
            gate.open()
            told += await rest
            await second.stop()
    assert names(told)[-4:] == [
        "thread.message.delta",
        "thread.message.completed",
        "thread.run.step.completed",
        "thread.run.completed",
    ]
    assert streamed_text(told) == "one "
