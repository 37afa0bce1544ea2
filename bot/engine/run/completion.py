"""Ends a run in the database: the run, its open step and its open message together."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from bot.assistants.events import message_event, run_event, step_event
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
from bot.runtime.metrics import Metrics
from bot.store.engine import Tables

_STEP_STATUS: Final[Mapping[RunStatus, StepStatus]] = {
    "cancelled": "cancelled",
    "expired": "expired",
    "failed": "failed",
    "incomplete": "completed",  # the API has no incomplete steps
    "completed": "completed",
}
"""The status of an open step when its run ends."""

_MESSAGE_REASON: Final[Mapping[RunStatus, MessageIncompleteReason]] = {
    "cancelled": "run_cancelled",
    "expired": "run_expired",
    "failed": "run_failed",
    "incomplete": "max_tokens",
}
"""Why an open message is incomplete when its run ends."""


class RunEnding(NamedTuple):
    """The status that ends a run, and the reason."""

    status: RunStatus
    error: LastError | None = None
    incomplete_details: IncompleteDetails | None = None
    message_reason: MessageIncompleteReason | None = None


class EndedRun(NamedTuple):
    """A run that has ended, with the steps and messages that ended with it."""

    run: Run
    steps: list[RunStep]
    messages: list[Message]

    def report(self, metrics: Metrics) -> None:
        """Count the end of the run and its tokens in the metrics."""
        used = self.run.usage or Usage(0, 0, 0)
        metrics.run_ended(
            self.run.status,
            self.run.model,
            prompt_tokens=used.prompt_tokens,
            completion_tokens=used.completion_tokens,
        )

    def publish(self, feed: RunFeed) -> None:
        """Publish the final events in the API's order: messages, steps, run."""
        for message in self.messages:
            feed.publish(message_event(message))
        for step in self.steps:
            feed.publish(step_event(step))
        feed.publish(run_event(self.run))


def end_run(
    tables: Tables, project: str, run_id: str, ending: RunEnding, now: int
) -> EndedRun | None:
    """End a run and what is open in it; return None if the run's status forbids that end."""
    # A list: a table must not be written while its rows are read.
    steps = list(tables.steps.each(run_id=run_id))
    changes = _run_changes(ending, now, total_usage(steps) + tables.summaries.usage(run_id))
    run = tables.move_run(project, run_id, ending.status, **changes)
    if run is None:
        return None
    ended = EndedRun(run, [], [])
    for step in steps:
        if step.status != "in_progress":
            continue
        step = replace(step, **_step_changes(ending, now))
        tables.steps.write(step, id=step.id, run_id=run_id)
        ended.steps.append(step)
        if isinstance(step.step_details, MessageCreationDetails):
            message_id = step.step_details.message_creation.message_id
            message = tables.messages.readable(id=message_id, thread_id=run.thread_id)
            if message is not None and message.status == "in_progress":
                message = replace(message, **_message_changes(ending, now))
                tables.messages.write(message, id=message.id, thread_id=run.thread_id)
                ended.messages.append(message)
    return ended


def discard_unfinished(tables: Tables, run: Run) -> None:
    """Delete a run's open steps and their messages, so that the run can be executed again.

    If the endpoint still has the model's last response, the finished steps made from that response
    are deleted as well, because the whole response is read again.
    """
    response_id = tables.response_of(run.id)
    read_again = tables.steps_of_response(run.id, response_id) if response_id else set()
    for step in list(tables.steps.each(run_id=run.id)):
        if step.status != "in_progress" and step.id not in read_again:
            continue
        if isinstance(step.step_details, MessageCreationDetails):
            tables.remove_message(run.thread_id, step.step_details.message_creation.message_id)
        tables.steps.delete(id=step.id, run_id=run.id)


def total_usage(steps: Iterable[RunStep]) -> Usage:
    """Return the sum of the tokens of all steps."""
    return sum((step.usage for step in steps if step.usage is not None), Usage(0, 0, 0))


def _run_changes(ending: RunEnding, now: int, usage: Usage) -> dict[str, Any]:
    changes: dict[str, Any] = {"usage": usage, "required_action": None, "last_error": ending.error}
    if ending.status in ("cancelled", "failed", "completed"):
        changes[f"{ending.status}_at"] = now
    if ending.status != "expired":
        changes["expires_at"] = None
    if ending.incomplete_details is not None:
        changes["incomplete_details"] = ending.incomplete_details
    return changes


def _step_changes(ending: RunEnding, now: int) -> dict[str, Any]:
    status = _STEP_STATUS[ending.status]
    changes: dict[str, Any] = {"status": status, f"{status}_at": now}
    if ending.error is not None:
        # The API gives steps fewer error codes than runs.
        limited = ending.error.code == "rate_limit_exceeded"
        code = ending.error.code if limited else "server_error"
        changes["last_error"] = LastError(code, ending.error.message)
    return changes


def _message_changes(ending: RunEnding, now: int) -> dict[str, Any]:
    if ending.status == "completed":
        return {"status": "completed", "completed_at": now}
    details = MessageIncomplete(ending.message_reason or _MESSAGE_REASON[ending.status])
    return {"status": "incomplete", "incomplete_at": now, "incomplete_details": details}
