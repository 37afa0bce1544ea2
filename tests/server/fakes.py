"""An AssistantsAPI that answers what a test says, and records its calls."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, cast

from bot.assistants.api import AssistantsAPI, EventStream
from bot.assistants.events import StreamEvent


class RecordingAPI:
    """Records each call in `calls` and answers from `answers`; exceptions there are raised.

    A recorded call has the positional arguments, then the keyword-only ones with their defaults.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.answers: dict[str, object] = {}
        self.asked = asyncio.Event()

    def __getattr__(self, operation: str) -> Callable[..., Awaitable[object]]:
        if operation.startswith("_"):
            raise AttributeError(operation)

        signature = inspect.signature(getattr(AssistantsAPI, operation))

        async def call(*args: Any, **options: Any) -> object:
            given = signature.bind(self, *args, **options)
            given.apply_defaults()
            self.calls.append((operation, given.args[1:], given.kwargs))
            self.asked.set()
            answer = self.answers[operation]
            if isinstance(answer, BaseException):
                raise answer
            return answer

        return call

    @property
    def api(self) -> AssistantsAPI:
        return cast("AssistantsAPI", self)


async def events(*told: StreamEvent | BaseException) -> EventStream:
    """A stream of these, raising what is an exception."""
    for event in told:
        if isinstance(event, BaseException):
            raise event
        yield event
