"""Opens channel threads for stored questions, in the background."""

import asyncio
from collections.abc import Callable
from weakref import WeakValueDictionary

from bot.chat.intake.ledger_retry import until_ledger_answers
from bot.chat.intake.routing import Router
from bot.runtime.clock import Clock
from bot.runtime.tasks import BackgroundTasks
from bot.store.ledger import NewQuestion


class ThreadOpener:
    """Finds the channel of each question that has none, and calls ``schedule`` with its id."""

    def __init__(self, router: Router, clock: Clock, schedule: Callable[[int], None]) -> None:
        self._router = router
        self._clock = clock
        self._schedule = schedule
        self._tasks = BackgroundTasks()
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._open_more = True

    def open_soon(self, question: NewQuestion) -> None:
        """Open a question's channel thread in the background; does nothing after ``stop``."""
        if self._open_more:
            self._tasks.start(
                self._open(question),
                f"No channel was found for question {question.id}; the next start tries again",
            )

    async def stop(self) -> None:
        """Open no more channel threads; the next start opens those that are missing."""
        # A question that is being stored now would meet a closed connection.
        self._open_more = False
        await self._tasks.stop()

    async def _open(self, question: NewQuestion) -> None:
        async def open_thread() -> int | None:
            # discord.py would queue concurrent requests of a channel, and give some of them up.
            async with self._locks.setdefault(question.channel_id, asyncio.Lock()):
                return await self._router.open_thread(question)

        failure = f"The channel of question {question.id} can't be stored"
        channel_id = await until_ledger_answers(open_thread, self._clock, failure)
        if channel_id is not None:
            self._schedule(channel_id)
