"""The operations on runs and run steps of one project."""

from msgspec.structs import replace

from bot.assistants import errors
from bot.assistants.api import EventStream
from bot.assistants.events import (
    LAST_EVENTS,
    MessageDelta,
    RunStepDelta,
    StreamEvent,
    run_event,
    step_event,
)
from bot.assistants.schema.objects import ListPage, Message, Run, RunStep, Thread, ToolCallsDetails
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
from bot.assistants.seen_events import SeenEvents
from bot.assistants.states import CANCELLABLE, RunStatus, sources
from bot.assistants.validation import checked
from bot.engine.context import ProjectContext, run_to_end
from bot.engine.run.supervisor import RunSupervisor
from bot.engine.services.factories import changed, new_run
from bot.engine.services.resources import ResourceWriter, write_resources
from bot.engine.services.threads import add_messages, add_thread
from bot.engine.tool_calls.search_rendering import events_with_included, with_included
from bot.store.engine import Tables


class RunService:
    """The operations on runs and their steps; ``AssistantsAPI`` describes each."""

    def __init__(self, project: ProjectContext, supervisor: RunSupervisor) -> None:
        self._project = project
        self._supervisor = supervisor

    @run_to_end
    async def create_run(self, thread_id: str, request: CreateRun) -> Run:
        run = await self._new_run(thread_id, request)
        self._supervisor.launch(self._project.name, run)
        return run

    @run_to_end
    async def stream_run(
        self, thread_id: str, request: CreateRun, *, include: tuple[str, ...] = ()
    ) -> EventStream:
        run = await self._new_run(thread_id, request)
        return self._follow_and_launch(run, _created(run), include)

    @run_to_end
    async def create_thread_and_run(self, request: CreateThreadAndRun) -> Run:
        _, run = await self._new_thread_and_run(request)
        self._supervisor.launch(self._project.name, run)
        return run

    @run_to_end
    async def stream_thread_and_run(self, request: CreateThreadAndRun) -> EventStream:
        thread, run = await self._new_thread_and_run(request)
        return self._follow_and_launch(run, (StreamEvent("thread.created", thread), *_created(run)))

    async def list_runs(self, thread_id: str, page: Page = FIRST_PAGE) -> ListPage[Run]:
        page = checked(page)

        def work(tables: Tables) -> ListPage[Run]:
            tables.require_thread(self._project.name, thread_id)
            return tables.runs.page(page, thread_id=thread_id, project=self._project.name)

        return await self._project.read(work)

    async def retrieve_run(self, thread_id: str, run_id: str) -> Run:
        return await self._project.read(lambda tables: self._run(tables, thread_id, run_id))

    async def modify_run(self, thread_id: str, run_id: str, request: ModifyRun) -> Run:
        request = checked(request)

        def work(tables: Tables) -> Run:
            run = changed(self._run(tables, thread_id, run_id), request)
            tables.runs.write(run, id=run_id, project=self._project.name)
            return run

        return await self._project.write(work)

    @run_to_end
    async def submit_tool_outputs(
        self, thread_id: str, run_id: str, request: SubmitToolOutputs
    ) -> Run:
        run, _ = await self._store_outputs(thread_id, run_id, request)
        self._supervisor.launch(self._project.name, run)
        return run

    @run_to_end
    async def stream_tool_outputs(
        self, thread_id: str, run_id: str, request: SubmitToolOutputs
    ) -> EventStream:
        run, step = await self._store_outputs(thread_id, run_id, request)
        return self._follow_and_launch(run, (step_event(step), run_event(run)))

    async def follow_run(self, thread_id: str, run_id: str) -> EventStream:
        await self.retrieve_run(thread_id, run_id)
        return events_with_included(self._stored_and_live(thread_id, run_id), ())

    @run_to_end
    async def cancel_run(self, thread_id: str, run_id: str) -> Run:
        project = self._project.name

        def work(tables: Tables) -> Run:
            run = self._run(tables, thread_id, run_id)
            cancelling = None
            if run.status in CANCELLABLE:
                cancelling = tables.move_run(project, run_id, "cancelling")
            if cancelling is None:
                raise errors.cannot_cancel(run.status)
            return cancelling

        run = await self._project.write(work)
        self._supervisor.feed(run_id).publish(run_event(run))
        await self._supervisor.interrupt(project, run_id, "cancelled")
        return run

    async def list_steps(
        self, thread_id: str, run_id: str, page: Page = FIRST_PAGE, *, include: tuple[str, ...] = ()
    ) -> ListPage[RunStep]:
        page = checked(page)

        def work(tables: Tables) -> ListPage[RunStep]:
            self._run(tables, thread_id, run_id)
            steps = tables.steps.page(page, run_id=run_id)
            return replace(steps, data=tuple(with_included(step, include) for step in steps.data))

        return await self._project.read(work)

    async def retrieve_step(
        self, thread_id: str, run_id: str, step_id: str, *, include: tuple[str, ...] = ()
    ) -> RunStep:
        def work(tables: Tables) -> RunStep:
            self._run(tables, thread_id, run_id)
            return with_included(tables.steps.get(id=step_id, run_id=run_id), include)

        return await self._project.read(work)

    async def _new_run(self, thread_id: str, request: CreateRun) -> Run:
        request = checked(request)

        def work(writer: ResourceWriter) -> Run:
            writer.tables.require_thread(self._project.name, thread_id)
            return _add_run(writer, thread_id, request)

        return await write_resources(self._project, work)

    async def _new_thread_and_run(self, request: CreateThreadAndRun) -> tuple[Thread, Run]:
        request = checked(request)

        def work(writer: ResourceWriter) -> tuple[Thread, Run]:
            new = request.thread or CreateThread()
            if request.tool_resources is not None:
                new = replace(new, tool_resources=request.tool_resources)
            thread = add_thread(writer, new)
            return thread, _add_run(writer, thread.id, request)

        return await write_resources(self._project, work)

    async def _store_outputs(
        self, thread_id: str, run_id: str, request: SubmitToolOutputs
    ) -> tuple[Run, RunStep]:
        """Complete the waiting step with the outputs and queue the run again."""
        request = checked(request)
        outputs = {output.tool_call_id: output.output for output in request.tool_outputs}
        now = self._project.now()

        def work(tables: Tables) -> tuple[Run, RunStep]:
            run = self._run(tables, thread_id, run_id)
            if run.status != "requires_action" or run.required_action is None:
                raise errors.outputs_refused(run.status)
            expected = [call.id for call in run.required_action.submit_tool_outputs.tool_calls]
            given = [output.tool_call_id for output in request.tool_outputs]
            if sorted(expected) != sorted(given):
                raise errors.outputs_mismatch(expected, given)
            # Rows that cannot be read are skipped: the newest readable step may be another one.
            step = next(tables.steps.each(newest_first=True, run_id=run_id), None)
            if step is None or not _waits_for(step, expected):
                raise errors.calls_unreadable(run_id)
            step = _with_outputs(step, outputs, now)
            tables.steps.write(step, id=step.id, run_id=run_id)
            queued = tables.move_run(self._project.name, run_id, "queued", required_action=None)
            if queued is None:
                raise errors.outputs_refused(run.status)
            return queued, step

        return await self._project.write(work)

    async def _stored_and_live(self, thread_id: str, run_id: str) -> EventStream:
        """Yield the events of a run's stored state, and the events that follow."""

        def work(tables: Tables) -> tuple[Run, list[RunStep], list[Message]]:
            run = self._run(tables, thread_id, run_id)
            steps = list(tables.steps.each(run_id=run_id))
            return run, steps, list(tables.messages.each(run_id=run_id, thread_id=thread_id))

        seen = SeenEvents(thread_id, run_id)
        seen_from_start: set[str] = set()
        # Subscribed before the state is read, so that no event is missed.
        with self._supervisor.subscribed(run_id) as live:
            for event in seen.new_in(*await self._project.read(work)):
                yield event
            while not seen.rests:
                event = await anext(live)
                data = event.data
                if isinstance(data, MessageDelta | RunStepDelta):
                    if data.id not in seen_from_start:
                        continue  # without the pieces before it, this one makes no text
                elif isinstance(data, Message | RunStep) and data.id in seen_from_start:
                    pass  # a message whose text was reasoning is ``in_progress`` once more
                elif not seen.is_new(event) or _is_outdated(event, seen.status):
                    continue
                elif isinstance(data, Message | RunStep) and event.event.endswith(".created"):
                    seen_from_start.add(data.id)
                seen.note(event)
                yield event

    def _follow_and_launch(
        self, run: Run, first: tuple[StreamEvent, ...], include: tuple[str, ...] = ()
    ) -> EventStream:
        # Followed before it is launched, so that no event is missed.
        events = self._supervisor.follow(run, first)
        self._supervisor.launch(self._project.name, run)
        return events_with_included(events, include)

    def _run(self, tables: Tables, thread_id: str, run_id: str) -> Run:
        tables.require_thread(self._project.name, thread_id)
        return tables.runs.get(id=run_id, thread_id=thread_id, project=self._project.name)


