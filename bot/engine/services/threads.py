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
from bot.assistants.schema.vector_stores import VectorStoreFile
from bot.assistants.validation import checked
from bot.engine.context import ProjectContext, run_to_end
from bot.engine.run.supervisor import RunSupervisor
from bot.engine.services.factories import changed, new_message, new_thread
from bot.engine.services.tool_resources import add_attachments, change_resources, create_resources
from bot.store.engine import Tables


class ThreadService:
    """The operations on threads and messages; ``AssistantsAPI`` describes each."""

    def __init__(self, project: ProjectContext, supervisor: RunSupervisor) -> None:
        self._project = project
        self._supervisor = supervisor

    async def create_thread(self, request: CreateThread) -> Thread:
        request = checked(request)
        return await self._project.write_and_ingest(
            lambda tables: add_thread(tables, self._project, request)
        )

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
        project, now = self._project.name, self._project.now()

        def work(tables: Tables) -> tuple[Thread, list[VectorStoreFile]]:
            resources, added = change_resources(tables, project, request.tool_resources, now)
            thread = tables.threads.get(id=thread_id, project=project)
            thread = changed(thread, request, **resources)
            tables.threads.write(thread, id=thread_id, project=project)
            return thread, added

        return await self._project.write_and_ingest(work)

    async def delete_thread(self, thread_id: str) -> Deleted:
        project = self._project.name

        def work(tables: Tables) -> str | None:
            run_id = tables.active_run(thread_id)
            if not tables.threads.delete(id=thread_id, project=project):
                raise errors.not_found("thread", thread_id)
            return run_id

        async def operation() -> Deleted:
            run_id = await self._project.write(work)
            if run_id is not None:
                await self._supervisor.thread_deleted(project, run_id, thread_id)
            return Deleted(thread_id, "thread.deleted")

        return await run_to_end(operation())

    async def create_message(self, thread_id: str, request: CreateMessage) -> Message:
        request = checked(request)

        def work(tables: Tables) -> tuple[Message, list[VectorStoreFile]]:
            tables.require_thread(self._project.name, thread_id)
            run_id = tables.active_run(thread_id)
            if run_id is not None:
                raise errors.thread_locked(thread_id, run_id)
            (message,), added = add_messages(tables, self._project, thread_id, [request])
            return message, added

        return await self._project.write_and_ingest(work)

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


def add_thread(
    tables: Tables, project: ProjectContext, request: CreateThread
) -> tuple[Thread, list[VectorStoreFile]]:
    """Store a thread with its first messages; return it and the vector store files to ingest."""
    now = project.now()
    created = create_resources(tables, project.name, request.tool_resources, now)
    thread = new_thread(request, created.resources, now)
    tables.threads.insert(thread, id=thread.id, project=project.name)
    _, attached = add_messages(tables, project, thread.id, request.messages)
    # Read again: attachments of the messages may have added to the thread's tool resources.
    thread = tables.threads.get(id=thread.id, project=project.name)
    return thread, [*created.added, *attached]


def add_messages(
    tables: Tables, project: ProjectContext, thread_id: str, requests: Sequence[CreateMessage]
) -> tuple[list[Message], list[VectorStoreFile]]:
    """Store messages on a thread; return them and the vector store files to ingest.

    Raises ``APIError`` 400 if the thread would hold too many messages, 404 for unknown files.
    """
    limit, now = project.engine.options.max_thread_messages, project.now()
    if requests and tables.count_messages(thread_id) + len(requests) > limit:
        raise errors.too_many_messages(thread_id, limit)
    messages: list[Message] = []
    added: list[VectorStoreFile] = []
    for request in requests:
        added += add_attachments(tables, project.name, thread_id, request, now)
        message = new_message(request, thread_id, now)
        tables.add_message(message)
        messages.append(message)
    return messages, added
