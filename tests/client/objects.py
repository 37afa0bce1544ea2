"""Objects of one run, as a server tells them."""

from typing import Any

from bot.assistants.events import MessageDelta, MessageDeltaBody
from bot.assistants.schema.content import TextDelta, TextPart, TextValue, TextValueDelta
from bot.assistants.schema.objects import (
    CreatedMessage,
    ListPage,
    Message,
    MessageCreationDetails,
    RunStep,
)


def message(status: Any = "completed", text: str = "one two", id_: str = "msg_1") -> Message:
    return Message(
        id=id_,
        created_at=1,
        thread_id="thread_1",
        status=status,
        role="assistant",
        content=(TextPart(TextValue(text)),) if text else (),
        run_id="run_1",
    )


def step(status: Any = "completed", id_: str = "step_1", message_id: str = "msg_1") -> RunStep:
    return RunStep(
        id=id_,
        created_at=1,
        assistant_id="asst_1",
        thread_id="thread_1",
        run_id="run_1",
        type="message_creation",
        status=status,
        step_details=MessageCreationDetails(CreatedMessage(message_id)),
    )


def delta(text: str) -> MessageDelta:
    piece = TextDelta(0, TextValueDelta(text))
    return MessageDelta(id="msg_1", delta=MessageDeltaBody(content=(piece,)))


def page(*items: Any, has_more: bool = False) -> ListPage[Any]:
    return ListPage(data=items, has_more=has_more)
