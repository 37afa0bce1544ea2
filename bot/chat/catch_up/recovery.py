"""After a start: what was taken and not answered goes on from where the ledger has it."""

import logging
from collections.abc import Callable

from bot.store.ledger import Ledger, NewQuestion

_log = logging.getLogger(__name__)


async def recover(
    ledger: Ledger,
    *,
    wake: Callable[[int], None],
    unsettled: Callable[[NewQuestion], None],
) -> None:
    """Set going what the ledger says is owed; what is going already goes on as it is."""
    questions = await ledger.questions.unsettled()
    channels = await ledger.turns.channels_owing()
    if questions or channels:
        _log.info(
            "Going on with %d channels and %d questions that have none yet",
            len(channels),
            len(questions),
        )
    for channel_id in channels:
        wake(channel_id)
    for question in questions:
        unsettled(question)
