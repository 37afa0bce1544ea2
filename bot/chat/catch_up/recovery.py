"""Recovery after a start or a broken ledger: turns go on from the state that the ledger has."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from bot.runtime.clock import Clock
from bot.runtime.retry import endless, on_error, retry
from bot.store.ledger import Ledger, LedgerError, NewQuestion

T = TypeVar("T")

_LEDGER_RETRIES: Final = endless(first_delay=2.0, longest_delay=2.0)

_log: Final = logging.getLogger(__name__)


async def until_ledger_answers(call: Callable[[], Awaitable[T]], clock: Clock, failure: str) -> T:
    """Retry a call while the ledger fails; ``failure`` says in the log what can't be done yet."""

    def log(error: Exception, seconds: float) -> None:
        _log.warning("%s; trying again in %.1f s: %s", failure, seconds, error)

    return await retry(call, _LEDGER_RETRIES, on_error(LedgerError), clock, on_wait=log)


async def recover(
    ledger: Ledger,
    *,
    wake: Callable[[int], None],
    unsettled: Callable[[NewQuestion], None],
) -> None:
    """Wake each channel that owes an answer, and settle each question that has no channel yet."""
    questions = await ledger.questions.unsettled()
    channels = await ledger.turns.channels_owing()
    if questions or channels:
        _log.info(
            "Going on with %d channels, and with %d questions that have no channel yet",
            len(channels),
            len(questions),
        )
    for channel_id in channels:
        wake(channel_id)
    for question in questions:
        unsettled(question)
