"""The events of a streamed run: their names, their data, and the event of each status."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, cast, get_args

from msgspec import UNSET, Struct, UnsetType

from bot.assistants.errors import ErrorBody
from bot.assistants.schema.content import ContentDelta
from bot.assistants.schema.objects import CreatedMessage, Message, Role, Run, RunStep, Thread
from bot.assistants.schema.tools import ToolCallDelta
from bot.assistants.states import (
    TERMINAL,
    MessageStatus,
    RunStatus,
    StepStatus,
)

EventName = Literal[
    "thread.created",
    "thread.run.created",
    "thread.run.queued",
    "thread.run.in_progress",
    "thread.run.requires_action",
    "thread.run.completed",
    "thread.run.incomplete",
    "thread.run.failed",
    "thread.run.cancelling",
    "thread.run.cancelled",
    "thread.run.expired",
    "thread.run.step.created",
    "thread.run.step.in_progress",
    "thread.run.step.delta",
    "thread.run.step.completed",
    "thread.run.step.failed",
    "thread.run.step.cancelled",
    "thread.run.step.expired",
    "thread.message.created",
    "thread.message.in_progress",
    "thread.message.delta",
    "thread.message.completed",
    "thread.message.incomplete",
    "error",
]
"""Every event of a stream before its ``done``."""


def _events_of(prefix: str, statuses: Iterable[str]) -> Mapping[Any, EventName]:
    """Return the name of each status's event: ``prefix``, a dot and the status."""
    names = {status: cast("EventName", f"{prefix}.{status}") for status in statuses}
    return MappingProxyType(names)


RUN_EVENTS: Final[Mapping[RunStatus, EventName]] = _events_of("thread.run", get_args(RunStatus))
"""The event that says that a run has reached a status."""

STEP_EVENTS: Final[Mapping[StepStatus, EventName]] = _events_of(
    "thread.run.step", get_args(StepStatus)
)
"""The event that says that a run step has reached a status."""

MESSAGE_EVENTS: Final[Mapping[MessageStatus, EventName]] = _events_of(
    "thread.message", get_args(MessageStatus)
)
"""The event that says that a message has reached a status."""

LAST_EVENTS: Final[frozenset[EventName]] = frozenset(
    RUN_EVENTS[status] for status in (*TERMINAL, "requires_action")
)
"""The events that end a stream: the run has ended, or waits for tool outputs."""


class MessageDeltaBody(Struct, frozen=True, omit_defaults=True):
    """The new content of a message."""

    content: tuple[ContentDelta, ...] = ()
    role: Role | UnsetType = UNSET


class MessageDelta(Struct, frozen=True, kw_only=True):
    """A change of a message that the model is still writing."""

    id: str
    object: Literal["thread.message.delta"] = "thread.message.delta"
    delta: MessageDeltaBody


class MessageCreationDelta(
    Struct, frozen=True, tag_field="type", tag="message_creation", omit_defaults=True
):
    """The message that a run step creates."""

    message_creation: CreatedMessage | UnsetType = UNSET


class ToolCallsDelta(Struct, frozen=True, tag_field="type", tag="tool_calls", omit_defaults=True):
    """Changes of the tool calls of a run step."""

    tool_calls: tuple[ToolCallDelta, ...] = ()


class RunStepDeltaBody(Struct, frozen=True, omit_defaults=True):
    """The new details of a run step."""

    step_details: MessageCreationDelta | ToolCallsDelta | UnsetType = UNSET


class RunStepDelta(Struct, frozen=True, kw_only=True):
    """A change of a run step that is in progress."""

    id: str
    object: Literal["thread.run.step.delta"] = "thread.run.step.delta"
    delta: RunStepDeltaBody


EventData = Thread | Run | RunStep | RunStepDelta | Message | MessageDelta | ErrorBody


class StreamEvent(Struct, frozen=True):
    """One event: its name and its object."""

    event: EventName
    data: EventData


def run_event(run: Run) -> StreamEvent:
    """Return the event that says which status a run has reached."""
    return StreamEvent(RUN_EVENTS[run.status], run)


def step_event(step: RunStep) -> StreamEvent:
    """Return the event that says which status a run step has reached."""
    return StreamEvent(STEP_EVENTS[step.status], step)


def message_event(message: Message) -> StreamEvent:
    """Return the event that says which status a message has reached."""
    status = message.status if isinstance(message.status, str) else "completed"
    return StreamEvent(MESSAGE_EVENTS[status], message)
