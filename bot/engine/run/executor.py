"""One run from queued to where it ends or waits for tool outputs; what is finished is on disk.

Deltas live in memory only; a run that is interrupted keeps what the model had said by then.
"""

import logging
from functools import partial
from typing import Final

from bot.assistants.events import StreamEvent
from bot.assistants.schema.objects import (
    FunctionArguments,
    IncompleteDetails,
    LastError,
    RequiredAction,
    RequiredToolCall,
    RequiredToolOutputs,
    Run,
)
from bot.assistants.schema.tools import FileSearchTool
from bot.assistants.states import TERMINAL
from bot.engine.prompt.context_window import ContextWindows
from bot.engine.prompt.images import Images
from bot.engine.run.completion import EndedRun, RunEnding, end_run
from bot.engine.run.interruption import InterruptedRunError, Interruption, InterruptionGuard
from bot.engine.run.model_call import LimitError, ModelCall
from bot.engine.run.run_events import RunFeed
from bot.engine.tool_calls.hosted_tools import HostedTools, ToolWorkspace
from bot.engine.tool_calls.written_calls import WrittenFunction, WrittenSearch
from bot.models.http.image_fetcher import ImageFetcher
from bot.models.types import Finished, Model, ModelError
from bot.runtime.clock import Clock
from bot.runtime.fair_slots import FairSlots
from bot.store.engine import EngineStore, StoreUnavailableError, Tables

_log: Final = logging.getLogger(__name__)

_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 5.0
"""Seconds between two tries to write a run's end while the disk refuses it."""

_ROUNDS: Final = 32
"""How often in a row a model may call hosted tools before it must answer."""


