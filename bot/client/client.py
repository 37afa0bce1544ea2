"""The Assistants API over HTTP: an operation is one request, a stream may need more."""

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Concatenate, Final, ParamSpec, Self, TypeVar

import aiohttp
import msgspec

from bot.assistants.api import AssistantsAPI, EventStream
from bot.assistants.errors import APIError
from bot.assistants.events import StreamEvent
from bot.assistants.operations import Operation
from bot.assistants.schema.files import File, UploadFile
from bot.assistants.schema.objects import Deleted, Run
from bot.assistants.schema.requests import CreateRun, CreateThreadAndRun, SubmitToolOutputs
from bot.assistants.seen_events import SeenEvents
from bot.assistants.states import TERMINAL
from bot.assistants.validation import checked
from bot.client.errors import names_stream
from bot.client.paths import included, path_of, query_of, request_of
from bot.client.polling import follow
from bot.client.streams import RunEventStream
from bot.client.transport import ClientTimeouts, Transport
from bot.client.uploads import UploadBody
from bot.runtime.clock import Clock, SystemClock
from bot.runtime.retry import RetryPolicy

_SOONEST_MS: Final = 100
"""The shortest time between two polls, in milliseconds, though some servers say 0."""


class _ModelList(msgspec.Struct):
    data: tuple[dict[str, Any], ...] = ()


P = ParamSpec("P")
T = TypeVar("T")


