"""Launches the runs of one engine, ends expired runs, and resumes unfinished runs at the start."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from functools import partial
from typing import Final

from bot.assistants.api import EventStream
from bot.assistants.errors import INTERRUPTED_RUN, not_found, server_error
from bot.assistants.events import StreamEvent
from bot.assistants.schema.objects import LastError, Run
from bot.assistants.states import ACTIVE
from bot.engine.context import EngineContext
from bot.engine.run.completion import RunEnding, discard_unfinished, end_run
from bot.engine.run.executor import RunExecutor
from bot.engine.run.interruption import Interruption
from bot.engine.run.run_context import RunContext
from bot.engine.run.run_events import RunFeed
from bot.models.types import ResumableModel
from bot.runtime.fair_queue import FairSlots
from bot.runtime.tasks import BackgroundTasks
from bot.store.engine import Tables

_log: Final = logging.getLogger(__name__)

_MAX_STOPS: Final = 3
"""How often the process may end while it executes a run, before the run fails."""

_RETRY_SECONDS: Final = 5.0
"""The wait between two tries to end a run that is overdue."""


class RunSupervisor:
    """Knows which runs are under execution, and ends each run that expires."""

    def __init__(self, engine: EngineContext) -> None:
        self._engine = engine
        limit = engine.options.max_concurrent_runs
        self._slots = FairSlots(limit, min(limit, engine.options.runs_per_project or limit))
        self._executors: dict[str, RunExecutor] = {}
        self._feeds: dict[str, RunFeed] = {}
        self._background = BackgroundTasks()
        self._expiries: dict[str, asyncio.Task[None]] = {}
        self._stopping = False

    async def start(self) -> None:
        """Launch the runs that the last process left unfinished."""
        abandoned: list[str] = []
        for project, run in await self._engine.store.write(partial(self._recover, abandoned)):
            self._expire_later(project, run, since=self._engine.clock.now())
            if run.status != "requires_action":
                self.launch(project, run)
        model = self._engine.model
        if abandoned and isinstance(model, ResumableModel):
            self._background.start(
                _abandon_all(model, abandoned), "Responses that nobody reads can't be cancelled"
            )

    async def stop(self) -> None:
        """Stop all executions; unfinished runs stay stored and go on at the next start."""
        self._stopping = True
        if isinstance(self._engine.model, ResumableModel):
            self._engine.model.leave_running()
        await self._background.stop()
        await self._engine.store.write(lambda tables: tables.discount_stop())

    def close_feeds(self) -> None:
        """End every subscriber's stream with an error: the engine is stopping."""
        error = server_error("The server is stopping. The run goes on when it is started again.")
        for feed in self._feeds.values():
            feed.fail(error)
        self._feeds.clear()

    def launch(self, project: str, run: Run) -> None:
        """Start to execute a queued run, or a run that the last process left unfinished."""
        if self._stopping:
            return
        feed = self._feeds.setdefault(run.id, RunFeed())
        executor = RunExecutor(RunContext(engine=self._engine, project=project, run=run, feed=feed))
        self._executors[run.id] = executor
        # A failure is most likely the disk's. The run keeps its status and ends when it expires.
        failure = f"{run.id} could not be brought to its end"
        self._background.start(self._execute(executor), failure).set_name(run.id)
        if run.id not in self._expiries:
            self._expire_later(project, run, since=run.created_at)

    def follow(self, run: Run, first: tuple[StreamEvent, ...]) -> EventStream:
        """Return ``first`` and then a run's events; call it before ``launch`` to miss none."""
        return self._feeds.setdefault(run.id, RunFeed()).subscribe(first)

    @contextlib.contextmanager
    def subscribed(self, run_id: str) -> Iterator[EventStream]:
        """Subscribe to a run for the ``with`` block, whether or not the run is under execution."""
        feed = self._feeds.setdefault(run_id, RunFeed())
        try:
            with feed.subscribed() as events:
                yield events
        finally:
            if run_id not in self._executors and not feed.has_subscribers:
                self._drop_feed(run_id)

    def feed(self, run_id: str) -> RunFeed:
        """Return the feed of a run; one without subscribers if nobody follows the run."""
        return self._feeds.get(run_id) or RunFeed()

    async def interrupt(self, project: str, run_id: str, reason: Interruption) -> None:
        """Stop a run that is ``cancelling``, overdue or deleted."""
        executor = self._executors.get(run_id)
        if executor is not None and executor.interrupt(reason):
            return
        if reason != "deleted":
            await self._end_idle(project, run_id, RunEnding(reason))

    async def thread_deleted(self, project: str, run_id: str, thread_id: str) -> None:
        """Stop a run whose thread was deleted, and end the streams of its subscribers."""
        await self.interrupt(project, run_id, "deleted")
        self._cancel_expiry(run_id)
        feed = self._feeds.pop(run_id, None)
        if feed is not None:
            feed.fail(not_found("thread", thread_id))

    async def _end_idle(self, project: str, run_id: str, ending: RunEnding) -> None:
        """End a run that is not under execution, if its status still allows that end."""
        now = self._engine.now()
        ended = await self._engine.store.write(
            lambda tables: end_run(tables, project, run_id, ending, now)
        )
        if ended is not None:
            ended.report(self._engine.metrics)
            ended.publish(self.feed(run_id))
            self._drop_feed(run_id)
        self._cancel_expiry(run_id)

    def _recover(self, abandoned: list[str], tables: Tables) -> list[tuple[str, Run]]:
        """Prepare the unfinished runs of the last process; return those that can go on.

        Appends to ``abandoned`` the responses at the model's endpoint that nobody will read.
        """
        now = self._engine.now()
        unfinished: list[tuple[str, Run]] = []
        for project, run in tables.active_runs():
            response_id = tables.response_of(run.id)
            if (run.expires_at or 0) <= now:
                ending = RunEnding("expired")
            elif run.status == "cancelling":
                ending = RunEnding("cancelled")
            elif run.status == "in_progress" and tables.count_stop(run.id, now) >= _MAX_STOPS:
                ending = RunEnding("failed", LastError("server_error", INTERRUPTED_RUN))
            else:
                if run.status != "requires_action":
                    discard_unfinished(tables, run)
                unfinished.append((project, run))
                continue
            ended = end_run(tables, project, run.id, ending, now)
            if ended is not None:
                _log.info(
                    "Run %s was %s at the start and is %s now", run.id, run.status, ended.run.status
                )
                if response_id is not None:
                    abandoned.append(response_id)
        return unfinished

    def _expire_later(self, project: str, run: Run, *, since: float) -> None:
        """Expire a run after the seconds from the Unix time ``since`` to its ``expires_at``.

        These seconds pass on the monotonic clock, which no jump of the machine's date moves.
        """
        deadline = self._engine.clock.monotonic() + (run.expires_at or 0) - since
        self._expiries[run.id] = self._background.start(
            self._expire(project, run.id, deadline), f"Run {run.id} can't expire"
        )

    async def _expire(self, project: str, run_id: str, deadline: float) -> None:
        """End a run at its deadline, after as many tries as needed: the run locks its thread.

        The end of the run cancels this task.
        """
        clock = self._engine.clock
        await clock.sleep(deadline - clock.monotonic())
        while True:
            try:
                await self.interrupt(project, run_id, "expired")
            except Exception:  # noqa: BLE001 - logged; the next try follows
                _log.exception("Run %s is overdue and can't be ended; trying again in 5 s", run_id)
            await clock.sleep(_RETRY_SECONDS)

    async def _execute(self, executor: RunExecutor) -> None:
        try:
            await executor.execute(self._slots)
        finally:
            run = executor.run
            if self._executors.get(run.id) is executor:
                del self._executors[run.id]
                if run.status not in ACTIVE:
                    self._drop_feed(run.id)
                    self._cancel_expiry(run.id)
                elif run.status == "requires_action":
                    self._drop_feed(run.id)  # otherwise the run's last event is still to come

    def _cancel_expiry(self, run_id: str) -> None:
        if (expiry := self._expiries.pop(run_id, None)) is not None:
            expiry.cancel()

    def _drop_feed(self, run_id: str) -> None:
        if not self._stopping:
            self._feeds.pop(run_id, None)


async def _abandon_all(model: ResumableModel, response_ids: list[str]) -> None:
    for response_id in response_ids:
        await model.abandon(response_id)
