"""A run that a server does not begin: told in the end, and left when somebody cancels."""

import asyncio
from typing import Any

from bot.assistants.api import EventStream
from bot.assistants.events import StreamEvent
from bot.chat.texts import sentences
from tests.scenarios.community import Community, answer, is_final
from tests.support.eventually import PATIENCE


async def nothing(*request: Any) -> EventStream:
    """Answer with a stream that ends before it has named a run."""

    async def stream(*events: StreamEvent) -> EventStream:
        for event in events:
            yield event

    return stream()


async def test_where_no_stream_ever_names_its_run_that_is_told_and_retry_works(
    channels: Community,
) -> None:
    channels.clock.sleep_speed = 100.0
    channels.operations["stream_run"] = nothing
    await channels.ask("Why?")
    reply = await channels.finished(channels.general)
    assert reply.content == sentences.failure("unreachable")
    channels.operations.clear()
    await channels.ada.click(reply, "Retry")
    await channels.until(lambda: is_final(reply) and answer(reply) == "Why?")


async def test_cancel_does_not_wait_for_a_server_that_begins_no_run(channels: Community) -> None:
    channels.clock.sleep_speed = 100.0
    asked = asyncio.Event()

    async def hang(*request: Any) -> EventStream:
        asked.set()
        return await asyncio.Future[EventStream]()

    channels.operations["stream_run"] = hang
    await channels.ask("one")
    await asyncio.wait_for(asked.wait(), PATIENCE)
    await channels.ada.click(await channels.reply(channels.general), "Cancel")
    reply = await channels.finished(channels.general)
    assert "Cancelled" in reply.content
    channels.operations.clear()
    await channels.ask("two")
    assert answer(await channels.finished(channels.general, 2)) == "two"