def _add_run(
    writer: ResourceWriter, thread_id: str, request: CreateRun | CreateThreadAndRun
) -> Run:
    """Store a queued run, with the messages that the request adds before it."""
    tables, project, options = writer.tables, writer.project.name, writer.project.engine.options
    active = tables.active_run(thread_id)
    if active is not None:
        raise errors.run_active(thread_id, active)
    most = options.max_unfinished_runs
    if tables.count_active_runs(project) >= most:
        raise errors.too_many_runs(most)
    assistant = tables.assistants.get(id=request.assistant_id, project=project)
    expires_at = writer.now + int(options.run_expires_after)
    run = new_run(request, assistant, thread_id, writer.now, expires_at)
    if isinstance(request, CreateRun) and request.additional_messages:
        add_messages(writer, thread_id, request.additional_messages)
    tables.add_run(project, run)
    return run


def _created(run: Run) -> tuple[StreamEvent, ...]:
    return StreamEvent("thread.run.created", run), run_event(run)


def _is_outdated(event: StreamEvent, status: RunStatus | None) -> bool:
    """Return whether an event shows a run in a status that the run had before ``status``."""
    if not isinstance(event.data, Run) or event.event in LAST_EVENTS:
        return False
    return status not in sources(event.data.status)


def _waits_for(step: RunStep, call_ids: list[str]) -> bool:
    """Return whether a step is in progress and holds these function calls."""
    details = step.step_details
    if step.status != "in_progress" or not isinstance(details, ToolCallsDetails):
        return False
    return {call.id for call in details.functions()} >= set(call_ids)


def _with_outputs(step: RunStep, outputs: dict[str, str], now: int) -> RunStep:
    """Return a step of tool calls, completed with the outputs of its function calls."""
    assert isinstance(step.step_details, ToolCallsDetails), "only such a step waits for outputs"
    calls = tuple(
        replace(call, function=replace(call.function, output=outputs.get(call.id, "")))
        if isinstance(call, FunctionCall)
        else call
        for call in step.step_details.tool_calls
    )
    return replace(step, status="completed", completed_at=now, step_details=ToolCallsDetails(calls))
