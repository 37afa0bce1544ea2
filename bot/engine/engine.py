"""The engine: which runs are at work, when they expire, and what goes on after a restart."""

import asyncio
import logging
import math
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal

from bot.assistants.api import EventStream
from bot.assistants.errors import INTERRUPTED_RUN, not_found, server_error
from bot.assistants.events import StreamEvent
from bot.assistants.schema.objects import LastError, Run
from bot.assistants.states import ACTIVE
from bot.engine.prompt.context_window import ContextWindows
from bot.engine.run.completion import EndedRun, RunEnding, end_run, forget_unfinished
from bot.engine.run.executor import RunExecutor
from bot.engine.run.interruption import Interruption
from bot.engine.run.run_events import RunFeed
from bot.engine.services.project import Project
from bot.engine.tool_calls.hosted_tools import CodeQuotas, HostedTools
from bot.engine.tool_calls.ingestion import Ingestion
from bot.models.http.image_fetcher import ImageFetcher
from bot.models.types import Model, ResumableModel
from bot.runtime.clock import Clock
from bot.runtime.fair_slots import FairSlots
from bot.store.engine import EngineStore, Tables

_log: Final = logging.getLogger(__name__)

_MOST_TRIES: Final = 3
_SHORTEST_SLEEP: Final = 0.05
_HOUR: Final = 3600.0
_SECOND_LOOK: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """How runs are executed; times in seconds, the window in tokens (None: learned).

    Of ``max_concurrent_runs`` one project has ``runs_per_project`` at most (None: all of them).
    ``search_seconds`` bounds one search of vector stores, the model's own ones included;
    ``ingestion_seconds_per_hour`` the child processes that read one project's files.
    """

    max_concurrent_runs: int = 64
    runs_per_project: int | None = None
    run_expires_after: float = 600.0
    context_window: int | None = None
    search_seconds: float = 10.0
    ingestion_seconds_per_hour: float = 3600.0
    code: CodeQuotas = field(default_factory=CodeQuotas)


