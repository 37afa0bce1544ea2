"""A proxy before a server of the Assistants API that spoils answers as a test wants.

Without troubles it hands everything through, so what a trouble left behind is on a real server.
"""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import aiohttp
from aiohttp import web
from yarl import URL

from tests.support.loopback import Loopback

Operation = Literal[
    "create_thread",
    "retrieve_thread",
    "create_message",
    "list_messages",
    "create_run",
    "list_runs",
    "retrieve_run",
    "cancel_run",
    "submit_tool_outputs",
    "list_steps",
    "other",
]
Act = Callable[["Exchange"], Awaitable[web.StreamResponse]]

_OPERATIONS: Final[tuple[tuple[str, str, Operation], ...]] = (
    ("POST", r"/threads", "create_thread"),
    ("GET", r"/threads/[^/]+", "retrieve_thread"),
    ("POST", r"/threads/[^/]+/messages", "create_message"),
    ("GET", r"/threads/[^/]+/messages", "list_messages"),
    ("POST", r"/threads/[^/]+/runs", "create_run"),
    ("GET", r"/threads/[^/]+/runs", "list_runs"),
    ("GET", r"/threads/[^/]+/runs/[^/]+", "retrieve_run"),
    ("POST", r"/threads/[^/]+/runs/[^/]+/cancel", "cancel_run"),
    ("POST", r"/threads/[^/]+/runs/[^/]+/submit_tool_outputs", "submit_tool_outputs"),
    ("GET", r"/threads/[^/]+/runs/[^/]+/steps", "list_steps"),
)
_DROPPED: Final = frozenset({"transfer-encoding", "content-length", "connection", "host"})


@dataclass
class Exchange:
    """One request, and the way to the server behind the proxy."""

    operation: Operation
    channel: int | None
    """The channel whose thread it is about, as the thread's metadata has it."""
    request: web.Request
    body: bytes
    method: str
    path: str
    """What the server behind is asked for, query included; a trouble may change it."""
    _front: "HostileFront" = field(repr=False)
    begun: bool = False
    """Whether something of an answer was handed on."""

    @property
    def thread_id(self) -> str:
        """The id of the known thread that the request is about."""
        return self.path.split("/")[2]

    async def forward(self) -> tuple[int, dict[str, str], bytes]:
        """Let the server handle the request, and return its whole answer."""
        async with self._front.passed_on(self) as answer:
            body = await answer.read()
            if self.operation == "create_thread":
                self._front.learn(self.channel, body)
            return answer.status, _kept(answer.headers), body

    async def relay(self, events: int | None = None) -> web.StreamResponse:
        """Let the server answer, and pass on its answer, or the first so many events."""
        async with self._front.passed_on(self) as answer:
            response = web.StreamResponse(status=answer.status, headers=_kept(answer.headers))
            await response.prepare(self.request)
            self.begun = True
            while True:
                if events is None:
                    piece = await answer.content.readany()
                else:
                    events -= 1
                    piece = await answer.content.readuntil(b"\n\n") if events >= 0 else b""
                if not piece:
                    return response
                await response.write(piece)

    async def also(self, method: str, path: str, body: object = None) -> bytes:
        """Send the server another request, as another caller would."""
        data = b"" if body is None else json.dumps(body).encode()
        other = replace(self, operation="other", method=method, path=path, body=data)
        return (await other.forward())[2]

    @property
    def transport(self) -> asyncio.Transport:
        """The connection itself."""
        transport = self.request.transport
        assert isinstance(transport, asyncio.Transport)
        return transport


