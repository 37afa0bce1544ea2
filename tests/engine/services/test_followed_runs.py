"""Runs of the engine that are followed after they were made, event by event."""

import asyncio
from pathlib import Path

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
