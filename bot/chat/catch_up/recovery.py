"""Resumes open turns and questions after a start, from the state that the ledger has."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from bot.chat.intake.ledger_retry import until_ledger_answers
from bot.runtime.clock import Clock
from bot.store.ledger import Ledger, NewQuestion

_log: Final = logging.getLogger(__name__)


class Recovery:
    """Schedules channels with open work, and opens channel threads for questions without one.

    ``do_chores`` does the chores that an earlier process left.
    """

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        *,
        schedule: Callable[[int], None],
        open_thread: Callable[[NewQuestion], None],
        do_chores: Callable[[], Awaitable[None]],
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._schedule = schedule
        self._open_thread = open_thread
        self._do_chores = do_chores

    async def run(self) -> None:
        """Resume everything that is open; retries until the ledger can be read."""
        await until_ledger_answers(
            self._resume, self._clock, "Open turns and questions can't be read"
        )

    async def _resume(self) -> None:
        questions = await self._ledger.questions.unrouted()
        channels = await self._ledger.turns.channels_with_work()
        if questions or channels:
            _log.info(
                "Resuming %d channels and %d questions without a channel",
                len(channels),
                len(questions),
            )
        for channel_id in channels:
            self._schedule(channel_id)
        for question in questions:
            self._open_thread(question)
        await self._do_chores()