class HostileFront(Loopback):
    """`async with HostileFront(key) as front:`, then `front.behind = <url of a server>`.

    The server behind is asked with ``key``, whichever one comes.
    """

    def __init__(self, key: str) -> None:
        super().__init__(grace=0.1)
        self.behind = ""
        self._key = key
        self.asked: list[tuple[int | None, Operation]] = []
        """Every request that came: of which channel, and what it asked for."""
        self._troubles: dict[tuple[int | None, Operation], list[Act]] = defaultdict(list)
        self._lasting: dict[tuple[int | None, Operation], Act] = {}
        self._channels: dict[str, int] = {}
        self._session: aiohttp.ClientSession | None = None

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Take every request."""
        router.add_route("*", "/{path:.*}", self._handle)

    async def start(self) -> None:
        """Listen on a free port; a second start listens on the same port again."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), auto_decompress=False
        )
        await super().start()

    async def stop(self) -> None:
        """Drop all connections and refuse new ones; safe to call twice."""
        await super().stop()
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def next(self, channel: int | None, operation: Operation, *acts: Act) -> None:
        """Answer the next such requests of a channel in these ways, one each."""
        self._troubles[channel, operation].extend(acts)

    def always(self, channel: int | None, operation: Operation, act: Act) -> None:
        """Answer every such request of a channel in this way, until `well`."""
        self._lasting[channel, operation] = act

    def well(self, channel: int | None) -> None:
        """End a channel's troubles."""
        for troubles in (self._troubles, self._lasting):
            for key in [key for key in troubles if key[0] == channel]:
                del troubles[key]

    def passed_on(self, exchange: Exchange) -> Any:
        """Ask the server behind."""
        assert self._session is not None
        headers = {
            name: value
            for name, value in exchange.request.headers.items()
            if name.lower() not in _DROPPED
        }
        headers["Authorization"] = f"Bearer {self._key}"
        return self._session.request(
            exchange.method,
            URL(self.behind + exchange.path, encoded=True),
            data=exchange.body or None,
            headers=headers,
        )

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        path = request.rel_url.raw_path.removeprefix("/v1")
        operation = _operation(request.method, path)
        channel = self._channel(operation, path, body)
        self.asked.append((channel, operation))
        path_qs = request.rel_url.raw_path_qs.removeprefix("/v1")
        exchange = Exchange(operation, channel, request, body, request.method, path_qs, self)
        act = self._act(channel, operation)
        if act is not None:
            return await act(exchange)
        if operation != "create_thread":
            return await exchange.relay()
        status, headers, answer = await exchange.forward()
        return web.Response(status=status, headers=headers, body=answer)

    def learn(self, channel: int | None, thread: bytes) -> None:
        """Note to which channel a new thread belongs."""
        if channel is not None:
            self._channels[json.loads(thread)["id"]] = channel

    def _act(self, channel: int | None, operation: Operation) -> Act | None:
        key = (channel, operation)
        if self._troubles.get(key):
            return self._troubles[key].pop(0)
        return self._lasting.get(key)

    def _channel(self, operation: Operation, path: str, body: bytes) -> int | None:
        if operation == "create_thread":
            channel = (json.loads(body).get("metadata") or {}).get("channel")
            return int(channel) if channel else None
        return self._channels.get(path.split("/")[2]) if path.count("/") > 1 else None


def _operation(method: str, path: str) -> Operation:
    for asked, pattern, operation in _OPERATIONS:
        if method == asked and re.fullmatch(pattern, path):
            return operation
    return "other"


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _DROPPED}


def answers(
    body: object,
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
    content_type: str = "application/json",
) -> Act:
    """Answer without asking the server: bytes, or another value as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def act(_: Exchange) -> web.StreamResponse:
        return web.Response(body=data, status=status, headers=headers, content_type=content_type)

    return act


def refuses(
    status: int, message: str = "No.", *, headers: Mapping[str, str] | None = None, **more: Any
) -> Act:
    """Answer an error in the API's shape, without asking the server."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return answers({"error": {**error, **more}}, status, headers=headers)


def does_and(act: Act) -> Act:
    """Let the server handle the request, and answer something else."""

    async def done(exchange: Exchange) -> web.StreamResponse:
        await exchange.forward()
        return await act(exchange)

    return done


async def hangs(_: Exchange) -> web.StreamResponse:
    """Never send a byte of an answer."""
    await asyncio.Event().wait()
    raise AssertionError


def cuts(before: bytes = b"") -> Act:
    """Close the connection, after these bytes of an answer."""

    async def act(exchange: Exchange) -> web.StreamResponse:
        exchange.transport.write(before)
        exchange.transport.close()
        return web.Response()

    return act


def drips(begin: bytes, piece: bytes, every: float) -> Act:
    """Write bytes of an answer, and one piece after another for as long as anybody reads."""

    async def act(exchange: Exchange) -> web.StreamResponse:
        exchange.transport.write(begin)
        while not exchange.transport.is_closing():
            exchange.transport.write(piece)
            await asyncio.sleep(every)
            while exchange.transport.get_write_buffer_size() > 1_000_000:
                await asyncio.sleep(0.005)
        return web.Response()

    return act


def changes(change: Callable[[Any], Any]) -> Act:
    """Let the server handle the request, and change its answer's JSON by ``change``."""

    async def act(exchange: Exchange) -> web.StreamResponse:
        status, headers, answer = await exchange.forward()
        changed = json.dumps(change(json.loads(answer))).encode()
        return web.Response(status=status, headers=headers, body=changed)

    return act


def breaks_off(events: int, then: Act) -> Act:
    """Let the server answer, pass on so many of its events, and go on with something else."""

    async def act(exchange: Exchange) -> web.StreamResponse:
        await exchange.relay(events)
        return await then(exchange)

    return act


def streams(*pieces: bytes) -> Act:
    """Answer a stream of these bytes, without asking the server."""
    return answers(b"".join(pieces), content_type="text/event-stream")


def spells(event: str, data: object) -> bytes:
    """Encode an event as the API does."""
    return f"event: {event}\ndata: {json.dumps(data)}\n\n".encode()


def chunk(data: bytes) -> bytes:
    """Encode a piece of a chunked body, to write after the beginning of a stream."""
    return b"%x\r\n%b\r\n" % (len(data), data)
