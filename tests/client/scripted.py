"""A server of the Assistants API that answers whatever a test scripts, right or wrong."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

from bot.assistants.events import StreamEvent
from tests.support.loopback import Loopback

Answer = Callable[["Asked"], Awaitable[web.StreamResponse]]


@dataclass(eq=False)
class Asked:
    """One request that came."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: Any
    request: web.Request = field(repr=False)


class ScriptedServer(Loopback):
    """`async with ScriptedServer() as server:`; each request takes the next scripted answer."""

    def __init__(self) -> None:
        super().__init__(cancels=False)
        self.asked: list[Asked] = []
        self.connections: set[asyncio.BaseTransport] = set()
        self._answers: deque[Answer] = deque()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Take whatever comes."""
        router.add_route("*", "/{path:.*}", self._handle)

    def then(self, *answers: Answer) -> None:
        """Script the next answers, in order."""
        self._answers.extend(answers)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        asked = Asked(
            request.method,
            request.rel_url.raw_path.removeprefix("/v1"),
            request.query_string,
            request.headers.copy(),
            _parsed(request, body),
            request,
        )
        self.asked.append(asked)
        assert request.transport is not None
        self.connections.add(request.transport)
        assert self._answers, f"{asked.method} {asked.path} was not expected"
        return await self._answers.popleft()(asked)


def _parsed(request: web.Request, body: bytes) -> Any:
    """A body's JSON, or its bytes where it is none."""
    if request.content_type == "multipart/form-data":
        return body
    return json.loads(body) if body else None


def answers(
    value: object,
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
    content_type: str = "application/json",
) -> Answer:
    """Answer this, as JSON unless it is bytes."""
    body = value if isinstance(value, bytes) else msgspec.json.encode(value)

    async def answer(_asked: Asked) -> web.Response:
        return web.Response(body=body, status=status, headers=headers, content_type=content_type)

    return answer


def refuses(
    status: int, message: str = "refused", *, headers: Mapping[str, str] | None = None, **body: Any
) -> Answer:
    """Answer an error in the API's shape."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return answers({"error": {**error, **body}}, status, headers=headers)


def hangs_up(before: bytes = b"") -> Answer:
    """Close the connection without an answer, or after these bytes of one."""

    async def answer(asked: Asked) -> web.StreamResponse:
        transport = asked.request.transport
        assert isinstance(transport, asyncio.Transport)
        if before:
            transport.write(before)
        transport.close()
        return web.Response()

    return answer


def streams(*told: StreamEvent | bytes, cut: bool = False, done: bool = True) -> Answer:
    """Stream these events (or bytes), and `done`, or cut the connection."""

    async def answer(asked: Asked) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(asked.request)
        for each in told:
            await response.write(each if isinstance(each, bytes) else event(each))
        if cut:
            assert asked.request.transport is not None
            asked.request.transport.close()
        elif done:
            await response.write(b"event: done\ndata: [DONE]\n\n")
        return response

    return answer


def event(told: StreamEvent) -> bytes:
    """Spell an event."""
    return b"event: %b\ndata: %b\n\n" % (told.event.encode(), msgspec.json.encode(told.data))
