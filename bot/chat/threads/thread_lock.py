"""A thread that an active run has locked: waited for, cancelled after its expiry, or left.

Whatever a server says about that run, the waiting ends.
"""

import logging
import re
from typing import Final

from bot.assistants.api import AssistantsAPI
from bot.assistants.errors import APIError
from bot.assistants.schema.objects import Run
from bot.assistants.states import ACTIVE
from bot.chat.threads.api_errors import ThreadLostError, TurnError, gone, unusable
from bot.runtime.backoff import FIRST_WAIT
from bot.runtime.clock import Clock

FOREIGN_RUN_GRACE: Final = 30.0
"""How long a run that we did not make may go on past its expiry, in seconds."""

_LIFETIME: Final = 600
_MOST_RUNS: Final = 3
_LONGEST_WAIT: Final = 3.0
_RUN_ID: Final = re.compile(r"\brun_\w+")

_log: Final = logging.getLogger(__name__)


class ThreadLock:
    """What keeps one call from a thread, however often it is refused."""

    def __init__(self, api: AssistantsAPI, clock: Clock, thread_id: str) -> None:
        self._api = api
        self._clock = clock
        self._thread_id = thread_id
        self._outwaited: set[str] = set()
        self._give_up: float | None = None

    async def wait(self, refusal: APIError, runs: list[Run]) -> None:
        """Wait until the call can be tried again; ``runs`` are the thread's newest.

        Raises ``ThreadLostError`` where nothing unlocks the thread, ``TurnError`` where one run
        follows the other.
        """
        active = [run for run in runs if run.status in ACTIVE and run.id not in self._outwaited]
        if not active:
            active = await self._named(refusal)
        if not active:
            # Locked, and nobody knows by what.
            now = self._clock.monotonic()
            self._give_up = self._give_up or now + FOREIGN_RUN_GRACE
            if now > self._give_up:
                raise self._left(refusal)
            await self._clock.sleep(_LONGEST_WAIT)
        for run in active:
            if len(self._outwaited) >= _MOST_RUNS:
                raise TurnError("busy", f"{self._thread_id} is locked again and again")
            self._outwaited.add(run.id)
            _log.warning("%s waits for run %s, which it did not make", self._thread_id, run.id)
            await self._outwait(run)

    async def _named(self, refusal: APIError) -> list[Run]:
        """Return the active run that a refusal names, where there is one that was not listed."""
        named = _RUN_ID.search(refusal.message)
        if named is None or named[0] in self._outwaited:
            return []
        try:
            run = await self._retrieved(named[0])
        except APIError as error:
            _log.info("Run %s, which is said to be active: %s", named[0], error)
            return []
        return [run] if run.status in ACTIVE else []

    async def _outwait(self, run: Run) -> None:
        """Wait for a run's end; past its expiry cancel it, and leave the thread if that fails."""
        now = self._clock.now()
        expires_at = max(run.expires_at or run.created_at + _LIFETIME, 0)
        # No longer than a run lives, whatever the server says of it.
        lifetime = min(expires_at, int(now) + _LIFETIME) - now
        cancelled = run.status == "cancelling"
        if not cancelled and "turn" in (run.metadata or {}):
            # Made by an attempt that gave up before it knew: nobody waits for it any more.
            lifetime = -5.0
        patience = FOREIGN_RUN_GRACE if cancelled else lifetime + 5
        deadline = self._clock.monotonic() + patience
        wait = FIRST_WAIT
        while True:
            try:
                current = await self._retrieved(run.id)
                if current.status not in ACTIVE:
                    return
            except APIError as error:
                if gone(error):
                    return
                _log.info("Run %s: %s", run.id, error)
            if self._clock.monotonic() > deadline:
                if cancelled:
                    raise self._left(f"run {run.id} does not end")
                cancelled = True
                deadline = self._clock.monotonic() + FOREIGN_RUN_GRACE
                await self._cancel(run)
            await self._clock.sleep(wait)
            wait = min(wait * 1.5, _LONGEST_WAIT)

    async def _retrieved(self, run_id: str) -> Run:
        try:
            return await self._api.retrieve_run(self._thread_id, run_id)
        except TurnError as error:
            if unusable(error):
                raise self._left(error) from error
            raise

    async def _cancel(self, run: Run) -> None:
        try:
            await self._api.cancel_run(self._thread_id, run.id)
        except (APIError, TurnError) as error:
            # Whether it ends nevertheless is asked next.
            _log.info("Run %s was not cancelled: %s", run.id, error)

    def _left(self, why: object) -> ThreadLostError:
        _log.warning("Thread %s stays locked and is left: %s", self._thread_id, why)
        return ThreadLostError()
