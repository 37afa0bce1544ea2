"""Launches the runs of one engine, ends those that expire and goes on with them after a restart."""

import asyncio
import logging
import math
from functools import partial
from typing import Final, Literal

from bot.assistants.api import EventStream
from bot.assistants.errors import INTERRUPTED_RUN, not_found, server_error
from bot.assistants.events import StreamEvent
from bot.assistants.schema.objects import LastError, Run
from bot.assistants.states import ACTIVE
from bot.engine.context import EngineContext
from bot.engine.run.completion import EndedRun, RunEnding, discard_unfinished, end_run
from bot.engine.run.executor import RunExecutor
from bot.engine.run.interruption import Interruption
from bot.engine.run.run_context import RunContext
from bot.engine.run.run_events import RunFeed
from bot.models.types import ResumableModel
from bot.runtime.fair_queue import FairSlots
from bot.store.engine import Tables

_log: Final = logging.getLogger(__name__)

_MAX_STOPS: Final = 3
"""How often the engine may be stopped in a run before the run fails."""

_SHORTEST_SLEEP: Final = 0.05
_RETRY_SECONDS: Final = 5.0


class RunSupervisor:
    """Knows which runs are under execution, and which run expires next."""

    def __init__(self, engine: EngineContext) -> None:
        self._engine = engine
        limit = engine.options.max_concurrent_runs
        self._slots = FairSlots(limit, min(limit, engine.options.runs_per_project or limit))
        self._executors: dict[str, RunExecutor] = {}
        self._feeds: dict[str, RunFeed] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._deadline_changed = asyncio.Event()
        self._next_deadline: float | None = None
        self._expiry_watch: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        """Launch the runs that the last process left unfinished, and watch for expired runs."""
        abandoned: list[str] = []
        for project, run in await self._engine.store.write(partial(self._recover, abandoned)):
            self.launch(project, run)
        model = self._engine.model
        if abandoned and isinstance(model, ResumableModel):
            task = asyncio.create_task(_abandon_all(model, abandoned))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._expiry_watch = asyncio.create_task(self._expire_overdue(), name="runs that expire")

    async def stop(self) -> None:
        """Stop all executions; unfinished runs stay stored and go on at the next start."""
        self._stopping = True
        if isinstance(self._engine.model, ResumableModel):
            self._engine.model.leave_running()
        tasks = [*self._tasks, *([self._expiry_watch] if self._expiry_watch else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
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
        task = asyncio.create_task(executor.execute(self._slots), name=run.id)
        self._tasks.add(task)
        task.add_done_callback(lambda task: self._executed(task, executor))
        # The watch need not wake for a run that expires after the run it already waits for.
        if self._next_deadline is None or (run.expires_at or 0) < self._next_deadline:
            self._deadline_changed.set()

    def follow(self, run: Run, first: tuple[StreamEvent, ...]) -> EventStream:
        """Return ``first`` and then a run's events; call it before ``launch`` to miss none."""
        return self._feeds.setdefault(run.id, RunFeed()).subscribe(first)

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

    def _recover(self, abandoned: list[str], tables: Tables) -> list[tuple[str, Run]]:
        """Prepare the unfinished runs of the last process; return those to launch.

        Appends to ``abandoned`` the responses at the model's endpoint that nobody will read.
        """
        now = self._engine.now()
        to_launch: list[tuple[str, Run]] = []
        for project, run in tables.active_runs():
            ended: EndedRun | None = None
            response_id = tables.response_of(run.id)
            if run.expires_at is not None and run.expires_at <= now:
                ended = end_run(tables, project, run.id, RunEnding("expired"), now)
            elif run.status == "cancelling":
                ended = end_run(tables, project, run.id, RunEnding("cancelled"), now)
            elif run.status == "in_progress" and tables.count_stop(run.id, now) >= _MAX_STOPS:
                error = LastError("server_error", INTERRUPTED_RUN)
                ended = end_run(tables, project, run.id, RunEnding("failed", error), now)
            elif run.status != "requires_action":
                discard_unfinished(tables, run)
                to_launch.append((project, run))
            if ended is not None:
                _log.info(
                    "%s was %s at the start and is %s now", run.id, run.status, ended.run.status
                )
                if response_id is not None:
                    abandoned.append(response_id)
        return to_launch

    async def _expire_overdue(self) -> None:
        """End each run at its ``expires_at``: an overdue run must not keep its thread locked."""
        clock = self._engine.clock
        while True:
            try:
                self._deadline_changed.clear()
                self._next_deadline = None
                overdue, deadline = await self._engine.store.read(self._deadlines)
                for project, run_id in overdue:
                    await self._expire(project, run_id)
                if overdue:  # look again soon: a run may not have ended yet
                    deadline = min(deadline or math.inf, clock.now() + _RETRY_SECONDS)
                self._next_deadline = deadline
                await self._wait_until(deadline)
            except Exception:  # noqa: BLE001 - logged; the watch must go on for later deadlines
                _log.exception("Looking for expired runs failed; trying again in 5 s")
                await clock.sleep(_RETRY_SECONDS)

    async def _expire(self, project: str, run_id: str) -> None:
        """End an overdue run; if that fails, the watch tries again at its next look."""
        try:
            await self.interrupt(project, run_id, "expired")
        except Exception:  # noqa: BLE001 - one broken run must not keep the others from ending
            _log.exception("%s is overdue and can't be ended", run_id)

    async def _wait_until(self, deadline: float | None) -> None:
        """Wait for a deadline, or until an earlier deadline may exist."""
        waits = [asyncio.create_task(self._deadline_changed.wait())]
        if deadline is not None:
            waits.append(asyncio.create_task(self._sleep_until(deadline)))
            await asyncio.sleep(0)  # the sleep reads the clock before anybody can move the clock
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _sleep_until(self, deadline: float) -> Literal[True]:
        clock = self._engine.clock
        await clock.sleep(max(deadline - clock.now(), _SHORTEST_SLEEP))
        return True

    def _deadlines(self, tables: Tables) -> tuple[list[tuple[str, str]], float | None]:
        """Return the overdue runs, and the next ``expires_at`` of the others."""
        now = self._engine.clock.now()
        return tables.overdue_runs(now), tables.next_deadline(now)

    def _executed(self, task: "asyncio.Task[None]", executor: RunExecutor) -> None:
        self._tasks.discard(task)
        run = executor.run
        if self._executors.get(run.id) is executor:
            del self._executors[run.id]
            if run.status not in ACTIVE or run.status == "requires_action":
                self._drop_feed(run.id)  # otherwise the run's last event is still to come
        if not task.cancelled() and (error := task.exception()) is not None:
            # Most likely the disk. The run keeps its status and ends when it expires.
            _log.error("%s could not be brought to its end", run.id, exc_info=error)

    def _drop_feed(self, run_id: str) -> None:
        if not self._stopping:
            self._feeds.pop(run_id, None)


async def _abandon_all(model: ResumableModel, response_ids: list[str]) -> None:
    for response_id in response_ids:
        await model.abandon(response_id)
