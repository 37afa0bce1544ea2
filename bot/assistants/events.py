"""What a streamed run tells, in the API's names and order."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from bot.assistants.errors import ErrorBody
from bot.assistants.schema.content import ContentDelta
from bot.assistants.schema.objects import CreatedMessage, Message, Role, Run, RunStep, Thread
from bot.assistants.schema.tools import ToolCallDelta

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
"""All that a stream can say before its ``done``."""


class MessageDeltaBody(Struct, frozen=True, omit_defaults=True):
    """What is new in a message."""

    content: tuple[ContentDelta, ...] = ()
    role: Role | UnsetType = UNSET


class MessageDelta(Struct, frozen=True, kw_only=True):
    """A piece of a message that is being written."""

    id: str
    object: Literal["thread.message.delta"] = "thread.message.delta"
    delta: MessageDeltaBody


class MessageCreationDelta(
    Struct, frozen=True, tag_field="type", tag="message_creation", omit_defaults=True
):
    """The message that a step makes."""

    message_creation: CreatedMessage | UnsetType = UNSET


class ToolCallsDelta(Struct, frozen=True, tag_field="type", tag="tool_calls", omit_defaults=True):
    """Pieces of the calls that a step makes."""

    tool_calls: tuple[ToolCallDelta, ...] = ()


class RunStepDeltaBody(Struct, frozen=True, omit_defaults=True):
    """What is new in a step."""

    step_details: MessageCreationDelta | ToolCallsDelta | UnsetType = UNSET


class RunStepDelta(Struct, frozen=True, kw_only=True):
    """A piece of a step that is being made."""

    id: str
    object: Literal["thread.run.step.delta"] = "thread.run.step.delta"
    delta: RunStepDeltaBody


EventData = Thread | Run | RunStep | RunStepDelta | Message | MessageDelta | ErrorBody


class StreamEvent(Struct, frozen=True):
    """One event: its name and the object it is about."""

    event: EventName
    data: EventData
