"""The operations of the Assistants API, each one request to a server elsewhere."""

import re
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

import aiohttp
import msgspec

from bot.assistants.api import EventStream
from bot.assistants.errors import APIError, Noun, not_found
from bot.assistants.events import StreamEvent
from bot.assistants.objects import Assistant, Deleted, ListPage, Message, Run, RunStep, Thread
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
    Page,
    SubmitToolOutputs,
)
from bot.client.failures import names_stream
from bot.client.polling import Seen, follow
from bot.client.streams import RunEvents
from bot.client.transport import Query, Timeouts, Transport
from bot.clock import Clock, SystemClock
from bot.wire.retry import RetryPolicy

_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+\Z")


class Client:
    """An ``AssistantsAPI`` at ``base_url`` (the ``/v1`` of any server that speaks the API).

    Every operation raises ``APIError`` as the server words it, and ``UnreachableError`` where no
    usable answer came. ``max_body`` bounds an answer, in bytes.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        session: aiohttp.ClientSession | None = None,
        timeouts: Timeouts | None = None,
        retries: RetryPolicy | None = None,
        clock: Clock | None = None,
        max_body: int = 64 * 1024 * 1024,
    ) -> None:
        self._clock = clock or SystemClock()
        self._http = Transport(
            base_url,
            api_key,
            session=session,
            timeouts=timeouts or Timeouts(),
            retries=retries or RetryPolicy(),
            clock=self._clock,
            max_body=max_body,
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def create_assistant(self, request: CreateAssistant) -> Assistant:
        """Make an assistant."""
        return await self._http.post(Assistant, "/assistants", request)

    async def list_assistants(self, page: Page = FIRST_PAGE) -> ListPage[Assistant]:
        """List the project's assistants."""
        return await self._http.get(ListPage[Assistant], "/assistants", _query(page))

    async def retrieve_assistant(self, assistant_id: str) -> Assistant:
        """Return an assistant."""
        return await self._http.get(Assistant, _assistant(assistant_id))

    async def modify_assistant(self, assistant_id: str, request: ModifyAssistant) -> Assistant:
        """Change an assistant."""
        return await self._http.post(Assistant, _assistant(assistant_id), request)

    async def delete_assistant(self, assistant_id: str) -> Deleted:
        """Delete an assistant."""
        gone = Deleted(assistant_id, "assistant.deleted")
        return await self._http.delete(_assistant(assistant_id), gone)

    async def create_thread(self, request: CreateThread) -> Thread:
        """Make a thread, with its first messages."""
        return await self._http.post(Thread, "/threads", request)

    async def retrieve_thread(self, thread_id: str) -> Thread:
        """Return a thread."""
        return await self._http.get(Thread, _thread(thread_id))

    async def modify_thread(self, thread_id: str, request: ModifyThread) -> Thread:
        """Change a thread's metadata or tool resources."""
        return await self._http.post(Thread, _thread(thread_id), request)

    async def delete_thread(self, thread_id: str) -> Deleted:
        """Delete a thread with its messages and runs."""
        return await self._http.delete(_thread(thread_id), Deleted(thread_id, "thread.deleted"))

    async def create_message(self, thread_id: str, request: CreateMessage) -> Message:
        """Add a message to a thread."""
        return await self._http.post(Message, f"{_thread(thread_id)}/messages", request)

    async def list_messages(
        self, thread_id: str, page: Page = FIRST_PAGE, *, run_id: str | None = None
    ) -> ListPage[Message]:
        """List a thread's messages, or those that one run made."""
        query = _query(page)
        if run_id is not None:
            query = (*query, ("run_id", run_id))
        return await self._http.get(ListPage[Message], f"{_thread(thread_id)}/messages", query)

    async def retrieve_message(self, thread_id: str, message_id: str) -> Message:
        """Return a message."""
        return await self._http.get(Message, _message(thread_id, message_id))

    async def modify_message(
        self, thread_id: str, message_id: str, request: ModifyMessage
    ) -> Message:
        """Change a message's metadata."""
        return await self._http.post(Message, _message(thread_id, message_id), request)

    async def delete_message(self, thread_id: str, message_id: str) -> Deleted:
        """Delete a message."""
        gone = Deleted(message_id, "thread.message.deleted")
        return await self._http.delete(_message(thread_id, message_id), gone)

    async def create_run(self, thread_id: str, request: CreateRun) -> Run:
        """Start a run."""
        return await self._http.post(Run, f"{_thread(thread_id)}/runs", request)

    async def stream_run(self, thread_id: str, request: CreateRun) -> EventStream:
        """Start a run and return its events."""
        return await self._stream(f"{_thread(thread_id)}/runs", request, Seen(thread_id))

    async def create_thread_and_run(self, request: CreateThreadAndRun) -> Run:
        """Make a thread and start a run on it."""
        return await self._http.post(Run, "/threads/runs", request)

    async def stream_thread_and_run(self, request: CreateThreadAndRun) -> EventStream:
        """Make a thread, start a run on it and return its events."""
        return await self._stream("/threads/runs", request, Seen())

    async def list_runs(self, thread_id: str, page: Page = FIRST_PAGE) -> ListPage[Run]:
        """List a thread's runs."""
        return await self._http.get(ListPage[Run], f"{_thread(thread_id)}/runs", _query(page))

    async def retrieve_run(self, thread_id: str, run_id: str) -> Run:
        """Return a run."""
        return await self._http.get(Run, _run(thread_id, run_id))

    async def poll_run(self, thread_id: str, run_id: str) -> tuple[Run, float | None]:
        """Return a run, and the seconds after which the server wants to be asked again."""
        run, headers = await self._http.get_with_headers(Run, _run(thread_id, run_id))
        asked = headers.get("openai-poll-after-ms", "")
        # More than a minute would be longer than anybody waits without a word.
        return run, min(int(asked), 60_000) / 1000 if asked.isdecimal() else None

    async def modify_run(self, thread_id: str, run_id: str, request: ModifyRun) -> Run:
        """Change a run's metadata."""
        return await self._http.post(Run, _run(thread_id, run_id), request)

    async def submit_tool_outputs(
        self, thread_id: str, run_id: str, request: SubmitToolOutputs
    ) -> Run:
        """Hand a waiting run the outputs of all its calls."""
        path = f"{_run(thread_id, run_id)}/submit_tool_outputs"
        return await self._http.post(Run, path, request)

    async def stream_tool_outputs(
        self, thread_id: str, run_id: str, request: SubmitToolOutputs
    ) -> EventStream:
        """Hand a waiting run its outputs and return the events that follow."""
        path = f"{_run(thread_id, run_id)}/submit_tool_outputs"
        return await self._stream(path, request, Seen(thread_id, run_id))

    async def cancel_run(self, thread_id: str, run_id: str) -> Run:
        """Tell a run to stop."""
        return await self._http.post(Run, f"{_run(thread_id, run_id)}/cancel")

    async def list_steps(
        self,
        thread_id: str,
        run_id: str,
        page: Page = FIRST_PAGE,
        *,
        include: tuple[str, ...] = (),
    ) -> ListPage[RunStep]:
        """List a run's steps."""
        query = _query(page) + _include(include)
        return await self._http.get(ListPage[RunStep], f"{_run(thread_id, run_id)}/steps", query)

    async def retrieve_step(
        self, thread_id: str, run_id: str, step_id: str, *, include: tuple[str, ...] = ()
    ) -> RunStep:
        """Return a step."""
        path = f"{_run(thread_id, run_id)}/steps/{_id('run step', step_id)}"
        return await self._http.get(RunStep, path, _include(include))

    async def _stream(self, path: str, request: msgspec.Struct, seen: Seen) -> EventStream:
        try:
            response = await self._http.stream(path, request)
        except APIError as error:
            if not names_stream(error):
                raise
            return self._from_start(await self._http.post(Run, path, request), seen)
        if response.content_type == "text/event-stream":
            return RunEvents(self._http, response, seen, self._rest)
        return self._from_start(await self._http.read_whole(response, Run), seen)

    def _rest(self, seen: Seen) -> EventStream:
        return follow(self, seen, self._clock, None)

    async def _from_start(self, run: Run, seen: Seen) -> EventStream:
        """Tell by polling all events of a run that the server would not stream."""
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


def _assistant(assistant_id: str) -> str:
    return f"/assistants/{_id('assistant', assistant_id)}"


def _thread(thread_id: str) -> str:
    return f"/threads/{_id('thread', thread_id)}"


def _message(thread_id: str, message_id: str) -> str:
    return f"{_thread(thread_id)}/messages/{_id('message', message_id)}"


def _run(thread_id: str, run_id: str) -> str:
    return f"{_thread(thread_id)}/runs/{_id('run', run_id)}"


def _id(noun: Noun, id_: str) -> str:
    """Return an id as a path spells it; what would change the path is no id at all."""
    if _PLAIN.match(id_):
        return id_
    if id_ in ("", ".", ".."):
        raise not_found(noun, id_)
    return quote(id_, safe="")


def _query(page: Page) -> Query:
    if page is FIRST_PAGE:
        return ()
    return tuple((name, str(value)) for name, value in msgspec.to_builtins(page).items())


def _include(include: tuple[str, ...]) -> Query:
    return tuple(("include[]", value) for value in include)
