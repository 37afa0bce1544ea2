"""What the tests of this room ask a model, and how they hear the whole answer."""

from typing import Any

from bot.models.types import (
    Finished,
    Model,
    ModelError,
    ModelEvent,
    ModelRequest,
    ModelTextDelta,
    SystemMessage,
    Text,
    TextWithdrawn,
    UserMessage,
)


def asking(text: str = "Hi", model: str = "m", **fields: Any) -> ModelRequest:
    """A short conversation that ends with this text."""
    items = (SystemMessage("Be kind."), UserMessage((Text(text),)))
    return ModelRequest(model=model, items=items, **fields)


async def collect(model: Model, request: ModelRequest | None = None) -> list[ModelEvent]:
    """All events of an answer."""
    return [event async for event in model.stream(request or asking())]


async def collect_until_error(
    model: Model, request: ModelRequest | None = None
) -> tuple[str, ModelError]:
    """The text that came before the answer failed, and the failure."""
    said = ""
    try:
        async for event in model.stream(request or asking()):
            if isinstance(event, ModelTextDelta):
                said += event.text
            assert not isinstance(event, Finished), "the answer was finished"
    except ModelError as error:
        return said, error
    raise AssertionError("the stream ended without Finished and without an error")


def said(events: list[ModelEvent]) -> str:
    """The text of an answer, without what was withdrawn."""
    text = ""
    for event in events:
        if isinstance(event, ModelTextDelta):
            text += event.text
        elif isinstance(event, TextWithdrawn):
            text = ""
    return text
