"""The operations of the Assistants API, each as one HTTP request."""

from typing import Any, Final, Self

import aiohttp
import msgspec

from bot.assistants.api import EventStream
from bot.assistants.errors import APIError
from bot.assistants.events import StreamEvent
from bot.assistants.schema.imports import ImportObjects, ImportReport
from bot.assistants.schema.objects import (
    Assistant,
    Deleted,
    ListPage,
    Message,
    Run,
    RunStep,
    Thread,
)
from bot.assistants.schema.requests import (
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
    Page,
    SubmitToolOutputs,
)
from bot.assistants.seen_events import SeenEvents
from bot.assistants.states import TERMINAL
from bot.client.errors import names_stream
from bot.client.files import FilesClient
from bot.client.paths import (
    assistant_path,
    included,
    message_path,
    page_query,
    quoted,
    run_path,
    thread_path,
)
from bot.client.polling import follow
from bot.client.streams import RunEventStream
from bot.client.transport import ClientTimeouts, Transport
from bot.runtime.clock import Clock, SystemClock
from bot.runtime.retry import RetryPolicy

_SOONEST_MS: Final = 100
"""The shortest time between two polls, in milliseconds, though some servers say 0."""


class _ModelList(msgspec.Struct):
    data: tuple[dict[str, Any], ...] = ()