def _sent(
    function: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate["Client", P], Coroutine[Any, Any, T]]:
    """Return the ``Client`` method that sends the HTTP request of an operation.

    ``function`` is the operation's method of ``AssistantsAPI``.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    async def method(client: "Client", /, *args: P.args, **options: P.kwargs) -> T:
        arguments = signature.bind(client, *args, **options).arguments
        result: T = await client.send(request_of(function, arguments), arguments)
        return result

    return method


class Client:
    """An ``AssistantsAPI`` at ``base_url`` (the ``/v1`` of any server that speaks the API).

    Every operation raises ``APIError`` as the server words it, and ``UnreachableError`` without a
    usable response. ``max_body`` bounds a response, in bytes.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        session: aiohttp.ClientSession | None = None,
        timeouts: ClientTimeouts | None = None,
        retries: RetryPolicy | None = None,
        clock: Clock | None = None,
        max_body: int = 64 * 1024 * 1024,
    ) -> None:
        self._clock = clock or SystemClock()
        self._http = Transport(
            base_url,
            api_key,
            session=session,
            timeouts=timeouts or ClientTimeouts(),
            retries=retries or RetryPolicy(),
            clock=self._clock,
            max_body=max_body,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def list_models(self) -> tuple[str, ...]:
        """Return the names of the models that the server offers, outside of ``AssistantsAPI``."""
        listed = await self._http.get(_ModelList, "/models")
        names = (each.get("id") for each in listed.data)
        return tuple(name for name in names if isinstance(name, str) and name)

    create_assistant = _sent(AssistantsAPI.create_assistant)
    list_assistants = _sent(AssistantsAPI.list_assistants)
    retrieve_assistant = _sent(AssistantsAPI.retrieve_assistant)
    modify_assistant = _sent(AssistantsAPI.modify_assistant)
    delete_assistant = _sent(AssistantsAPI.delete_assistant)
    create_thread = _sent(AssistantsAPI.create_thread)
    list_threads = _sent(AssistantsAPI.list_threads)
    retrieve_thread = _sent(AssistantsAPI.retrieve_thread)
    modify_thread = _sent(AssistantsAPI.modify_thread)
    delete_thread = _sent(AssistantsAPI.delete_thread)
    import_objects = _sent(AssistantsAPI.import_objects)
    create_message = _sent(AssistantsAPI.create_message)
    list_messages = _sent(AssistantsAPI.list_messages)
    retrieve_message = _sent(AssistantsAPI.retrieve_message)
    modify_message = _sent(AssistantsAPI.modify_message)
    delete_message = _sent(AssistantsAPI.delete_message)
    create_run = _sent(AssistantsAPI.create_run)
    create_thread_and_run = _sent(AssistantsAPI.create_thread_and_run)
    list_runs = _sent(AssistantsAPI.list_runs)
    retrieve_run = _sent(AssistantsAPI.retrieve_run)
    modify_run = _sent(AssistantsAPI.modify_run)
    submit_tool_outputs = _sent(AssistantsAPI.submit_tool_outputs)
    cancel_run = _sent(AssistantsAPI.cancel_run)
    list_steps = _sent(AssistantsAPI.list_steps)
    retrieve_step = _sent(AssistantsAPI.retrieve_step)
    list_files = _sent(AssistantsAPI.list_files)
    retrieve_file = _sent(AssistantsAPI.retrieve_file)
    delete_file = _sent(AssistantsAPI.delete_file)
    create_vector_store = _sent(AssistantsAPI.create_vector_store)
    list_vector_stores = _sent(AssistantsAPI.list_vector_stores)
    retrieve_vector_store = _sent(AssistantsAPI.retrieve_vector_store)
    modify_vector_store = _sent(AssistantsAPI.modify_vector_store)
    delete_vector_store = _sent(AssistantsAPI.delete_vector_store)
    search_vector_store = _sent(AssistantsAPI.search_vector_store)
    create_store_file = _sent(AssistantsAPI.create_store_file)
    list_store_files = _sent(AssistantsAPI.list_store_files)
    retrieve_store_file = _sent(AssistantsAPI.retrieve_store_file)
    modify_store_file = _sent(AssistantsAPI.modify_store_file)
    delete_store_file = _sent(AssistantsAPI.delete_store_file)
    store_file_content = _sent(AssistantsAPI.store_file_content)
    create_file_batch = _sent(AssistantsAPI.create_file_batch)
    retrieve_file_batch = _sent(AssistantsAPI.retrieve_file_batch)
    cancel_file_batch = _sent(AssistantsAPI.cancel_file_batch)

    async def send(self, operation: Operation, arguments: Mapping[str, Any]) -> Any:
        """Send the request of an operation with these arguments; return the response's object."""
        path, query = path_of(operation, arguments), query_of(operation, arguments)
        if operation.method == "GET":
            return await self._http.get(operation.result, path, query)
        if operation.method == "DELETE":
            return await self._http.delete(
                path, Deleted(arguments[operation.ids[-1]], operation.deleted)
            )
        return await self._http.post(operation.result, path, arguments.get("request"))

    async def stream_run(
        self, thread_id: str, request: CreateRun, *, include: tuple[str, ...] = ()
    ) -> EventStream:
        """Create a run and return its events."""
        path = self._path(AssistantsAPI.create_run, thread_id=thread_id)
        return await self._stream(path, request, SeenEvents(thread_id, include=include))

    async def stream_thread_and_run(self, request: CreateThreadAndRun) -> EventStream:
        """Create a thread and a run on it, and return the events."""
        path = self._path(AssistantsAPI.create_thread_and_run)
        return await self._stream(path, request, SeenEvents())

    async def stream_tool_outputs(
        self, thread_id: str, run_id: str, request: SubmitToolOutputs
    ) -> EventStream:
        """Submit the outputs that a run waits for, and return the events that follow."""
        path = self._path(AssistantsAPI.submit_tool_outputs, thread_id=thread_id, run_id=run_id)
        return await self._stream(path, request, SeenEvents(thread_id, run_id))

    async def poll_run(self, thread_id: str, run_id: str) -> tuple[Run, float | None]:
        """Return a run, and the seconds until the next poll if the server names them."""
        path = self._path(AssistantsAPI.retrieve_run, thread_id=thread_id, run_id=run_id)
        run, headers = await self._http.get_with_headers(Run, path)
        asked = headers.get("openai-poll-after-ms", "")
        if not asked.isdecimal() or len(asked) > 9:
            return run, None
        # Nobody waits for more than a minute without news.
        return run, min(max(int(asked), _SOONEST_MS), 60_000) / 1000

    async def upload_file(self, request: UploadFile, content: AsyncIterator[bytes]) -> File:
        """Upload a file; an exception of ``content`` is raised, and the server keeps nothing."""
        path = self._path(AssistantsAPI.upload_file)
        return await self._http.upload(File, path, UploadBody(checked(request), content))

    async def file_content(self, file_id: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Return a file's bytes in pieces; raises ``APIError`` before the first piece."""
        return await self._http.open(self._path(AssistantsAPI.file_content, file_id=file_id))

    async def follow_run(self, thread_id: str, run_id: str) -> EventStream:
        """Return the events of a run that exists already, by polling."""
        run, _ = await self.poll_run(thread_id, run_id)
        return follow(self, SeenEvents(thread_id, run_id), self._clock, run)

    @staticmethod
    def _path(function: Callable[..., Any], **ids: str) -> str:
        return path_of(request_of(function, ids), ids)

    async def _stream(self, path: str, request: msgspec.Struct, seen: SeenEvents) -> EventStream:
        try:
            response = await self._http.stream(path, request, included(seen.include))
        except APIError as error:
            if not names_stream(error):
                raise
            return self._from_start(await self._http.post(Run, path, request), seen)
        if response.content_type == "text/event-stream":
            return RunEventStream(self._http, response, seen, self._rest, self._rests)
        return self._from_start(await self._http.read_whole(response, Run), seen)

    def _rest(self, seen: SeenEvents) -> EventStream:
        return follow(self, seen, self._clock, None)

    async def _rests(self, seen: SeenEvents) -> bool:
        run = await self.retrieve_run(seen.thread_id or "", seen.run_id or "")
        return run.status in TERMINAL or run.status == "requires_action"

    async def _from_start(self, run: Run, seen: SeenEvents) -> EventStream:
        """Yield all events of a run that the server does not stream, by polling."""
        if seen.thread_id is None:
            yield StreamEvent("thread.created", await self.retrieve_thread(run.thread_id))
        if seen.run_id is None:
            yield StreamEvent("thread.run.created", run)
        seen.thread_id, seen.run_id = run.thread_id, run.id
        events = follow(self, seen, self._clock, run)
        try:
            async for event in events:
                yield event
        finally:
            await events.aclose()
