"""Retries calls while the ledger cannot be read or written."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeVar

from bot.runtime.clock import Clock
from bot.runtime.retry import endless, on_error, retry
from bot.store.ledger import LedgerError

T = TypeVar("T")

_LEDGER_RETRIES: Final = endless(first_delay=2.0, longest_delay=2.0)

_log: Final = logging.getLogger(__name__)


async def until_ledger_answers(call: Callable[[], Awaitable[T]], clock: Clock, failure: str) -> T:
    """Retry a call while it raises ``LedgerError``; ``failure`` is logged at each retry."""
    log = partial(_log.warning, "%s (%s); trying again in %.1f s", failure)
    return await retry(call, _LEDGER_RETRIES, on_error(LedgerError), clock, on_wait=log)