class Client(FilesClient):
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
        super().__init__(
            Transport(
                base_url,
                api_key,
                session=session,
                timeouts=timeouts or ClientTimeouts(),
                retries=retries or RetryPolicy(),
                clock=self._clock,
                max_body=max_body,
            )
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

    async def create_assistant(self, request: CreateAssistant) -> Assistant:
        """Create an assistant."""
        return await self._http.post(Assistant, "/assistants", request)

    async def list_assistants(self, page: Page = FIRST_PAGE) -> ListPage[Assistant]:
        """List the project's assistants."""
        return await self._http.get(ListPage[Assistant], "/assistants", page_query(page))

    async def retrieve_assistant(self, assistant_id: str) -> Assistant:
        """Return an assistant."""
        return await self._http.get(Assistant, assistant_path(assistant_id))

    async def modify_assistant(self, assistant_id: str, request: ModifyAssistant) -> Assistant:
        """Change an assistant."""
        return await self._http.post(Assistant, assistant_path(assistant_id), request)

    async def delete_assistant(self, assistant_id: str) -> Deleted:
        """Delete an assistant."""
        gone = Deleted(assistant_id, "assistant.deleted")
        return await self._http.delete(assistant_path(assistant_id), gone)

    async def create_thread(self, request: CreateThread) -> Thread:
        """Create a thread with its first messages."""
        return await self._http.post(Thread, "/threads", request)

    async def list_threads(self, page: Page = FIRST_PAGE) -> ListPage[Thread]:
        """List the project's threads."""
        return await self._http.get(ListPage[Thread], "/threads", page_query(page))

    async def import_objects(self, request: ImportObjects) -> ImportReport:
        """Store objects that another server made, with their ids."""
        return await self._http.post(ImportReport, "/import", request)

    async def retrieve_thread(self, thread_id: str) -> Thread:
        """Return a thread."""
        return await self._http.get(Thread, thread_path(thread_id))

    async def modify_thread(self, thread_id: str, request: ModifyThread) -> Thread:
        """Change a thread's metadata or tool resources."""
        return await self._http.post(Thread, thread_path(thread_id), request)

    async def delete_thread(self, thread_id: str) -> Deleted:
        """Delete a thread with its messages and runs."""
        return await self._http.delete(thread_path(thread_id), Deleted(thread_id, "thread.deleted"))

    async def create_message(self, thread_id: str, request: CreateMessage) -> Message:
        """Add a message to a thread."""
        return await self._http.post(Message, f"{thread_path(thread_id)}/messages", request)

    async def list_messages(
        self, thread_id: str, page: Page = FIRST_PAGE, *, run_id: str | None = None
    ) -> ListPage[Message]:
        """List a thread's messages, or the messages of one run."""
        query = page_query(page)
        if run_id is not None:
            query = (*query, ("run_id", run_id))
        return await self._http.get(ListPage[Message], f"{thread_path(thread_id)}/messages", query)

    async def retrieve_message(self, thread_id: str, message_id: str) -> Message:
        """Return a message."""
        return await self._http.get(Message, message_path(thread_id, message_id))

    async def modify_message(
        self, thread_id: str, message_id: str, request: ModifyMessage
    ) -> Message:
        """Change a message's metadata."""
        return await self._http.post(Message, message_path(thread_id, message_id), request)

    async def delete_message(self, thread_id: str, message_id: str) -> Deleted:
        """Delete a message."""
        gone = Deleted(message_id, "thread.message.deleted")
        return await self._http.delete(message_path(thread_id, message_id), gone)

    async def create_run(self, thread_id: str, request: CreateRun) -> Run:
        """Create a run."""
        return await self._http.post(Run, f"{thread_path(thread_id)}/runs", request)

    async def stream_run(
        self, thread_id: str, request: CreateRun, *, include: tuple[str, ...] = ()
    ) -> EventStream:
        """Create a run and return its events."""
        seen = SeenEvents(thread_id, include=include)
        return await self._stream(f"{thread_path(thread_id)}/runs", request, seen)

    async def create_thread_and_run(self, request: CreateThreadAndRun) -> Run:
        """Create a thread and a run on it."""
        return await self._http.post(Run, "/threads/runs", request)

    async def stream_thread_and_run(self, request: CreateThreadAndRun) -> EventStream:
        """Create a thread and a run on it, and return the events."""
        return await self._stream("/threads/runs", request, SeenEvents())

    async def list_runs(self, thread_id: str, page: Page = FIRST_PAGE) -> ListPage[Run]:
        """List a thread's runs."""
        return await self._http.get(
            ListPage[Run], f"{thread_path(thread_id)}/runs", page_query(page)
        )

    async def retrieve_run(self, thread_id: str, run_id: str) -> Run:
        """Return a run."""
        return await self._http.get(Run, run_path(thread_id, run_id))

    async def poll_run(self, thread_id: str, run_id: str) -> tuple[Run, float | None]:
        """Return a run, and the seconds until the next poll if the server names them."""
        run, headers = await self._http.get_with_headers(Run, run_path(thread_id, run_id))
        asked = headers.get("openai-poll-after-ms", "")
        if not asked.isdecimal() or len(asked) > 9:
            return run, None
        # Nobody waits for more than a minute without news.
        return run, min(max(int(asked), _SOONEST_MS), 60_000) / 1000

    async def modify_run(self, thread_id: str, run_id: str, request: ModifyRun) -> Run:
        """Change a run's metadata."""
        return await self._http.post(Run, run_path(thread_id, run_id), request)

    async def submit_tool_outputs(
        self, thread_id: str, run_id: str, request: SubmitToolOutputs
    ) -> Run:
        """Submit the outputs of all calls that a run waits for."""
        path = f"{run_path(thread_id, run_id)}/submit_tool_outputs"
        return await self._http.post(Run, path, request)

    async def stream_tool_outputs(
        self, thread_id: str, run_id: str, request: SubmitToolOutputs
    ) -> EventStream:
        """Submit the outputs that a run waits for, and return the events that follow."""
        path = f"{run_path(thread_id, run_id)}/submit_tool_outputs"
        return await self._stream(path, request, SeenEvents(thread_id, run_id))

    async def follow_run(self, thread_id: str, run_id: str) -> EventStream:
        """Return the events of a run that exists already, by polling."""
        run, _ = await self.poll_run(thread_id, run_id)
        return follow(self, SeenEvents(thread_id, run_id), self._clock, run)

    async def cancel_run(self, thread_id: str, run_id: str) -> Run:
        """Cancel a run."""
        return await self._http.post(Run, f"{run_path(thread_id, run_id)}/cancel")

    async def list_steps(
        self,
        thread_id: str,
        run_id: str,
        page: Page = FIRST_PAGE,
        *,
        include: tuple[str, ...] = (),
    ) -> ListPage[RunStep]:
        """List a run's steps."""
        query = page_query(page) + included(include)
        return await self._http.get(
            ListPage[RunStep], f"{run_path(thread_id, run_id)}/steps", query
        )

    async def retrieve_step(
        self, thread_id: str, run_id: str, step_id: str, *, include: tuple[str, ...] = ()
    ) -> RunStep:
        """Return a step."""
        path = f"{run_path(thread_id, run_id)}/steps/{quoted('run step', step_id)}"
        return await self._http.get(RunStep, path, included(include))

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
