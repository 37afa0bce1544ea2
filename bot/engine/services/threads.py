"""One project's assistants, threads and messages over the engine: one transaction an operation."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Final, TypeVar

from msgspec import UnsetType

from bot.assistants import errors
from bot.assistants.schema.objects import Assistant, Deleted, ListPage, Message, Thread
from bot.assistants.schema.requests import (
    FIRST_PAGE,
    CreateAssistant,
    CreateMessage,
    CreateThread,
    ModifyAssistant,
    ModifyMessage,
    ModifyThread,
    NewToolResources,
    Page,
)
from bot.assistants.schema.vector_stores import VectorStoreFile
from bot.assistants.validation import checked
from bot.engine.services.factories import changed, new_assistant, new_message, new_thread
from bot.engine.services.files import ProjectFiles
from bot.engine.services.tool_resources import attach, take
from bot.store.engine import Tables

T = TypeVar("T")

MOST_MESSAGES: Final = 100_000
"""Messages that a thread holds at most (the API's limit)."""


class ProjectThreads(ProjectFiles):
    """What runs stand on; see ``AssistantsAPI`` for what each operation does."""

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
            tables.assistants.write(assistant, id=assistant_id, project=self._name)
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
            tables.threads.write(thread, id=thread_id, project=self._name)
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
                await self._engine.deleted(self._name, active, thread_id)
            return Deleted(thread_id, "thread.deleted")

        return await uncut(whole())

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
            tables.messages.write(message, id=message_id, thread_id=thread_id)
            return message

        return await self._write(work)

    async def delete_message(self, thread_id: str, message_id: str) -> Deleted:
        def work(tables: Tables) -> Deleted:
            self._need_thread(tables, thread_id)
            if not tables.remove_message(thread_id, message_id):
                raise errors.not_found("message", message_id)
            return Deleted(message_id, "thread.message.deleted")

        return await self._write(work)

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
            self._engine.ingestion.submit(self._name, added)
            return result

        return await uncut(whole())

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


async def uncut(operation: Coroutine[None, None, T]) -> T:
    """Run an operation whole, also where its caller is cancelled in the middle of it.

    What is written down must be told to the engine: a run that nobody launches never ends.
    """
    return await asyncio.shield(asyncio.ensure_future(operation))
