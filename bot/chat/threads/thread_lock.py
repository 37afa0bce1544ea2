"""Waits until no active run locks a thread, and cancels a run that is past its expiry.

The wait always ends, whatever the server says about the run. The run's status is polled: a run's
events end where it waits for tool outputs, but its lock stays.
"""

import itertools
import logging
import re
from typing import Final

from bot.assistants.api import AssistantsAPI
from bot.assistants.errors import APIError
from bot.assistants.schema.objects import Run
from bot.assistants.states import ACTIVE
from bot.chat.threads.api_errors import ThreadLostError, TurnError, gone, unusable
from bot.runtime.backoff import backoff
from bot.runtime.clock import Clock

FOREIGN_RUN_GRACE: Final = 30.0
"""How long a run of another program may go on past its expiry, in seconds."""

_LIFETIME: Final = 600
_MOST_RUNS: Final = 3
_LONGEST_WAIT: Final = 3.0
_RUN_ID: Final = re.compile(r"\brun_\w+")

_log: Final = logging.getLogger(__name__)


class ThreadLock:
    """Waits for the runs that lock a thread, while one call on the thread is repeated."""

    def __init__(self, api: AssistantsAPI, clock: Clock, thread_id: str) -> None:
        self._api = api
        self._clock = clock
        self._thread_id = thread_id
        self._waited_for: set[str] = set()
        self._give_up: float | None = None

    async def wait(self, refusal: APIError, runs: list[Run]) -> None:
        """Wait until the call may be tried again; ``runs`` are the thread's newest runs.

        Raises ``ThreadLostError`` where the thread stays locked, and ``TurnError`` where one active
        run follows another.
        """
        active = [run for run in runs if run.status in ACTIVE and run.id not in self._waited_for]
        if not active:
            active = await self._run_in_refusal(refusal)
        if not active:
            # The thread is locked although no active run can be found.
            now = self._clock.monotonic()
            self._give_up = self._give_up or now + FOREIGN_RUN_GRACE
            if now > self._give_up:
                raise self._lost(refusal)
            await self._clock.sleep(_LONGEST_WAIT)
        for run in active:
            if len(self._waited_for) >= _MOST_RUNS:
                raise TurnError("busy", f"{self._thread_id} is locked again and again")
            self._waited_for.add(run.id)
            _log.warning(
                "Thread %s is locked by run %s of another program; waiting for it",
                self._thread_id,
                run.id,
            )
            await self._wait_for(run)

    async def _run_in_refusal(self, refusal: APIError) -> list[Run]:
        """Return the active run that a refusal names; an empty list if it names none."""
        named = _RUN_ID.search(refusal.message)
        if named is None or named[0] in self._waited_for:
            return []
        try:
            run = await self._retrieved(named[0])
        except APIError as error:
            _log.info("Run %s locks the thread, but can't be read: %s", named[0], error)
            return []
        return [run] if run.status in ACTIVE else []

    async def _wait_for(self, run: Run) -> None:
        """Wait for a run's end; cancel the run after its expiry.

        Raises ``ThreadLostError`` if the run does not end after that.
        """
        now = self._clock.now()
        expires_at = max(run.expires_at or run.created_at + _LIFETIME, 0)
        # At most the usual lifetime, whatever expiry the server names.
        lifetime = min(expires_at, int(now) + _LIFETIME) - now
        cancelled = run.status == "cancelling"
        if not cancelled and "turn" in (run.metadata or {}):
            # An earlier attempt of the bot created this run and did not learn its id.
            lifetime = -5.0
        patience = FOREIGN_RUN_GRACE if cancelled else lifetime + 5
        deadline = self._clock.monotonic() + patience
        for polls in itertools.count():
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
                    raise self._lost(f"run {run.id} does not end")
                cancelled = True
                deadline = self._clock.monotonic() + FOREIGN_RUN_GRACE
                await self._cancel(run)
            await self._clock.sleep(backoff(polls, _LONGEST_WAIT))

    async def _retrieved(self, run_id: str) -> Run:
        try:
            return await self._api.retrieve_run(self._thread_id, run_id)
        except TurnError as error:
            if unusable(error):
                raise self._lost(error) from error
            raise

    async def _cancel(self, run: Run) -> None:
        try:
            await self._api.cancel_run(self._thread_id, run.id)
        except (APIError, TurnError) as error:
            # The next poll shows whether the run ends nevertheless.
            _log.info("Run %s was not cancelled: %s", run.id, error)

    def _lost(self, why: object) -> ThreadLostError:
        _log.warning("Thread %s stays locked and is given up: %s", self._thread_id, why)
        return ThreadLostError()
