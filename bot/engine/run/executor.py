"""Executes one run, from ``queued`` to its end or to ``requires_action``.

Finished messages and steps are stored, deltas are not; an interrupted run keeps the text that the
model had written.
"""

import logging
from functools import partial
from typing import Final

from msgspec import UNSET

from bot.assistants.events import run_event
from bot.assistants.schema.objects import (
    OPERATORS,
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
from bot.engine.run.completion import EndedRun, RunEnding, end_run
from bot.engine.run.interruption import InterruptedRunError, Interruption
from bot.engine.run.model_call import LimitError, ModelCall
from bot.engine.run.run_context import RunContext
from bot.engine.tool_calls.streamed_calls import StreamedFunctionCall, StreamedSearchCall
from bot.models.types import Finished, ModelError
from bot.runtime.fair_queue import FairSlots
from bot.runtime.log_context import LOG_ID
from bot.runtime.retry import endless, on_error, retry
from bot.store.engine import StoreUnavailableError, Tables

_log: Final = logging.getLogger(__name__)

_STORE_RETRIES: Final = endless(first_delay=0.4, longest_delay=5.0)
"""How a run's end is stored while the disk refuses it."""

_MAX_ROUNDS: Final = 32
"""How often in a row a model may call hosted tools before it must answer."""


class RunExecutor:
    """Executes one run; ``execute`` is the body of the run's task."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._engine = context.engine
        self._guard = context.guard
        self._call: ModelCall | None = None
        self._finished_calls: list[ModelCall] = []

    @property
    def run(self) -> Run:
        """The newest stored version of the run."""
        return self._context.run

    async def execute(self, slots: FairSlots) -> None:
        """Execute the run as soon as its project gets one of ``slots``.

        Raises only ``CancelledError``, when the engine stops. The stored run is then unfinished
        and is executed again at the next start.
        """
        if not LOG_ID.get():  # such as after a restart: no request or Discord event set it
            LOG_ID.set(self.run.id)
        self._guard.begin()
        try:
            with self._guard.interruptible():
                await slots.acquire(self._context.project)
            try:
                await self._execute()
            finally:
                slots.release(self._context.project)
            self._guard.check()  # an interruption after the last check
        except InterruptedRunError:
            await self._end_interrupted()
        except LimitError as error:
            await self._end(RunEnding("incomplete", incomplete_details=error.details))
        except ModelError as error:
            self._log_failure(error)
            last_error = LastError(error.code, error.message, error.cause or UNSET)
            await self._end(RunEnding("failed", last_error))
        except Exception as error:  # noqa: BLE001 - logged, and the run fails with a sentence
            problem = "The engine could not execute this run; its log has the reason."
            if await self._end(RunEnding("failed", LastError("server_error", problem))):
                _log.error("Run %s failed", self.run.id, exc_info=error)
        finally:
            self._guard.finish()
        # Last, because a slow endpoint must delay neither the slot nor a cancellation.
        for call in self._finished_calls:
            await call.delete_response()

    def _log_failure(self, error: ModelError) -> None:
        """Log a model's failure, as an error if the operator has to act."""
        if self._context.project == self._engine.options.quiet_project:
            level = logging.DEBUG
        elif error.cause in OPERATORS:
            level = logging.ERROR
        else:
            level = logging.WARNING
        _log.log(level, "Run %s failed (%s): %s", self.run.id, error.kind, error)

    def interrupt(self, reason: Interruption) -> bool:
        """Stop the run; it keeps the text written so far and ends as ``reason`` says.

        Returns False if the execution is over and ignores the interruption.
        """
        return self._guard.interrupt(reason)

    async def _execute(self) -> None:
        context = self._context
        unread_response = await self._begin()
        if any(isinstance(tool, FileSearchTool) for tool in self.run.tools):
            with self._guard.interruptible():
                await self._engine.hosted_tools.until_searchable(context.workspace)
        for _ in range(_MAX_ROUNDS):
            call = self._call = ModelCall(context)
            finished = await call.run(unread_response)
            unread_response = None
            self._finished_calls.append(call)
            ending = await self._ending_after(call, finished)
            if ending is not None:
                await self._end(ending)
                return
            await self._run_hosted_calls(call)
            if call.writer.functions:
                await self._require_outputs(call.writer.functions)
                return
            await self._complete_calls_step(call)
        raise ModelError(
            "rejected",
            f"The model called tools {_MAX_ROUNDS} times in a row without an answer.",
        )

    async def _begin(self) -> str | None:
        """Move the run to ``in_progress`` and load its tools' workspace.

        Returns the id of the model's response that the last process left unread, if there is one.
        """
        context, run = self._context, self.run
        workspace = self._engine.hosted_tools.workspace
        if run.status == "in_progress":  # left by the last process
            response_id, context.workspace = await self._engine.store.read(
                lambda tables: (
                    tables.response_of(run.id),
                    workspace(tables, context.project, run),
                )
            )
            return response_id
        started = run.started_at or self._engine.now()
        run_started, context.workspace = await self._engine.store.write(
            lambda tables: (
                tables.move_run(context.project, run.id, "in_progress", started_at=started),
                workspace(tables, context.project, run),
            )
        )
        if run_started is None:
            raise InterruptedRunError
        context.run = run_started
        context.feed.publish(run_event(run_started))
        return None

    async def _ending_after(self, call: ModelCall, finished: Finished) -> RunEnding | None:
        """Return how the run ends after a model call; None if the model called tools."""
        if finished.reason == "length":
            details = IncompleteDetails("max_completion_tokens")
            return RunEnding("incomplete", incomplete_details=details)
        if finished.reason == "content_filter":
            problem = "The model's endpoint stopped the answer because of its content filter."
            error = LastError("invalid_prompt", problem, "content")
            return RunEnding("failed", error, message_reason="content_filter")
        if call.writer.calls:
            return None
        if call.writer.message is None:  # an empty answer is a message, too
            await call.open_message()
        return RunEnding("completed")

    async def _run_hosted_calls(self, call: ModelCall) -> None:
        """Run the calls of hosted tools, in their order."""
        context, hosted_tools, writer = self._context, self._engine.hosted_tools, call.writer
        for index, tool_call in enumerate(writer.calls):
            if isinstance(tool_call, StreamedFunctionCall):
                continue
            with self._guard.interruptible():
                if isinstance(tool_call, StreamedSearchCall):
                    tool_call.search = await hosted_tools.search(
                        self.run, context.workspace, tool_call.queries
                    )
                else:
                    publish = partial(writer.publish_output, index, tool_call)
                    tool_call.logs = await hosted_tools.run_code(
                        self.run, context.workspace, tool_call.code, publish
                    )

    async def _complete_calls_step(self, call: ModelCall) -> None:
        """Complete the step of hosted tool calls, so that the model goes on with its outputs."""
        now = self._engine.now()

        def work(tables: Tables) -> None:
            self._save(tables)
            call.writer.complete_calls(tables, now)

        await self._engine.store.write(work)
        call.writer.publish_calls_completed()
        self._guard.check()

    async def _require_outputs(self, functions: tuple[StreamedFunctionCall, ...]) -> None:
        """Move the run to ``requires_action``; tool outputs launch the run again."""
        context = self._context
        calls = tuple(
            RequiredToolCall(
                id=function.id,
                function=FunctionArguments(function.name, "".join(function.arguments)),
            )
            for function in functions
        )
        action = RequiredAction(submit_tool_outputs=RequiredToolOutputs(calls))

        def work(tables: Tables) -> Run | None:
            self._save(tables)
            return tables.move_run(
                context.project, self.run.id, "requires_action", required_action=action
            )

        run = await self._engine.store.write(work)
        if run is None:
            raise InterruptedRunError
        context.run = run
        context.feed.publish(run_event(run))
        self._guard.check()  # an interruption during the write

    async def _end_interrupted(self) -> None:
        """End the run for the reason of its interruption, else for the reason its status gives."""
        context = self._context
        reason = self._guard.reason
        if reason is None:
            run = await self._engine.store.read(
                lambda tables: tables.runs.readable(id=self.run.id, project=context.project)
            )
            if run is not None and run.status in TERMINAL:
                context.run = run  # ended before its execution began
                EndedRun(run, [], []).publish(context.feed)
                return
            reason = "cancelled" if run is not None and run.status == "cancelling" else "deleted"
        if reason != "deleted":
            await self._end(RunEnding(reason))

    async def _end(self, ending: RunEnding) -> bool:
        """End the run; if the disk refuses the write, try again until it succeeds.

        Returns False if the run had ended before or was deleted: errors are then not worth a log.
        """
        save_text = self._call is not None
        save_error: Exception | None = None

        async def store() -> EndedRun | None:
            nonlocal save_text, save_error
            try:
                return await self._engine.store.write(
                    partial(self._store_ending, ending, save_text)
                )
            except StoreUnavailableError:
                raise
            except Exception as error:
                if not save_text:
                    raise
                # The run must end even if the model's text cannot be stored.
                save_text, save_error = False, error
            return await store()

        text = "The end of run %s can't be stored yet (%s); trying again in %.1f s"
        log = partial(_log.warning, text, self.run.id)
        unavailable = on_error(StoreUnavailableError)
        ended = await retry(store, _STORE_RETRIES, unavailable, self._engine.clock, on_wait=log)
        if ended is None:
            _log.info("Run %s ended before it could become %s", self.run.id, ending.status)
            return False
        if save_error is not None:
            _log.error("The text of run %s can't be stored", self.run.id, exc_info=save_error)
        self._context.run = ended.run
        ended.report(self._engine.metrics)
        if save_text and self._call is not None:
            self._call.writer.publish_annotations()
        ended.publish(self._context.feed)
        return True

    def _store_ending(self, ending: RunEnding, save_text: bool, tables: Tables) -> EndedRun | None:
        stored = tables.runs.readable(id=self.run.id, project=self._context.project)
        if stored is not None and stored.status in TERMINAL:
            # Saving would write the message as it was before the end.
            return None
        if save_text:
            self._save(tables)
        else:
            tables.set_response(self.run.id, None)
        return end_run(tables, self._context.project, self.run.id, ending, self._engine.now())

    def _save(self, tables: Tables) -> None:
        """Store what the last model call wrote; its response need not be read again."""
        call = self._call
        if call is not None:
            call.writer.save(tables, call.usage)
            step = call.writer.calls_step
            if step is not None and call.continuation:
                tables.set_continuation(step.id, call.continuation)
        tables.set_response(self.run.id, None)
