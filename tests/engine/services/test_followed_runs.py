"""Runs of the engine that are followed after they were made, event by event."""

import asyncio
import threading
from functools import partial
from pathlib import Path

from bot.assistants.schema.objects import Run
from bot.assistants.schema.requests import CreateRun
from bot.engine.context import EngineOptions
from bot.store.engine import Tables
from tests.support.assistants import collected, house, names, streamed_text
from tests.support.eventually import PATIENCE


async def test_a_message_that_begins_later_is_told_piece_by_piece(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        first = home.model.gate()
        home.model.say("one two three", first=first)
        thread_id = await home.thread("hi")
        run = await home.run(thread_id)
        async with asyncio.timeout(PATIENCE):
            await first.until_waiting()
            events = await home.api.follow_run(thread_id, run.id)
            told = [await anext(events)]
            first.open()
        told += await collected(events)
        assert names(told) == [
            "thread.run.in_progress",
            "thread.run.step.created",
            "thread.run.step.in_progress",
            "thread.message.created",
            "thread.message.in_progress",
            "thread.message.delta",
            "thread.message.completed",
            "thread.run.step.completed",
            "thread.run.completed",
        ]
        assert streamed_text(told) == "one two three"


async def test_a_run_that_ends_between_the_call_and_the_first_event_is_told_whole(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, "engine") as home:
        thread_id = await home.thread("hi")
        run = await home.run(thread_id)
        events = await home.api.follow_run(thread_id, run.id)
        await home.until(run, "completed")
        assert names(await collected(events)) == [
            "thread.message.completed",
            "thread.run.step.completed",
            "thread.run.completed",
        ]


def wait(gate: threading.Event, _tables: Tables) -> bool:
    return gate.wait(PATIENCE)


async def test_events_from_before_the_state_was_read_are_not_yielded_after_it(
    tmp_path: Path,
) -> None:
    one_at_a_time = EngineOptions(max_concurrent_runs=1)
    async with house(tmp_path, "engine", options=one_at_a_time) as home, asyncio.timeout(PATIENCE):
        gate = home.model.gate()
        home.model.say("one", gate=gate)
        await home.run(await home.thread("first"))
        await gate.until_waiting()
        thread_id = await home.thread("second")
        request = CreateRun(assistant_id=await home.assistant())
        own = await home.api.stream_run(thread_id, request)
        run = (await anext(own)).data
        assert isinstance(run, Run)
        followed = await home.api.follow_run(thread_id, run.id)
        # Both reading connections are held: the next read waits for the first of these, the read
        # after that one for the second.
        held = [threading.Event(), threading.Event()]
        reads = [asyncio.create_task(home.engine.store.read(partial(wait, each))) for each in held]
        try:
            await asyncio.sleep(0)
            first = asyncio.ensure_future(anext(followed))
            await asyncio.sleep(0)
            gate.open()
            while (await anext(own)).event != "thread.run.in_progress":
                pass
            await home.api.cancel_run(thread_id, run.id)
            held[0].set()
            told = [await first]
        finally:
            for each in held:
                each.set()
        told += await collected(followed)
        assert names(told) == ["thread.run.cancelling", "thread.run.cancelled"]
        await asyncio.gather(*reads)
