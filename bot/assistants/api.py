"""The Assistants API as an interface, with one method for each operation.

The engine in this process and the client of a server elsewhere both implement it.
"""

from collections.abc import AsyncGenerator
from typing import Protocol

from bot.assistants.events import StreamEvent
from bot.assistants.files_api import FilesAPI
from bot.assistants.operations import operation
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
"""The events of a run, until the run ends or waits for tool outputs.

Closing the stream (``aclose``) does not stop the run.
"""


class AssistantsAPI(FilesAPI, Protocol):
    """All operations of one project; each raises ``APIError`` if it is refused or fails.

    A ``stream_…`` operation raises before it returns its stream if the request is refused. If the
    run fails later, an event of the stream says so.
    """

    @operation("POST", "/assistants")
    async def create_assistant(self, request: CreateAssistant) -> Assistant:
        """Create an assistant."""

    @operation("GET", "/assistants")
    async def list_assistants(self, page: Page = ...) -> ListPage[Assistant]:
        """List the project's assistants."""

    @operation("GET", "/assistants/{assistant_id}")
    async def retrieve_assistant(self, assistant_id: str) -> Assistant:
        """Return an assistant."""

    @operation("POST", "/assistants/{assistant_id}")
    async def modify_assistant(self, assistant_id: str, request: ModifyAssistant) -> Assistant:
        """Change an assistant; runs that exist already keep their settings."""

    @operation("DELETE", "/assistants/{assistant_id}", deleted="assistant.deleted")
    async def delete_assistant(self, assistant_id: str) -> Deleted:
        """Delete an assistant; its threads and runs stay."""

    @operation("POST", "/threads")
    async def create_thread(self, request: CreateThread) -> Thread:
        """Create a thread with its first messages."""

    @operation("GET", "/threads", extension=True)
    async def list_threads(self, page: Page = ...) -> ListPage[Thread]:
        """List the project's threads; an extension, which the API does not have."""

    @operation("POST", "/import", extension=True)
    async def import_objects(self, request: ImportObjects) -> ImportReport:
        """Store objects that another server made, with their ids; an extension of this project.

        An object that is there already stays as it is. An object that can't be stored is refused in
        the report, and the others are stored. References to files stay, though files are not part
        of an import.
        """

    @operation("GET", "/threads/{thread_id}")
    async def retrieve_thread(self, thread_id: str) -> Thread:
        """Return a thread."""

    @operation("POST", "/threads/{thread_id}")
    async def modify_thread(self, thread_id: str, request: ModifyThread) -> Thread:
        """Change a thread's metadata or tool resources."""

    @operation("DELETE", "/threads/{thread_id}", deleted="thread.deleted")
    async def delete_thread(self, thread_id: str) -> Deleted:
        """Delete a thread with its messages and runs; an unfinished run is stopped."""

    @operation("POST", "/threads/{thread_id}/messages")
    async def create_message(self, thread_id: str, request: CreateMessage) -> Message:
        """Add a message to a thread that has no unfinished run."""

    @operation("GET", "/threads/{thread_id}/messages")
    async def list_messages(
        self, thread_id: str, page: Page = ..., *, run_id: str | None = None
    ) -> ListPage[Message]:
        """List a thread's messages, or only those of one run."""

    @operation("GET", "/threads/{thread_id}/messages/{message_id}")
    async def retrieve_message(self, thread_id: str, message_id: str) -> Message:
        """Return a message."""

    @operation("POST", "/threads/{thread_id}/messages/{message_id}")
    async def modify_message(
        self, thread_id: str, message_id: str, request: ModifyMessage
    ) -> Message:
        """Change a message's metadata."""

    @operation(
        "DELETE", "/threads/{thread_id}/messages/{message_id}", deleted="thread.message.deleted"
    )
    async def delete_message(self, thread_id: str, message_id: str) -> Deleted:
        """Delete a message."""

    @operation("POST", "/threads/{thread_id}/runs")
    async def create_run(self, thread_id: str, request: CreateRun) -> Run:
        """Start a run and return it ``queued``; it is executed in the background."""

    async def stream_run(
        self, thread_id: str, request: CreateRun, *, include: tuple[str, ...] = ()
    ) -> EventStream:
        """Start a run and return its events; ``include`` names additional fields of its steps."""

    @operation("POST", "/threads/runs")
    async def create_thread_and_run(self, request: CreateThreadAndRun) -> Run:
        """Create a thread and start a run on it."""

    async def stream_thread_and_run(self, request: CreateThreadAndRun) -> EventStream:
        """Create a thread, start a run on it and return its events."""

    @operation("GET", "/threads/{thread_id}/runs")
    async def list_runs(self, thread_id: str, page: Page = ...) -> ListPage[Run]:
        """List a thread's runs."""

    @operation("GET", "/threads/{thread_id}/runs/{run_id}")
    async def retrieve_run(self, thread_id: str, run_id: str) -> Run:
        """Return a run."""

    @operation("POST", "/threads/{thread_id}/runs/{run_id}")
    async def modify_run(self, thread_id: str, run_id: str, request: ModifyRun) -> Run:
        """Change a run's metadata."""

    @operation("POST", "/threads/{thread_id}/runs/{run_id}/submit_tool_outputs")
    async def submit_tool_outputs(
        self, thread_id: str, run_id: str, request: SubmitToolOutputs
    ) -> Run:
        """Give a run in ``requires_action`` the outputs of all its calls; it goes on."""

    async def stream_tool_outputs(
        self, thread_id: str, run_id: str, request: SubmitToolOutputs
    ) -> EventStream:
        """Give a run in ``requires_action`` its outputs and return the events that follow."""

    async def follow_run(self, thread_id: str, run_id: str) -> EventStream:
        """Return the events of a run that exists already, such as one made before a restart.

        The stream begins with the steps, the complete messages and the status that are stored.
        Then it goes on with what follows, and ends where every stream ends. An object that is
        under way when the stream begins has no deltas: its event comes once it is complete.
        """

    @operation("POST", "/threads/{thread_id}/runs/{run_id}/cancel")
    async def cancel_run(self, thread_id: str, run_id: str) -> Run:
        """Stop a run; it is returned ``cancelling`` and becomes ``cancelled`` soon after."""

    @operation("GET", "/threads/{thread_id}/runs/{run_id}/steps")
    async def list_steps(
        self, thread_id: str, run_id: str, page: Page = ..., *, include: tuple[str, ...] = ()
    ) -> ListPage[RunStep]:
        """List a run's steps; ``include`` names additional fields."""

    @operation("GET", "/threads/{thread_id}/runs/{run_id}/steps/{step_id}")
    async def retrieve_step(
        self, thread_id: str, run_id: str, step_id: str, *, include: tuple[str, ...] = ()
    ) -> RunStep:
        """Return a run step; ``include`` names additional fields."""
