"""Connections before there is a request: so many and no more, none silent, errors in the shape."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from aiohttp import web

from bot.assistants.errors import APIError
from bot.server.app_keys import Limits
from bot.server.responses import error_answer

T = TypeVar("T")

_log: Final = logging.getLogger(__name__)


async def while_connected(request: web.Request, operation: Coroutine[Any, Any, T]) -> T:
    """Await an operation that nobody needs once the caller has gone; it is cancelled then."""
    task = asyncio.create_task(operation)
    connection = request.protocol
    if isinstance(connection, Connection):
        connection.for_the_caller.add(task)
        task.add_done_callback(connection.for_the_caller.discard)
        if request.transport is None:  # gone already
            task.cancel()
    try:
        return await task
    except asyncio.CancelledError:
        own = asyncio.current_task()
        if own is not None and own.cancelling():
            raise
        # The status that proxies log for such a request; nobody reads the answer.
        raise APIError(499, "The caller has gone.") from None


class Connections:
    """The open connections of one server."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.open: set[Connection] = set()


class Connection(web.RequestHandler):
    """One connection, as aiohttp speaks it, with what it leaves unbounded bounded."""

    __slots__ = ("_all", "_deadline", "for_the_caller")

    def __init__(
        self, manager: Any, connections: Connections, *, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(
            manager,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]  # aiohttp's own way to have none
            keepalive_timeout=connections.limits.idle_seconds,
        )
        self._all = connections
        self._deadline: asyncio.TimerHandle | None = None
        self.for_the_caller: set[asyncio.Task[Any]] = set()
        """Work that is cancelled once the caller has gone."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or tell that there are too many."""
        if len(self._all.open) >= self._all.limits.connections:
            assert isinstance(transport, asyncio.Transport)
            _tell(
                transport,
                APIError(
                    503,
                    "The server has as many connections as it takes. Try again in a moment.",
                    type="server_error",
                    code="too_many_connections",
                    retry_after=1,
                ),
            )
            return
        self._all.open.add(self)
        self._deadline = asyncio.get_running_loop().call_later(
            self._all.limits.headers_seconds, self._too_late
        )
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection."""
        self.begun()
        for task in self.for_the_caller:
            task.cancel()
        if self in self._all.open:
            self._all.open.discard(self)
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless the connection was refused."""
        if self in self._all.open:
            super().data_received(data)

    def eof_received(self) -> None:
        """Note that nothing more comes."""
        if self in self._all.open:
            super().eof_received()

    def begun(self) -> None:
        """Note that a request has come whole: from now on its own bounds hold."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, or failed outside of every handler, in the API's shape."""
        self.begun()
        if request.writer.output_size > 0:
            raise ConnectionError("The response has begun; the connection is all that can be cut.")
        if status >= 500:
            _log.error("A request failed outside of its handler", exc_info=exc)
            error = APIError(status, "The server had an error.", type="server_error")
        else:
            detail = " ".join((message or "").split())[:200]
            error = APIError(
                status, f"The request is not HTTP that can be read: {detail}", code="invalid_http"
            )
        response = error_answer(error)
        response.force_close()
        return response

    def _too_late(self) -> None:
        self._deadline = None
        if isinstance(self.transport, asyncio.Transport):
            told = "No request came in time. Connect again and send it at once."
            _tell(self.transport, APIError(408, told, code="request_timeout"))


class Site(web.BaseSite):
    """Listens at an address and makes each connection a ``Connection``."""

    def __init__(
        self, runner: web.AppRunner, host: str, port: int, connections: Connections
    ) -> None:
        super().__init__(runner)
        self._host = host
        self._port = port
        self._connections = connections

    @property
    def name(self) -> str:
        """Where it listens."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen; raises ``OSError`` where that can't be."""
        await super().start()
        loop = asyncio.get_running_loop()
        manager = self._runner.server
        self._server = await loop.create_server(
            lambda: Connection(manager, self._connections, loop=loop), self._host, self._port
        )


def _tell(transport: asyncio.Transport, error: APIError) -> None:
    """Write an error where no request is to be answered, and hang up."""
    answer = error_answer(error)
    body = answer.body
    assert isinstance(body, bytes)
    lines = [
        f"HTTP/1.1 {error.status} {answer.reason}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    if "Retry-After" in answer.headers:
        lines.append(f"Retry-After: {answer.headers['Retry-After']}")
    transport.write("\r\n".join([*lines, "", ""]).encode() + body)
    transport.close()
