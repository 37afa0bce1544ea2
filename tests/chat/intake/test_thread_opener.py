"""The opener of channel threads: what was asked before and after its end."""

import asyncio
from typing import cast

from bot.chat.intake.routing import Router
from bot.chat.intake.thread_opener import ThreadOpener
from bot.runtime.clock import SystemClock
from bot.store.ledger import NewQuestion

QUESTION = NewQuestion(
    id=7, channel_id=1, guild_id=2, author_id=3, author_name="Ada", content="Why?"
)


class SlowRouter:
    """Opens a channel thread that Discord never answers about."""

    def __init__(self) -> None:
        self.asked = asyncio.Semaphore(0)

    async def open_thread(self, question: NewQuestion) -> int | None:
        """Wait for ever."""
        self.asked.release()
        await asyncio.get_running_loop().create_future()
        return None


async def test_a_question_that_is_stored_while_the_bot_stops_waits_for_the_next_start() -> None:
    router, scheduled = SlowRouter(), list[int]()
    opener = ThreadOpener(cast("Router", router), SystemClock(), scheduled.append)
    opener.open_soon(QUESTION)
    await router.asked.acquire()
    await opener.stop()
    opener.open_soon(QUESTION)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert router.asked.locked()
    assert scheduled == []
