"""The Assistants API as an interface, one method an operation.

The engine is one such, a client of a server elsewhere another; who holds it cannot tell.
"""

from collections.abc import AsyncGenerator
from typing import Protocol

from bot.assistants.events import StreamEvent
from bot.assistants.files_api import FilesAPI
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

EventStream = AsyncGenerator[StreamEvent, None]
"""The events of a run, ending when it ends or waits for tool outputs.

Closing it (``aclose``) stops the reading, never the run.
"""


class AssistantsAPI(FilesAPI, Protocol):
    """All operations of one project; each raises ``APIError`` when it is refused or fails.

    The ``stream_…`` operations raise before they return where the request is refused; later
    failures of the run are told by events, as the API does.
    """

    async def create_assistant(self, request: CreateAssistant) -> Assistant:
        """Make an assistant."""
        ...

    async def list_assistants(self, page: Page = ...) -> ListPage[Assistant]:
        """List the project's assistants."""
        ...

    async def retrieve_assistant(self, assistant_id: str) -> Assistant:
        """Return an assistant."""
        ...

    async def modify_assistant(self, assistant_id: str, request: ModifyAssistant) -> Assistant:
        """Change an assistant; runs that were created before keep what they were given."""
        ...

    async def delete_assistant(self, assistant_id: str) -> Deleted:
        """Delete an assistant; its threads and runs stay."""
        ...

    async def create_thread(self, request: CreateThread) -> Thread:
        """Make a thread, with its first messages."""
        ...

    async def retrieve_thread(self, thread_id: str) -> Thread:
        """Return a thread."""
        ...

    async def modify_thread(self, thread_id: str, request: ModifyThread) -> Thread:
        """Change a thread's metadata or tool resources."""
        ...

    async def delete_thread(self, thread_id: str) -> Deleted:
        """Delete a thread with its messages and runs; an active run is stopped."""
        ...

    async def create_message(self, thread_id: str, request: CreateMessage) -> Message:
        """Add a message to a thread on which no run is active."""
        ...

    async def list_messages(
        self, thread_id: str, page: Page = ..., *, run_id: str | None = None
    ) -> ListPage[Message]:
        """List a thread's messages, or those that one run made."""
        ...

    async def retrieve_message(self, thread_id: str, message_id: str) -> Message:
        """Return a message."""
        ...

    async def modify_message(
        self, thread_id: str, message_id: str, request: ModifyMessage
    ) -> Message:
        """Change a message's metadata."""
        ...

    async def delete_message(self, thread_id: str, message_id: str) -> Deleted:
        """Delete a message."""
        ...

    async def create_run(self, thread_id: str, request: CreateRun) -> Run:
        """Start a run; it comes back queued, and goes on by itself."""
        ...

    async def stream_run(
        self, thread_id: str, request: CreateRun, *, include: tuple[str, ...] = ()
    ) -> EventStream:
        """Start a run and return its events; ``include`` says what steps show beside the usual."""
        ...

    async def create_thread_and_run(self, request: CreateThreadAndRun) -> Run:
        """Make a thread and start a run on it."""
        ...

    async def stream_thread_and_run(self, request: CreateThreadAndRun) -> EventStream:
        """Make a thread, start a run on it and return its events."""
        ...

    async def list_runs(self, thread_id: str, page: Page = ...) -> ListPage[Run]:
        """List a thread's runs."""
        ...

    async def retrieve_run(self, thread_id: str, run_id: str) -> Run:
        """Return a run."""
        ...

    async def modify_run(self, thread_id: str, run_id: str, request: ModifyRun) -> Run:
        """Change a run's metadata."""
        ...

    async def submit_tool_outputs(
        self, thread_id: str, run_id: str, request: SubmitToolOutputs
    ) -> Run:
        """Hand a waiting run the outputs of all its calls; it goes on by itself."""
        ...

    async def stream_tool_outputs(
        self, thread_id: str, run_id: str, request: SubmitToolOutputs
    ) -> EventStream:
        """Hand a waiting run its outputs and return the events that follow."""
        ...

    async def cancel_run(self, thread_id: str, run_id: str) -> Run:
        """Tell a run to stop; it comes back ``cancelling`` and is ``cancelled`` soon after."""
        ...

    async def list_steps(
        self, thread_id: str, run_id: str, page: Page = ..., *, include: tuple[str, ...] = ()
    ) -> ListPage[RunStep]:
        """List a run's steps."""
        ...

    async def retrieve_step(
        self, thread_id: str, run_id: str, step_id: str, *, include: tuple[str, ...] = ()
    ) -> RunStep:
        """Return a step."""
        ...
