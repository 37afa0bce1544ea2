"""How a run is brought to its end, by whoever ends it: its steps, its message, itself."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from msgspec.structs import replace

from bot.assistants.events import EventName, StreamEvent
from bot.assistants.schema.objects import (
    IncompleteDetails,
    LastError,
    Message,
    MessageCreationDetails,
    MessageIncomplete,
    Run,
    RunStep,
    Usage,
)
from bot.assistants.states import MessageIncompleteReason, RunStatus, StepStatus
from bot.engine.run.run_events import RunFeed
from bot.store.engine import Tables

_STEP_END: dict[RunStatus, StepStatus] = {
    "cancelled": "cancelled",
    "expired": "expired",
    "failed": "failed",
    "incomplete": "completed",  # steps have no such state (see the API's description)
    "completed": "completed",
}
_MESSAGE_END: dict[RunStatus, MessageIncompleteReason] = {
    "cancelled": "run_cancelled",
    "expired": "run_expired",
    "failed": "run_failed",
    "incomplete": "max_tokens",
}
_RUN_EVENT: dict[RunStatus, EventName] = {
    "cancelled": "thread.run.cancelled",
    "expired": "thread.run.expired",
    "failed": "thread.run.failed",
    "incomplete": "thread.run.incomplete",
    "completed": "thread.run.completed",
}
_STEP_EVENT: dict[StepStatus, EventName] = {
    "completed": "thread.run.step.completed",
    "failed": "thread.run.step.failed",
    "cancelled": "thread.run.step.cancelled",
    "expired": "thread.run.step.expired",
}


class RunEnding(NamedTuple):
    """The end a run is brought to, and why."""

    status: RunStatus
    error: LastError | None = None
    limit: IncompleteDetails | None = None
    message_reason: MessageIncompleteReason | None = None


class EndedRun(NamedTuple):
    """What ended together, as it is on disk now."""

    run: Run
    steps: list[RunStep]
    messages: list[Message]

    def tell(self, feed: RunFeed) -> None:
        """Tell it in the API's order: the message, its step, the run."""
        for message in self.messages:
            done = message.status == "completed"
            name: EventName = "thread.message.completed" if done else "thread.message.incomplete"
            feed.tell(StreamEvent(name, message))
        for step in self.steps:
            feed.tell(StreamEvent(_STEP_EVENT[step.status], step))
        feed.tell(StreamEvent(_RUN_EVENT[self.run.status], self.run))


def end_run(tables: Tables, project: str, run_id: str, end: RunEnding, now: int) -> EndedRun | None:
    """End a run with whatever of it goes on; None where its state does not allow that end."""
    usage = spent(tables.steps.each(run_id=run_id))
    run = tables.move_run(project, run_id, end.status, **_run_changes(end, now, usage))
    if run is None:
        return None
    ended = EndedRun(run, [], [])
    steps = tables.steps.each(run_id=run_id)
    for step in [step for step in steps if step.status == "in_progress"]:
        step = replace(step, **_step_changes(end, now))
        tables.steps.write(step, id=step.id, run_id=run_id)
        ended.steps.append(step)
        if isinstance(step.step_details, MessageCreationDetails):
            message_id = step.step_details.message_creation.message_id
            message = tables.messages.readable(id=message_id, thread_id=run.thread_id)
            if message is not None and message.status == "in_progress":
                message = replace(message, **_message_changes(end, now))
                tables.messages.write(message, id=message.id, thread_id=run.thread_id)
                ended.messages.append(message)
    return ended


def forget_unfinished(tables: Tables, run: Run) -> None:
    """Take back what a run had not finished when its process died, so that it can be repeated.

    A response that the endpoint still has is read again whole, also what was finished of it.
    """
    response_id = tables.response_of(run.id)
    again = tables.steps_of_response(run.id, response_id) if response_id else set()
    steps = tables.steps.each(run_id=run.id)
    for step in [step for step in steps if step.status == "in_progress" or step.id in again]:
        if isinstance(step.step_details, MessageCreationDetails):
            created = step.step_details.message_creation.message_id
            tables.remove_message(run.thread_id, created)
        tables.steps.delete(id=step.id, run_id=run.id)


def spent(steps: Iterable[RunStep]) -> Usage:
    """Return the tokens of all steps together."""
    return sum((step.usage for step in steps if step.usage is not None), Usage(0, 0, 0))


def _run_changes(end: RunEnding, now: int, usage: Usage) -> dict[str, Any]:
    changes: dict[str, Any] = {"usage": usage, "required_action": None, "last_error": end.error}
    if end.status in ("cancelled", "failed", "completed"):
        changes[f"{end.status}_at"] = now
    if end.status != "expired":
        changes["expires_at"] = None
    if end.limit is not None:
        changes["incomplete_details"] = end.limit
    return changes


def _step_changes(end: RunEnding, now: int) -> dict[str, Any]:
    status = _STEP_END[end.status]
    changes: dict[str, Any] = {"status": status, f"{status}_at": now}
    if end.error is not None:
        # A step's error knows fewer codes than a run's (see the API's description).
        limited = end.error.code == "rate_limit_exceeded"
        code = end.error.code if limited else "server_error"
        changes["last_error"] = LastError(code, end.error.message)
    return changes


def _message_changes(end: RunEnding, now: int) -> dict[str, Any]:
    if end.status == "completed":
        return {"status": "completed", "completed_at": now}
    reason = end.message_reason or _MESSAGE_END[end.status]
    details = MessageIncomplete(reason)
    return {"status": "incomplete", "incomplete_at": now, "incomplete_details": details}