class RunExecutor:
    """A run at work; ``go`` is the body of its task."""

    def __init__(
        self,
        run: Run,
        project: str,
        *,
        store: EngineStore,
        model: Model,
        context_windows: ContextWindows,
        clock: Clock,
        feed: RunFeed,
        hosted_tools: HostedTools,
        fetcher: ImageFetcher,
    ) -> None:
        self.run = run
        self.project = project
        self.feed = feed
        self._store = store
        self._model = model
        self._context_windows = context_windows
        self._clock = clock
        self._hosted_tools = hosted_tools
        self._images = Images(project, store, model, fetcher)
        self._interruption = InterruptionGuard()
        self._place: ToolWorkspace | None = None
        self._answering: ModelCall | None = None
        self._over: list[ModelCall] = []

    async def go(self, slots: FairSlots) -> None:
        """Execute the run as soon as there is a slot.

        Raises nothing but ``CancelledError``, when the engine stops: the run then stays on disk as
        it is and is taken up again at the next start.
        """
        self._interruption.begin()
        try:
            with self._interruption.waiting():
                await slots.acquire(self.project)
            try:
                await self._work()
            finally:
                slots.release(self.project)
            self._interruption.check()  # a cancellation that came after the last look
        except InterruptedRunError:
            await self._interrupted()
        except LimitError as error:
            await self._end(RunEnding("incomplete", limit=error.details))
        except ModelError as error:
            _log.warning("%s failed (%s): %s", self.run.id, error.kind, error.message)
            await self._end(RunEnding("failed", LastError(error.code, error.message)))
        except Exception as error:  # noqa: BLE001 - logged and told in the run, which must end
            problem = "The engine could not execute this run; its log has the reason."
            if await self._end(RunEnding("failed", LastError("server_error", problem))):
                _log.error("%s failed", self.run.id, exc_info=error)
        finally:
            self._interruption.end()
        # Only now: an endpoint that is slow to forget must not hold a slot, nor a cancellation.
        for answering in self._over:
            await answering.forget()

    def interrupt(self, why: Interruption) -> bool:
        """Stop the run where it is: it ends as ``why`` says, with what the model said so far.

        False where the execution was over already and will do nothing of the kind.
        """
        return self._interruption.interrupt(why)

    async def _work(self) -> None:
        left_id, self._place = await self._begin()
        if any(isinstance(tool, FileSearchTool) for tool in self.run.tools):
            with self._interruption.waiting():
                await self._hosted_tools.until_searchable(self._place)
        for _ in range(_ROUNDS):
            answering = self._answering = self._new_answering()
            finished = await answering.call(left_id)
            left_id = None
            self._over.append(answering)
            if await self._ends_with(finished):
                return None
            await self._host()
            if answering.writer.functions:
                return await self._require(answering.writer.functions)
            await self._finish_calls()
        raise ModelError(
            "rejected", f"The model called tools {_ROUNDS} times in a row without an answer."
        )

    async def _begin(self) -> tuple[str | None, ToolWorkspace]:
        """Move the run to ``in_progress``; return what its tools have to work on.

        Before it the response that the last process left, where there is one.
        """
        run, project, workspace = self.run, self.project, self._hosted_tools.workspace
        if run.status == "in_progress":  # taken up again after a restart
            return await self._store.read(
                lambda tables: (tables.response_of(run.id), workspace(tables, project, run))
            )
        started = run.started_at or self._now()
        begun, place = await self._store.write(
            lambda tables: (
                tables.move_run(project, run.id, "in_progress", started_at=started),
                workspace(tables, project, run),
            )
        )
        if begun is None:
            raise InterruptedRunError
        self.run = begun
        self.feed.tell(StreamEvent("thread.run.in_progress", begun))
        return None, place

    def _new_answering(self) -> ModelCall:
        return ModelCall(
            self.run,
            self._place,
            self._images,
            store=self._store,
            model=self._model,
            context_windows=self._context_windows,
            clock=self._clock,
            feed=self.feed,
            interruption=self._interruption,
        )

    async def _ends_with(self, finished: Finished) -> bool:
        """End the run where the answer does; False where the model called tools."""
        answering = self._answering
        assert answering is not None, "an answer was called for"
        if finished.reason == "length":
            await self._end(
                RunEnding("incomplete", limit=IncompleteDetails("max_completion_tokens"))
            )
        elif finished.reason == "content_filter":
            problem = "The model's endpoint stopped the answer because of its content filter."
            error = LastError("invalid_prompt", problem)
            await self._end(RunEnding("failed", error, message_reason="content_filter"))
        elif answering.writer.calls:
            return False
        else:
            if answering.writer.message is None:  # an empty answer is one, too
                await answering.open_message()
            await self._end(RunEnding("completed"))
        return True

    async def _host(self) -> None:
        """Make the calls of hosted tools, in their order."""
        writer = self._answering.writer if self._answering else None
        for index, call in enumerate(writer.calls if writer else ()):
            if writer is None or self._place is None or isinstance(call, WrittenFunction):
                continue
            with self._interruption.waiting():
                if isinstance(call, WrittenSearch):
                    call.search = await self._hosted_tools.search(
                        self.run, self._place, call.queries
                    )
                else:
                    tell = partial(writer.tell_printed, index, call)
                    call.logs = await self._hosted_tools.run_code(
                        self.run, self._place, call.code, tell
                    )

    async def _finish_calls(self) -> None:
        """Complete the step of the calls; the model goes on with what came of them."""
        now = self._now()

        def work(tables: Tables) -> None:
            self._keep(tables)
            if self._answering is not None:
                self._answering.writer.finish_calls(tables, now)

        await self._store.write(work)
        if self._answering is not None:
            self._answering.writer.tell_calls_end()
        self._interruption.check()

    async def _require(self, functions: tuple[WrittenFunction, ...]) -> None:
        """Wait for the outputs of the calls; the run's task ends here."""
        calls = tuple(
            RequiredToolCall(
                id=call.id, function=FunctionArguments(call.name, "".join(call.arguments))
            )
            for call in functions
        )
        action = RequiredAction(submit_tool_outputs=RequiredToolOutputs(calls))

        def work(tables: Tables) -> Run | None:
            self._keep(tables)
            return tables.move_run(
                self.project, self.run.id, "requires_action", required_action=action
            )

        run = await self._store.write(work)
        if run is None:
            raise InterruptedRunError
        self.run = run
        self.feed.tell(StreamEvent("thread.run.requires_action", run))
        self._interruption.check()  # a cancellation may have come in between

    async def _interrupted(self) -> None:
        """End as the interruption says; where nobody said why yet, the run's state does."""
        why = self._interruption.why
        if why is None:
            run = await self._store.read(
                lambda tables: tables.runs.readable(id=self.run.id, project=self.project)
            )
            if run is not None and run.status in TERMINAL:
                self.run = run  # ended before its execution began: whoever reads along is told
                EndedRun(run, [], []).tell(self.feed)
                return
            why = "cancelled" if run is not None and run.status == "cancelling" else "deleted"
        if why != "deleted":
            await self._end(RunEnding(why))

    async def _end(self, end: RunEnding) -> bool:
        """Bring the run to this end, however long the disk may refuse it.

        False where the run had ended already, or is gone with its thread: then nothing that failed
        is worth a line in the log.
        """
        keep = self._answering is not None
        unkept: Exception | None = None
        pause = _FIRST_PAUSE
        while True:
            try:
                ended = await self._store.write(partial(self._ending, end, keep))
                break
            except StoreUnavailableError as error:
                _log.warning("%s can't be ended yet: %s", self.run.id, error)
                await self._clock.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            except Exception as error:
                if not keep:
                    raise
                # The model wrote what can't be written down: the run must end all the same.
                keep, unkept = False, error
        if ended is None:
            _log.info("%s had ended before it could be %s", self.run.id, end.status)
            return False
        if unkept is not None:
            _log.error("What %s wrote can't be kept", self.run.id, exc_info=unkept)
        self.run = ended.run
        if keep and self._answering is not None:
            self._answering.writer.tell_annotations()
        ended.tell(self.feed)
        return True

    def _ending(self, end: RunEnding, keep: bool, tables: Tables) -> EndedRun | None:
        if keep:
            self._keep(tables)
        else:
            tables.set_response(self.run.id, None)
        return end_run(tables, self.project, self.run.id, end, self._now())

    def _keep(self, tables: Tables) -> None:
        """Write what the model wrote, and that nothing of it is left at the endpoint to be read."""
        answering = self._answering
        if answering is not None:
            answering.writer.keep(tables, answering.usage)
            step = answering.writer.calls_step
            if step is not None and answering.continuation:
                tables.set_continuation(step.id, answering.continuation)
        tables.set_response(self.run.id, None)

    def _now(self) -> int:
        return int(self._clock.now())
