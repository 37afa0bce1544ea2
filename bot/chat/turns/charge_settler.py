"""Settles the charges of ended attempts: the use that was reserved becomes the use of the run.

Most attempts are settled when their turn learns the end of its run. The others had runs that were
cancelled or abandoned: the use of those runs is looked up later, also after a restart. One round
looks at all of them, because such a run may wait until it expires, or be unknown to the server.
"""

import asyncio
import logging
from typing import Final

from bot.assistants.errors import APIError
from bot.assistants.states import TERMINAL
from bot.chat.access.prices import Prices
from bot.chat.threads.api_errors import TurnError, gone
from bot.chat.threads.runs.run_end import RunEnd
from bot.chat.threads.threads import AssistantThreads
from bot.runtime.backoff import backoff
from bot.runtime.clock import Clock
from bot.runtime.tasks import BackgroundTasks
from bot.store.ledger import Ledger, LedgerError, OpenCharge, Turn

_LONGEST_WAIT: Final = 60.0
"""The longest time between two looks at runs that have not ended, in seconds."""

_log: Final = logging.getLogger(__name__)


class ChargeSettler:
    """Looks up the use of the runs of ended attempts, until every charge is settled."""

    def __init__(
        self, ledger: Ledger, threads: AssistantThreads, prices: Prices, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._threads = threads
        self._prices = prices
        self._clock = clock
        self._tasks = BackgroundTasks()
        self._wanted = asyncio.Event()
        self._working = False
        self._settled: set[int] = set()

    async def close(self, turn: Turn, end: RunEnd) -> Turn | None:
        """Move a turn to ``closing`` with the end of its run; settle what the run has used."""
        spend = self._prices.spend(end.run)
        closing = await self._ledger.turns.closing(
            turn.id,
            turn.attempt,
            end.outcome,
            error=end.error,
            tokens=end.tokens,
            spend=spend,
        )
        if closing is not None and spend is not None:
            self._settled.add(turn.id)
        return closing

    def turn_ended(self, turn: Turn) -> None:
        """Settle the charges of an ended turn in the background, unless ``close`` settled them."""
        if turn.id not in self._settled or turn.attempt > 1:
            self.settle_soon()
        self._settled.discard(turn.id)

    def settle_soon(self) -> None:
        """Settle all open charges in the background."""
        self._wanted.set()
        if not self._working:
            self._working = True
            self._tasks.start(self._settle_all(), "Charges are not settled; the next start goes on")

    async def stop(self) -> None:
        """Stop settling; the next start continues."""
        await self._tasks.stop()

    async def _settle_all(self) -> None:
        rounds = 0
        try:
            while self._wanted.is_set():
                self._wanted.clear()
                if await self._is_anything_open():
                    self._wanted.set()
                    await self._clock.sleep(backoff(rounds, _LONGEST_WAIT))
                    rounds += 1
        finally:
            self._working = False

    async def _is_anything_open(self) -> bool:
        """Settle the charges whose runs have ended; return whether charges are left."""
        left = False
        try:
            for charge in await self._ledger.spending.open_charges():
                try:
                    left |= not await self._settle(charge)
                except (APIError, TurnError) as error:
                    _log.info("Turn %d: its run can't be read: %s", charge.turn_id, error)
                    left = True
        except LedgerError as error:
            _log.warning("Charges can't be settled now: %s", error)
            left = True
        return left

    async def _settle(self, charge: OpenCharge) -> bool:
        """Settle a charge; return False while its run goes on."""
        spending, key = self._ledger.spending, (charge.turn_id, charge.attempt)
        thread_id, run_id = charge.thread_id, charge.run_id
        if run_id is None and thread_id is not None:
            run_id = await self._threads.run_of_attempt(thread_id, *key)
        if thread_id is None or run_id is None:
            await spending.settle(*key, None)
            return True
        try:
            run = await self._threads.api.retrieve_run(thread_id, run_id)
        except APIError as error:
            if not gone(error):
                raise
            _log.warning("Run %s is gone: its estimate counts as its use", run_id)
            await spending.accept_estimate(*key)
            return True
        if run.status not in TERMINAL:
            return False
        spend = self._prices.spend(run)
        if spend is None:
            await spending.accept_estimate(*key)
        else:
            await spending.settle(*key, spend)
        return True
