"""A model that yields scripted events, without an endpoint."""

import asyncio
from collections.abc import AsyncGenerator, Callable

from bot.models.types import (
    Finished,
    ModelEvent,
    ModelRequest,
    ModelStatus,
)

Script = list[ModelEvent | Exception | Callable[[], None]]
"""Events to yield, errors to raise, and functions to call between two events."""


class ScriptedEvents:
    """A model that yields each call's events, then waits for ever if the script does not end."""

    name = "scripted"
    hosts: frozenset[str] = frozenset()

    def calls_tools(self, model: str) -> bool:
        return True

    def __init__(self, *calls: Script) -> None:
        self._calls = list(calls)
        self.requests: list[ModelRequest] = []
        self.stalled = asyncio.Event()

    async def fetches_images(self) -> bool:
        return False

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        self.requests.append(request)
        script = self._calls.pop(0)
        for event in script:
            if isinstance(event, Exception):
                raise event
            if callable(event):
                event()
            else:
                yield event
        if not script or not isinstance(script[-1], Finished):
            self.stalled.set()
            await asyncio.Event().wait()

    async def check(self) -> ModelStatus:
        return ModelStatus(ok=True, sentence="It answers.")

    async def close(self) -> None: ...
