"""Resumes open turns and questions after a start, from the state in the ledger."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from bot.chat.intake.ledger_retry import until_ledger_answers
from bot.runtime.clock import Clock
from bot.store.ledger import Ledger, NewQuestion

_log: Final = logging.getLogger(__name__)


async def resume_open_work(
    ledger: Ledger,
    clock: Clock,
    *,
    schedule: Callable[[int], None],
    open_thread: Callable[[NewQuestion], None],
    do_chores: Callable[[], Awaitable[None]],
) -> None:
    """Schedule channels with open work, and open the channel threads that questions lack.

    ``do_chores`` does the chores that an earlier process left. Retries until the ledger answers.
    """

    async def resume() -> None:
        questions = await ledger.questions.unrouted()
        channels = await ledger.turns.channels_with_work()
        if questions or channels:
            _log.info(
                "Resuming %d channels and %d questions without a channel",
                len(channels),
                len(questions),
            )
        for channel_id in channels:
            schedule(channel_id)
        for question in questions:
            open_thread(question)
        await do_chores()

    await until_ledger_answers(resume, clock, "Open turns and questions can't be read")
