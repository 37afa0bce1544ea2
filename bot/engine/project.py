"""One project's Assistants API over the engine: one transaction an operation."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Final, TypeVar

from msgspec import UnsetType
from msgspec.structs import replace

from bot.assistants import errors
from bot.assistants.api import AssistantsAPI, EventStream
from bot.assistants.events import StreamEvent
from bot.assistants.objects import (
    Assistant,
    Deleted,
    ListPage,
    Message,
    Run,
    RunStep,
    Thread,
    ToolCallsDetails,
)
from bot.assistants.requests import (
    FIRST_PAGE,
    CreateAssistant,
    CreateMessage,
    CreateRun,
    CreateThread,
    CreateThreadAndRun,
    ModifyAssistant,
    ModifyMessage,
    ModifyRun,
    ModifyThread,
    NewToolResources,
    Page,
    SubmitToolOutputs,
)
from bot.assistants.states import CANCELLABLE
from bot.assistants.tools import FunctionCall
from bot.assistants.validation import checked
from bot.assistants.vector_stores import VectorStoreFile
from bot.engine.library import ProjectFiles
from bot.engine.making import changed, new_assistant, new_message, new_run, new_thread
from bot.engine.resources import attach, take
from bot.engine.showing import as_asked, as_asked_for
from bot.store.engine import Tables

T = TypeVar("T")

MOST_MESSAGES: Final = 100_000
"""Messages that a thread holds at most (the API's limit)."""


class Project(ProjectFiles, AssistantsAPI):
    """The Assistants API of one project; see ``AssistantsAPI`` for what each operation does."""

    async def create_assistant(self, request: CreateAssistant) -> Assistant:
        request = checked(request)

        def work(tables: Tables) -> tuple[Assistant, list[VectorStoreFile]]:
            taken = take(tables, self._name, request.tool_resources, self._now())
            assistant = new_assistant(request, taken.resources, self._now())
            tables.assistants.insert(assistant, id=assistant.id, project=self._name)
            return assistant, taken.added

        return await self._ingesting(work)

    async def list_assistants(self, page: Page = FIRST_PAGE) -> ListPage[Assistant]:
        page = checked(page)
        return await self._read(lambda tables: tables.assistants.page(page, project=self._name))

    async def retrieve_assistant(self, assistant_id: str) -> Assistant:
        return await self._read(lambda tables: self._assistant(tables, assistant_id))

    async def modify_assistant(self, assistant_id: str, request: ModifyAssistant) -> Assistant:
        request = checked(request)

        def work(tables: Tables) -> tuple[Assistant, list[VectorStoreFile]]:
            replaced, added = self._resources(tables, request.tool_resources)
            assistant = changed(self._assistant(tables, assistant_id), request, **replaced)
            tables.assistants.write(assistant, id=assistant_id)
            return assistant, added

        return await self._ingesting(work)

    async def delete_assistant(self, assistant_id: str) -> Deleted:
        def work(tables: Tables) -> Deleted:
            if not tables.assistants.delete(id=assistant_id, project=self._name):
                raise errors.not_found("assistant", assistant_id)
            return Deleted(assistant_id, "assistant.deleted")

        return await self._write(work)

    async def create_thread(self, request: CreateThread) -> Thread:
        request = checked(request)
        return await self._ingesting(lambda tables: self._add_thread(tables, request))

    async def retrieve_thread(self, thread_id: str) -> Thread:
        return await self._read(lambda tables: self._thread(tables, thread_id))

    async def modify_thread(self, thread_id: str, request: ModifyThread) -> Thread:
        request = checked(request)

        def work(tables: Tables) -> tuple[Thread, list[VectorStoreFile]]:
            replaced, added = self._resources(tables, request.tool_resources)
            thread = changed(self._thread(tables, thread_id), request, **replaced)
            tables.threads.write(thread, id=thread_id)
            return thread, added

        return await self._ingesting(work)

    async def delete_thread(self, thread_id: str) -> Deleted:
        def work(tables: Tables) -> str | None:
            active = tables.active_run(thread_id)
            if not tables.threads.delete(id=thread_id, project=self._name):
                raise errors.not_found("thread", thread_id)
            return active

        async def whole() -> Deleted:
            active = await self._write(work)
            if active is not None:
                await self._engine.deleted(active, thread_id)
            return Deleted(thread_id, "thread.deleted")

        return await _uncut(whole())

    async def create_message(self, thread_id: str, request: CreateMessage) -> Message:
        request = checked(request)

        def work(tables: Tables) -> tuple[Message, list[VectorStoreFile]]:
            self._need_thread(tables, thread_id)
            active = tables.active_run(thread_id)
            if active is not None:
                raise errors.thread_locked(thread_id, active)
            messages, added = self._add_messages(tables, thread_id, [request])
            return messages[0], added

        return await self._ingesting(work)

    async def list_messages(
        self, thread_id: str, page: Page = FIRST_PAGE, *, run_id: str | None = None
    ) -> ListPage[Message]:
        page = checked(page)

        def work(tables: Tables) -> ListPage[Message]:
            self._need_thread(tables, thread_id)
            if run_id is None:
                return tables.messages.page(page, thread_id=thread_id)
            return tables.messages.page(page, run_id=run_id, thread_id=thread_id)

        return await self._read(work)

    async def retrieve_message(self, thread_id: str, message_id: str) -> Message:
        return await self._read(lambda tables: self._message(tables, thread_id, message_id))

    async def modify_message(
        self, thread_id: str, message_id: str, request: ModifyMessage
    ) -> Message:
        request = checked(request)

        def work(tables: Tables) -> Message:
            message = changed(self._message(tables, thread_id, message_id), request)
            tables.messages.write(message, id=message_id)
            return message

        return await self._write(work)

    async def delete_message(self, thread_id: str, message_id: str) -> Deleted:
        def work(tables: Tables) -> Deleted:
            self._need_thread(tables, thread_id)
            if not tables.remove_message(thread_id, message_id):
                raise errors.not_found("message", message_id)
            return Deleted(message_id, "thread.message.deleted")

        return await self._write(work)

    async def create_run(self, thread_id: str, request: CreateRun) -> Run:
        async def whole() -> Run:
            run = await self._new_run(thread_id, request)
            self._engine.launch(run)
            return run

        return await _uncut(whole())

    async def stream_run(
        self, thread_id: str, request: CreateRun, *, include: tuple[str, ...] = ()
    ) -> EventStream:
        async def whole() -> EventStream:
            run = await self._new_run(thread_id, request)
            return self._launch_and_follow(run, (), include)

        return await _uncut(whole())

    async def create_thread_and_run(self, request: CreateThreadAndRun) -> Run:
        async def whole() -> Run:
            run = (await self._new_thread_and_run(request))[1]
            self._engine.launch(run)
            return run

        return await _uncut(whole())

    async def stream_thread_and_run(self, request: CreateThreadAndRun) -> EventStream:
        async def whole() -> EventStream:
            thread, run = await self._new_thread_and_run(request)
            return self._launch_and_follow(run, (StreamEvent("thread.created", thread),))

        return await _uncut(whole())

    async def list_runs(self, thread_id: str, page: Page = FIRST_PAGE) -> ListPage[Run]:
        page = checked(page)

        def work(tables: Tables) -> ListPage[Run]:
            self._need_thread(tables, thread_id)
            return tables.runs.page(page, thread_id=thread_id)

        return await self._read(work)

    async def retrieve_run(self, thread_id: str, run_id: str) -> Run:
        return await self._read(lambda tables: self._run(tables, thread_id, run_id))

    async def modify_run(self, thread_id: str, run_id: str, request: ModifyRun) -> Run:
        request = checked(request)

        def work(tables: Tables) -> Run:
            run = changed(self._run(tables, thread_id, run_id), request)
            tables.runs.write(run, id=run_id)
            return run

        return await self._write(work)

    async def submit_tool_outputs(
        self, thread_id: str, run_id: str, request: SubmitToolOutputs
    ) -> Run:
        async def whole() -> Run:
            run, _ = await self._take_outputs(thread_id, run_id, request)
            self._engine.launch(run)
            return run

        return await _uncut(whole())

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
            self._engine.launch(run)
            return as_asked_for(events, ())

        return await _uncut(whole())

    async def cancel_run(self, thread_id: str, run_id: str) -> Run:
        def work(tables: Tables) -> Run:
            run = self._run(tables, thread_id, run_id)
            cancelling = (
                tables.move_run(run_id, "cancelling") if run.status in CANCELLABLE else None
            )
            if cancelling is None:
                raise errors.cannot_cancel(run.status)
            return cancelling

        async def whole() -> Run:
            run = await self._write(work)
            self._engine.feed(run_id).tell(StreamEvent("thread.run.cancelling", run))
            await self._engine.interrupt(run_id, "cancelled")
            return run

        return await _uncut(whole())

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
            waiting = tables.steps.all(run_id=run_id)[-1:]
            if run.status != "requires_action" or run.required_action is None or not waiting:
                raise errors.outputs_refused(run.status)
            asked = [call.id for call in run.required_action.submit_tool_outputs.tool_calls]
            given = [output.tool_call_id for output in request.tool_outputs]
            if sorted(asked) != sorted(given):
                raise errors.outputs_mismatch(asked, given)
            step = _answered(waiting[0], outputs, now)
            tables.steps.write(step, id=step.id)
            queued = tables.move_run(run_id, "queued", required_action=None)
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
        self._engine.launch(run)
        return as_asked_for(events, include)

    def _add_thread(
        self, tables: Tables, request: CreateThread
    ) -> tuple[Thread, list[VectorStoreFile]]:
        taken = take(tables, self._name, request.tool_resources, self._now())
        thread = new_thread(request, taken.resources, self._now())
        tables.threads.insert(thread, id=thread.id, project=self._name)
        _, attached = self._add_messages(tables, thread.id, request.messages)
        # An attachment may have given the thread's tools more to work on.
        return self._thread(tables, thread.id), [*taken.added, *attached]

    def _add_messages(
        self, tables: Tables, thread_id: str, requests: Sequence[CreateMessage]
    ) -> tuple[list[Message], list[VectorStoreFile]]:
        if requests and tables.count_messages(thread_id) + len(requests) > MOST_MESSAGES:
            raise errors.too_many_messages(thread_id, MOST_MESSAGES)
        messages, added, now = [], [], self._now()
        for request in requests:
            added += attach(tables, self._name, thread_id, request, now)
            message = new_message(request, thread_id, now)
            tables.add_message(message)
            messages.append(message)
        return messages, added

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

    def _resources(
        self, tables: Tables, new: NewToolResources | UnsetType | None
    ) -> tuple[dict[str, object], list[VectorStoreFile]]:
        """Return the change that a modification makes to tool resources, if it makes one."""
        if isinstance(new, UnsetType):
            return {}, []
        taken = take(tables, self._name, new, self._now())
        return {"tool_resources": taken.resources}, taken.added

    async def _ingesting(self, work: Callable[[Tables], tuple[T, list[VectorStoreFile]]]) -> T:
        """Run a transaction that may bring files which are to be made searchable."""

        async def whole() -> T:
            result, added = await self._write(work)
            self._engine.ingestion.submit(added)
            return result

        return await _uncut(whole())

    def _assistant(self, tables: Tables, assistant_id: str) -> Assistant:
        assistant = tables.assistants.one(id=assistant_id, project=self._name)
        if assistant is None:
            raise errors.not_found("assistant", assistant_id)
        return assistant

    def _thread(self, tables: Tables, thread_id: str) -> Thread:
        thread = tables.threads.one(id=thread_id, project=self._name)
        if thread is None:
            raise errors.not_found("thread", thread_id)
        return thread

    def _need_thread(self, tables: Tables, thread_id: str) -> None:
        if not tables.thread_of(self._name, thread_id):
            raise errors.not_found("thread", thread_id)

    def _message(self, tables: Tables, thread_id: str, message_id: str) -> Message:
        self._need_thread(tables, thread_id)
        message = tables.messages.one(id=message_id, thread_id=thread_id)
        if message is None:
            raise errors.not_found("message", message_id)
        return message

    def _run(self, tables: Tables, thread_id: str, run_id: str) -> Run:
        self._need_thread(tables, thread_id)
        run = tables.runs.one(id=run_id, thread_id=thread_id, project=self._name)
        if run is None:
            raise errors.not_found("run", run_id)
        return run


async def _uncut(operation: Coroutine[None, None, T]) -> T:
    """Run an operation whole, also where its caller is cancelled in the middle of it.

    What is written down must be told to the engine: a run that nobody launches never ends.
    """
    return await asyncio.shield(asyncio.ensure_future(operation))


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
