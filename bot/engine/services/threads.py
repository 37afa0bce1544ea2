"""The operations on threads and messages of one project."""

from collections.abc import Sequence

from bot.assistants import errors
from bot.assistants.schema.objects import Deleted, ListPage, Message, Thread
from bot.assistants.schema.requests import (
    FIRST_PAGE,
    CreateMessage,
    CreateThread,
    ModifyMessage,
    ModifyThread,
    Page,
)
from bot.assistants.validation import checked
from bot.engine.context import ProjectContext, run_to_end
from bot.engine.run.supervisor import RunSupervisor
from bot.engine.services.factories import changed, new_message, new_thread
from bot.engine.services.resources import ResourceWriter, write_resources
from bot.store.engine import Tables


class ThreadService:
    """The operations on threads and messages; ``AssistantsAPI`` describes each."""

    def __init__(self, project: ProjectContext, supervisor: RunSupervisor) -> None:
        self._project = project
        self._supervisor = supervisor

    async def create_thread(self, request: CreateThread) -> Thread:
        request = checked(request)
        return await write_resources(self._project, lambda writer: add_thread(writer, request))

    async def list_threads(self, page: Page = FIRST_PAGE) -> ListPage[Thread]:
        page = checked(page)
        return await self._project.read(
            lambda tables: tables.threads.page(page, project=self._project.name)
        )

    async def retrieve_thread(self, thread_id: str) -> Thread:
        return await self._project.read(
            lambda tables: tables.threads.get(id=thread_id, project=self._project.name)
        )

    async def modify_thread(self, thread_id: str, request: ModifyThread) -> Thread:
        request = checked(request)
        where = {"id": thread_id, "project": self._project.name}

        def work(writer: ResourceWriter) -> Thread:
            resources, threads = writer.changed(request.tool_resources), writer.tables.threads
            thread = changed(threads.get(**where), request, **resources)
            threads.write(thread, **where)
            return thread

        return await write_resources(self._project, work)

    @run_to_end
    async def delete_thread(self, thread_id: str) -> Deleted:
        project = self._project.name

        def work(tables: Tables) -> str | None:
            run_id = tables.active_run(thread_id)
            if not tables.threads.delete(id=thread_id, project=project):
                raise errors.not_found("thread", thread_id)
            return run_id

        run_id = await self._project.write(work)
        if run_id is not None:
            await self._supervisor.thread_deleted(project, run_id, thread_id)
        return Deleted(thread_id, "thread.deleted")

    async def create_message(self, thread_id: str, request: CreateMessage) -> Message:
        request = checked(request)

        def work(writer: ResourceWriter) -> Message:
            writer.tables.require_thread(self._project.name, thread_id)
            run_id = writer.tables.active_run(thread_id)
            if run_id is not None:
                raise errors.thread_locked(thread_id, run_id)
            (message,) = add_messages(writer, thread_id, [request])
            return message

        return await write_resources(self._project, work)

    async def list_messages(
        self, thread_id: str, page: Page = FIRST_PAGE, *, run_id: str | None = None
    ) -> ListPage[Message]:
        page = checked(page)
        of_run = {} if run_id is None else {"run_id": run_id}

        def work(tables: Tables) -> ListPage[Message]:
            tables.require_thread(self._project.name, thread_id)
            return tables.messages.page(page, **of_run, thread_id=thread_id)

        return await self._project.read(work)

    async def retrieve_message(self, thread_id: str, message_id: str) -> Message:
        return await self._project.read(lambda tables: self._message(tables, thread_id, message_id))

    async def modify_message(
        self, thread_id: str, message_id: str, request: ModifyMessage
    ) -> Message:
        request = checked(request)

        def work(tables: Tables) -> Message:
            message = changed(self._message(tables, thread_id, message_id), request)
            tables.messages.write(message, id=message_id, thread_id=thread_id)
            return message

        return await self._project.write(work)

    async def delete_message(self, thread_id: str, message_id: str) -> Deleted:
        def work(tables: Tables) -> Deleted:
            tables.require_thread(self._project.name, thread_id)
            if not tables.remove_message(thread_id, message_id):
                raise errors.not_found("message", message_id)
            tables.redact_errors(self._project.name, thread_id)
            return Deleted(message_id, "thread.message.deleted")

        return await self._project.write(work)

    def _message(self, tables: Tables, thread_id: str, message_id: str) -> Message:
        tables.require_thread(self._project.name, thread_id)
        return tables.messages.get(id=message_id, thread_id=thread_id)


def add_thread(writer: ResourceWriter, request: CreateThread) -> Thread:
    """Store a thread with its first messages."""
    threads, project = writer.tables.threads, writer.project.name
    thread = new_thread(request, writer.create(request.tool_resources), writer.now)
    threads.insert(thread, id=thread.id, project=project)
    add_messages(writer, thread.id, request.messages)
    # Read again: attachments of the messages may have added to the thread's tool resources.
    return threads.get(id=thread.id, project=project)


def add_messages(
    writer: ResourceWriter, thread_id: str, requests: Sequence[CreateMessage]
) -> list[Message]:
    """Store messages on a thread.

    Raises ``APIError`` 400 if the thread would hold too many messages, 404 for unknown files.
    """
    tables, limit = writer.tables, writer.project.engine.options.max_thread_messages
    if requests and tables.count_messages(thread_id) + len(requests) > limit:
        raise errors.too_many_messages(thread_id, limit)
    messages: list[Message] = []
    for request in requests:
        writer.attach(thread_id, request)
        message = new_message(request, thread_id, writer.now)
        tables.add_message(message)
        messages.append(message)
    return messages
