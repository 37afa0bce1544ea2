"""One project's Assistants API over the engine: its runs and their steps, on all the rest."""

from typing import TypeVar

from msgspec.structs import replace

from bot.assistants import errors
from bot.assistants.api import AssistantsAPI, EventStream
from bot.assistants.events import StreamEvent
from bot.assistants.schema.objects import ListPage, Run, RunStep, Thread, ToolCallsDetails
from bot.assistants.schema.requests import (
    FIRST_PAGE,
    CreateRun,
    CreateThread,
    CreateThreadAndRun,
    ModifyRun,
    Page,
    SubmitToolOutputs,
)
from bot.assistants.schema.tools import FunctionCall
from bot.assistants.schema.vector_stores import VectorStoreFile
from bot.assistants.states import CANCELLABLE
from bot.assistants.validation import checked
from bot.engine.services.factories import changed, new_run
from bot.engine.services.threads import ProjectThreads, uncut
from bot.engine.tool_calls.search_rendering import as_asked, as_asked_for
from bot.store.engine import Tables

T = TypeVar("T")


class Project(ProjectThreads, AssistantsAPI):
    """The Assistants API of one project; see ``AssistantsAPI`` for what each operation does."""

    async def create_run(self, thread_id: str, request: CreateRun) -> Run:
        async def whole() -> Run:
            run = await self._new_run(thread_id, request)
            self._engine.launch(self._name, run)
            return run

        return await uncut(whole())

    async def stream_run(
        self, thread_id: str, request: CreateRun, *, include: tuple[str, ...] = ()
    ) -> EventStream:
        async def whole() -> EventStream:
            run = await self._new_run(thread_id, request)
            return self._launch_and_follow(run, (), include)

        return await uncut(whole())

    async def create_thread_and_run(self, request: CreateThreadAndRun) -> Run:
        async def whole() -> Run:
            run = (await self._new_thread_and_run(request))[1]
            self._engine.launch(self._name, run)
            return run

        return await uncut(whole())

    async def stream_thread_and_run(self, request: CreateThreadAndRun) -> EventStream:
        async def whole() -> EventStream:
            thread, run = await self._new_thread_and_run(request)
            return self._launch_and_follow(run, (StreamEvent("thread.created", thread),))

        return await uncut(whole())

    async def list_runs(self, thread_id: str, page: Page = FIRST_PAGE) -> ListPage[Run]:
        page = checked(page)

        def work(tables: Tables) -> ListPage[Run]:
            self._need_thread(tables, thread_id)
            return tables.runs.page(page, thread_id=thread_id, project=self._name)

        return await self._read(work)

    async def retrieve_run(self, thread_id: str, run_id: str) -> Run:
        return await self._read(lambda tables: self._run(tables, thread_id, run_id))

    async def modify_run(self, thread_id: str, run_id: str, request: ModifyRun) -> Run:
        request = checked(request)

        def work(tables: Tables) -> Run:
            run = changed(self._run(tables, thread_id, run_id), request)
            tables.runs.write(run, id=run_id, project=self._name)
            return run

        return await self._write(work)

    async def submit_tool_outputs(
        self, thread_id: str, run_id: str, request: SubmitToolOutputs
    ) -> Run:
        async def whole() -> Run:
            run, _ = await self._take_outputs(thread_id, run_id, request)
            self._engine.launch(self._name, run)
            return run

        return await uncut(whole())

    async def stream_tool_outputs(
        self, thread_id: str, run_id: str, request: SubmitToolOutputs
    ) -> EventStream:
        async def whole() -> EventStream:
            run, step = await self._take_outputs(thread_id, run_id, request)
            first = (
                StreamEvent("thread.run.step.completed", step),
                StreamEvent("thread.run.queued", run),
            )
            events = self._engine.follow(run, first)
            self._engine.launch(self._name, run)
            return as_asked_for(events, ())

        return await uncut(whole())

    async def cancel_run(self, thread_id: str, run_id: str) -> Run:
        def work(tables: Tables) -> Run:
            run = self._run(tables, thread_id, run_id)
            cancelling = (
                tables.move_run(self._name, run_id, "cancelling")
                if run.status in CANCELLABLE
                else None
            )
            if cancelling is None:
                raise errors.cannot_cancel(run.status)
            return cancelling

        async def whole() -> Run:
            run = await self._write(work)
            self._engine.feed(run_id).tell(StreamEvent("thread.run.cancelling", run))
            await self._engine.interrupt(self._name, run_id, "cancelled")
            return run

        return await uncut(whole())

    async def list_steps(
        self, thread_id: str, run_id: str, page: Page = FIRST_PAGE, *, include: tuple[str, ...] = ()
    ) -> ListPage[RunStep]:
        page = checked(page)

        def work(tables: Tables) -> ListPage[RunStep]:
            self._run(tables, thread_id, run_id)
            steps = tables.steps.page(page, run_id=run_id)
            return replace(steps, data=tuple(as_asked(step, include) for step in steps.data))

        return await self._read(work)

    async def retrieve_step(
        self, thread_id: str, run_id: str, step_id: str, *, include: tuple[str, ...] = ()
    ) -> RunStep:
        def work(tables: Tables) -> RunStep:
            self._run(tables, thread_id, run_id)
            step = tables.steps.one(id=step_id, run_id=run_id)
            if step is None:
                raise errors.not_found("run step", step_id)
            return as_asked(step, include)

        return await self._read(work)

    async def _new_run(self, thread_id: str, request: CreateRun) -> Run:
        request = checked(request)

        def work(tables: Tables) -> tuple[Run, list[VectorStoreFile]]:
            self._need_thread(tables, thread_id)
            return self._add_run(tables, thread_id, request)

        return await self._ingesting(work)

    async def _new_thread_and_run(self, request: CreateThreadAndRun) -> tuple[Thread, Run]:
        request = checked(request)

        def work(tables: Tables) -> tuple[tuple[Thread, Run], list[VectorStoreFile]]:
            wanted = request.thread or CreateThread()
            if request.tool_resources is not None:
                wanted = replace(wanted, tool_resources=request.tool_resources)
            thread, added = self._add_thread(tables, wanted)
            run, _ = self._add_run(tables, thread.id, request)
            return (thread, run), added

        return await self._ingesting(work)

    async def _take_outputs(
        self, thread_id: str, run_id: str, request: SubmitToolOutputs
    ) -> tuple[Run, RunStep]:
        request = checked(request)
        outputs = {output.tool_call_id: output.output for output in request.tool_outputs}
        now = self._now()

        def work(tables: Tables) -> tuple[Run, RunStep]:
            run = self._run(tables, thread_id, run_id)
            if run.status != "requires_action" or run.required_action is None:
                raise errors.outputs_refused(run.status)
            asked = [call.id for call in run.required_action.submit_tool_outputs.tool_calls]
            given = [output.tool_call_id for output in request.tool_outputs]
            if sorted(asked) != sorted(given):
                raise errors.outputs_mismatch(asked, given)
            # The newest step that can be read: another one if the row of the waiting step cannot.
            waiting = next(tables.steps.each(newest_first=True, run_id=run_id), None)
            if waiting is None or not _waits_for(waiting, asked):
                raise errors.calls_unreadable(run_id)
            step = _answered(waiting, outputs, now)
            tables.steps.write(step, id=step.id, run_id=run_id)
            queued = tables.move_run(self._name, run_id, "queued", required_action=None)
            if queued is None:
                raise errors.outputs_refused(run.status)
            return queued, step

        return await self._write(work)

    def _launch_and_follow(
        self, run: Run, first: tuple[StreamEvent, ...], include: tuple[str, ...] = ()
    ) -> EventStream:
        created = (
            StreamEvent("thread.run.created", run),
            StreamEvent("thread.run.queued", run),
        )
        events = self._engine.follow(run, (*first, *created))
        self._engine.launch(self._name, run)
        return as_asked_for(events, include)

    def _add_run(
        self, tables: Tables, thread_id: str, request: CreateRun | CreateThreadAndRun
    ) -> tuple[Run, list[VectorStoreFile]]:
        active = tables.active_run(thread_id)
        if active is not None:
            raise errors.run_active(thread_id, active)
        assistant = self._assistant(tables, request.assistant_id)
        now = self._now()
        expires_at = now + int(self._engine.options.run_expires_after)
        run = new_run(request, assistant, thread_id, now, expires_at)
        added: list[VectorStoreFile] = []
        if isinstance(request, CreateRun) and request.additional_messages:
            _, added = self._add_messages(tables, thread_id, request.additional_messages)
        tables.add_run(self._name, run)
        return run, added

    def _run(self, tables: Tables, thread_id: str, run_id: str) -> Run:
        self._need_thread(tables, thread_id)
        run = tables.runs.one(id=run_id, thread_id=thread_id, project=self._name)
        if run is None:
            raise errors.not_found("run", run_id)
        return run


def _waits_for(step: RunStep, call_ids: list[str]) -> bool:
    """Return whether a step is in progress and holds these function calls."""
    details = step.step_details
    if step.status != "in_progress" or not isinstance(details, ToolCallsDetails):
        return False
    return {call.id for call in details.functions()} >= set(call_ids)


def _answered(step: RunStep, outputs: dict[str, str], now: int) -> RunStep:
    """Return a step with the outputs of its calls in it, completed."""
    details = step.step_details
    if not isinstance(details, ToolCallsDetails):
        return step
    calls = tuple(
        replace(call, function=replace(call.function, output=outputs.get(call.id, "")))
        if isinstance(call, FunctionCall)
        else call
        for call in details.tool_calls
    )
    answered = ToolCallsDetails(calls)
    return replace(step, status="completed", completed_at=now, step_details=answered)