class Engine:
    """Executes runs on a model and keeps all in a store, which stays the caller's to close."""

    def __init__(
        self,
        store: EngineStore,
        model: Model,
        *,
        clock: Clock,
        options: EngineOptions | None = None,
        fetcher: ImageFetcher | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.options = options or EngineOptions()
        self._model = model
        self._fetcher = fetcher or ImageFetcher()
        self.ingestion = Ingestion(store, clock, self.options.ingestion_seconds_per_hour)
        self._hosted_tools = HostedTools(
            store, clock, self.options.search_seconds, self.options.code
        )
        self._context_windows = ContextWindows(self.options.context_window)
        most = self.options.max_concurrent_runs
        self._slots = FairSlots(most, min(most, self.options.runs_per_project or most))
        self._executions: dict[str, RunExecutor] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._feeds: dict[str, RunFeed] = {}
        self._deadline_moved = asyncio.Event()
        self._awaited_deadline: float | None = None
        self._watches: list[asyncio.Task[None]] = []
        self._stopping = False

    async def start(self) -> None:
        """Take up every run that was not finished, and begin to watch deadlines."""
        abandoned: list[str] = []
        for project, run in await self.store.write(partial(self._recover, abandoned)):
            self.launch(project, run)
        if abandoned and isinstance(self._model, ResumableModel):
            abandoning = asyncio.create_task(_abandon_all(self._model, abandoned))
            self._tasks.add(abandoning)
            abandoning.add_done_callback(self._tasks.discard)
        await self.store.files.sweep(
            await self.store.read(lambda tables: tables.library.all_file_ids())
        )
        await self.ingestion.start()
        self._watches = [
            asyncio.create_task(self._expire_overdue(), name="runs that expire"),
            asyncio.create_task(self._drop_expired_files(), name="files that expire"),
        ]

    async def stop(self) -> None:
        """Stop all work; unfinished runs stay on disk and go on at the next start."""
        self._stopping = True
        if isinstance(self._model, ResumableModel):
            self._model.leave_running()
        tasks = [*self._tasks, *self._watches]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.store.write(lambda tables: tables.forgive_tries())
        await self.ingestion.stop()
        await self._hosted_tools.close()
        error = server_error("The server is stopping. The run goes on when it is started again.")
        for feed in self._feeds.values():
            feed.fail(error)
        self._feeds.clear()

    def for_project(self, name: str) -> Project:
        """Return the Assistants API of one project, which sees nothing of any other."""
        return Project(self, name)

    def launch(self, project: str, run: Run) -> None:
        """Begin to execute a project's queued run, or one that is taken up again."""
        if self._stopping:
            return
        executor = RunExecutor(
            run,
            project,
            store=self.store,
            model=self._model,
            context_windows=self._context_windows,
            clock=self.clock,
            feed=self._feeds.setdefault(run.id, RunFeed()),
            hosted_tools=self._hosted_tools,
            fetcher=self._fetcher,
        )
        self._executions[run.id] = executor
        task = asyncio.create_task(executor.go(self._slots), name=run.id)
        self._tasks.add(task)
        task.add_done_callback(lambda task: self._over(task, executor))
        # The watch is not woken for a run that expires after the one it waits for.
        if self._awaited_deadline is None or (run.expires_at or 0) < self._awaited_deadline:
            self._deadline_moved.set()

    def follow(self, run: Run, first: tuple[StreamEvent, ...]) -> EventStream:
        """Return a run's events from now on, after ``first``; call it before ``launch``."""
        return self._feeds.setdefault(run.id, RunFeed()).follow(first)

    def feed(self, run_id: str) -> RunFeed:
        """Return where a run's events are told; nobody hears them where nobody follows."""
        return self._feeds.get(run_id) or RunFeed()

    async def interrupt(self, project: str, run_id: str, why: Interruption) -> None:
        """Stop a run whose state says so already (``cancelling``), or that is overdue or gone."""
        executor = self._executions.get(run_id)
        if executor is not None and executor.interrupt(why):
            return
        if why != "deleted":
            await self.end_idle(project, run_id, RunEnding(why))

    async def deleted(self, project: str, run_id: str, thread_id: str) -> None:
        """Stop a run whose thread is gone, and tell whoever reads along."""
        await self.interrupt(project, run_id, "deleted")
        feed = self._feeds.pop(run_id, None)
        if feed is not None:
            feed.fail(not_found("thread", thread_id))

    async def end_idle(self, project: str, run_id: str, end: RunEnding) -> None:
        """End a run at which nothing is at work, where its state still allows it."""
        now = int(self.clock.now())
        ended = await self.store.write(lambda tables: end_run(tables, project, run_id, end, now))
        if ended is not None:
            ended.tell(self.feed(run_id))
            self._forget(run_id)

    def _recover(self, abandoned: list[str], tables: Tables) -> list[tuple[str, Run]]:
        """Bring what the last process left into states to go on from; return what to launch.

        ``abandoned`` is given the responses at the model's endpoint that nobody will read.
        """
        now = int(self.clock.now())
        launched: list[tuple[str, Run]] = []
        for project, run in tables.active_runs():
            ended: EndedRun | None = None
            response_id = tables.response_of(run.id)
            if run.expires_at is not None and run.expires_at <= now:
                ended = end_run(tables, project, run.id, RunEnding("expired"), now)
            elif run.status == "cancelling":
                ended = end_run(tables, project, run.id, RunEnding("cancelled"), now)
            elif run.status == "in_progress" and tables.next_try(run.id, now) >= _MOST_TRIES:
                error = LastError("server_error", INTERRUPTED_RUN)
                ended = end_run(tables, project, run.id, RunEnding("failed", error), now)
            elif run.status != "requires_action":
                forget_unfinished(tables, run)
                launched.append((project, run))
            if ended is not None:
                _log.info("%s, left %s, is %s now", run.id, run.status, ended.run.status)
                if response_id is not None:
                    abandoned.append(response_id)
        return launched

    async def _expire_overdue(self) -> None:
        """End runs as their time comes, whatever they do: a thread is never locked for ever."""
        while True:
            try:
                self._deadline_moved.clear()
                self._awaited_deadline = None
                overdue, deadline = await self.store.read(self._deadlines)
                for project, run_id in overdue:
                    await self._expire(project, run_id)
                if overdue:  # and soon again, for one that could not be ended
                    deadline = min(deadline or math.inf, self.clock.now() + _SECOND_LOOK)
                self._awaited_deadline = deadline
                await self._until(deadline)
            except Exception:  # noqa: BLE001 - logged, and later deadlines must not be missed
                _log.exception("Could not look for expired runs; trying again soon")
                await self.clock.sleep(_SECOND_LOOK)

    async def _expire(self, project: str, run_id: str) -> None:
        """End an overdue run; one that can't be ended is tried again at the next look."""
        try:
            await self.interrupt(project, run_id, "expired")
        except Exception:  # noqa: BLE001 - one broken run must not keep the others from ending
            _log.exception("%s is overdue and can't be ended", run_id)

    async def _until(self, deadline: float | None) -> None:
        """Wait for a deadline, or until there may be an earlier one."""
        waits = [asyncio.create_task(self._deadline_moved.wait())]
        if deadline is not None:
            waits.append(asyncio.create_task(self._sleep(deadline)))
            await asyncio.sleep(0)  # let it look at the clock before anybody moves that
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _sleep(self, deadline: float) -> Literal[True]:
        await self.clock.sleep(max(deadline - self.clock.now(), _SHORTEST_SLEEP))
        return True

    async def _drop_expired_files(self) -> None:
        """Delete files whose time has come, every hour."""
        while True:
            try:
                now = int(self.clock.now())
                for file_id in await self.store.write(partial(_expired_files, now)):
                    await self._delete_bytes(file_id)
            except Exception:  # noqa: BLE001 - logged, and the next hour tries again
                _log.exception("Could not look for expired files; trying again in an hour")
            await self.clock.sleep(_HOUR)

    async def _delete_bytes(self, file_id: str) -> None:
        try:
            await self.store.files.delete(file_id)
        except OSError as error:
            # The sweep at the next start tries again.
            _log.warning("The bytes of %s can't be deleted: %s", file_id, error)

    def _deadlines(self, tables: Tables) -> tuple[list[tuple[str, str]], float | None]:
        """Return the runs whose time has come, and when that of the next one will."""
        now = self.clock.now()
        return tables.overdue_runs(now), tables.next_deadline(now)

    def _over(self, task: "asyncio.Task[None]", executor: RunExecutor) -> None:
        self._tasks.discard(task)
        run_id = executor.run.id
        if self._executions.get(run_id) is executor:
            del self._executions[run_id]
            if executor.run.status not in ACTIVE or executor.run.status == "requires_action":
                self._forget(run_id)  # else somebody will tell its end there yet
        if not task.cancelled() and (error := task.exception()) is not None:
            # The disk, most likely. The run stays as it is and ends when it expires.
            _log.error("%s could not be brought to its end", run_id, exc_info=error)

    def _forget(self, run_id: str) -> None:
        if not self._stopping:
            self._feeds.pop(run_id, None)


def _expired_files(now: int, tables: Tables) -> list[str]:
    return tables.library.drop_expired_files(now)


async def _abandon_all(model: ResumableModel, response_ids: list[str]) -> None:
    for response_id in response_ids:
        await model.abandon(response_id)
