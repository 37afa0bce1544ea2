"""Limits the number and idle time of connections; answers malformed HTTP with errors of the API.

A connection is unauthenticated until a request on it has a valid API key. Unauthenticated
connections have a small share of all connections and short deadlines, and the oldest is closed for
a new one. So idle connections never block a caller with a key.
"""

import asyncio
import logging
import resource
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from aiohttp import web
from aiohttp.http_exceptions import ContentEncodingError, HttpProcessingError

from bot.assistants.errors import APIError
from bot.server.context import Limits
from bot.server.parsing import unknown_encoding
from bot.server.responses import JSON, error_answer

T = TypeVar("T")

_log: Final = logging.getLogger(__name__)

_OTHER_DESCRIPTORS: Final = 128
"""File descriptors for other purposes: databases, child processes, listening sockets."""
_FEWEST: Final = 8
_UNAUTHENTICATED_SHARE: Final = 8
"""One in this many connections may be unauthenticated, at least ``_FEWEST_UNAUTHENTICATED``."""
_FEWEST_UNAUTHENTICATED: Final = 16
_OUT_OF_DESCRIPTORS: Final = "socket.accept() out of system resource"
"""asyncio's message for an accept that failed for lack of descriptors or memory."""
_ACCEPT_LOG_SECONDS: Final = 60.0


TOO_MANY: Final = "too_many_connections"


def connection_of(request: web.Request) -> "Connection":
    """Return the ``Connection`` on which a request came; a ``Site`` makes no other kind."""
    connection = request.protocol
    assert isinstance(connection, Connection)
    return connection


async def while_connected(request: web.Request, operation: Coroutine[Any, Any, T]) -> T:
    """Await ``operation``; cancel it if the caller disconnects."""
    task = asyncio.create_task(operation)
    tasks = connection_of(request).cancelled_on_disconnect
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    if request.transport is None:  # already disconnected
        task.cancel()
    try:
        return await task
    except asyncio.CancelledError:
        own = asyncio.current_task()
        if own is not None and own.cancelling():
            raise
        # Proxies log 499 for such a request; nobody reads the response.
        raise APIError(499, "The caller has disconnected.") from None


class Connections:
    """The open connections of a server with keys for ``projects`` projects.

    ``most`` is at most half of the limit of open files (``RLIMIT_NOFILE``), because a request may
    need a file beside its connection.
    """

    def __init__(self, limits: Limits, projects: int = 1) -> None:
        self.limits = limits
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        usable = (soft - _OTHER_DESCRIPTORS) // 2
        if soft == resource.RLIM_INFINITY:
            usable = limits.connections
        self.most = max(min(limits.connections, usable), min(limits.connections, _FEWEST))
        share = max(
            self.most // _UNAUTHENTICATED_SHARE, min(_FEWEST_UNAUTHENTICATED, self.most // 2)
        )
        self.most_unauthenticated = max(1, share)
        # A single project may use all authenticated connections; one of several only half of them.
        known = max(1, self.most - self.most_unauthenticated)
        self.most_per_project = known if projects < 2 else max(1, known // 2)
        self.open: set[Connection] = set()
        self.unauthenticated: dict[Connection, None] = {}
        self.per_project: Counter[str] = Counter()

    def make_room(self) -> bool:
        """Make room for a connection, if need be by closing the oldest unauthenticated one.

        Returns False if there is no room.
        """
        if len(self.open) < self.most and len(self.unauthenticated) < self.most_unauthenticated:
            return True
        oldest = next(iter(self.unauthenticated), None)
        if oldest is None:
            return False
        oldest.evict()
        return True


class Connection(web.RequestHandler):
    """One connection of aiohttp, with limits that aiohttp lacks."""

    __slots__ = (
        "_accepted",
        "_connections",
        "_deadline",
        "_in_request",
        "_project",
        "cancelled_on_disconnect",
    )

    def __init__(
        self, manager: Any, connections: Connections, *, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(
            manager,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]  # aiohttp accepts None
            keepalive_timeout=connections.limits.idle_seconds,
        )
        self._connections = connections
        self._deadline: asyncio.TimerHandle | None = None
        self._project: str | None = None
        self._accepted = False
        self._in_request = False
        self.cancelled_on_disconnect: set[asyncio.Task[Any]] = set()
        """Tasks that are cancelled when the caller disconnects."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept the connection, or refuse it with 503."""
        assert isinstance(transport, asyncio.Transport)
        if not self._connections.make_room():
            _write_and_close(transport, _too_many())
            return
        self._accepted = True
        self._connections.open.add(self)
        self._connections.unauthenticated[self] = None
        self._start_deadline()
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Remove the connection and cancel its tasks."""
        self._forget()
        for task in self.cancelled_on_disconnect:
            task.cancel()
        if self._accepted:
            self._accepted = False
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse ``data``, unless the connection was refused or evicted."""
        if self in self._connections.open:
            super().data_received(data)

    def eof_received(self) -> None:
        """Handle the end of input, unless the connection was refused or evicted."""
        if self in self._connections.open:
            super().eof_received()

    def request_started(self) -> None:
        """Stop the deadline: the headers are complete, and the request has its own limits."""
        self._in_request = True
        self._stop_deadline()

    def request_ended(self) -> None:
        """Restart the deadline of an unauthenticated connection after a response."""
        self._in_request = False
        if self in self._connections.unauthenticated:
            self._start_deadline()

    def authenticated(self, project: str) -> None:
        """Count the connection for ``project``; raises ``APIError`` 503 if that has too many."""
        if self._project == project or self not in self._connections.open:
            return
        counts = self._connections.per_project
        if counts[project] >= self._connections.most_per_project:
            raise _too_many()
        if self._project is not None:
            counts[self._project] -= 1
        counts[project] += 1
        self._project = project
        self._connections.unauthenticated.pop(self, None)

    def evict(self) -> None:
        """Close this unauthenticated connection to make room."""
        self._forget()
        transport = self.transport
        if not isinstance(transport, asyncio.Transport):
            return
        if self._in_request:
            transport.abort()  # a second response must not follow the beginning of the first
        else:
            _write_and_close(transport, _too_many())

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log aiohttp's unexpected errors; faults of the caller only at debug level."""
        fault = kw.get("exc_info")
        if isinstance(fault, HttpProcessingError | web.RequestPayloadError | ConnectionError):
            _log.debug("A body could not be read to its end: %r", fault)
        else:
            super().log_exception(*args, **kw)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer malformed HTTP, and failures outside of handlers, with an error of the API."""
        self.request_started()
        if request.writer.output_size > 0:
            raise ConnectionError("The response has begun, so the connection is closed.")
        if isinstance(exc, UnicodeError):
            # aiohttp quotes an undecodable header if no route matches.
            message = "The request is not valid HTTP: a header is not text."
            error = APIError(400, message, code="invalid_http")
        elif status >= 500:
            _log.error("A request failed outside of its handler", exc_info=exc)
            error = APIError(status, "The server had an error.", type="server_error")
        elif isinstance(exc, ContentEncodingError):
            # aiohttp's message asks to install a library if it can't decode this encoding.
            error = unknown_encoding() if "install" in exc.message else _unreadable(status)
        else:
            detail = " ".join((message or "").split())[:200]
            error = APIError(
                status, f"The request is not valid HTTP: {detail}", code="invalid_http"
            )
        response = _UnroutedResponse(
            body=error_answer(error).body, status=error.status, content_type=JSON
        )
        response.force_close()
        return response

    def _forget(self) -> None:
        self._stop_deadline()
        self._connections.open.discard(self)
        self._connections.unauthenticated.pop(self, None)
        if self._project is not None:
            self._connections.per_project[self._project] -= 1
            self._project = None

    def _start_deadline(self) -> None:
        self._stop_deadline()
        self._deadline = asyncio.get_running_loop().call_later(
            self._connections.limits.headers_seconds, self._deadline_passed
        )

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _deadline_passed(self) -> None:
        self._deadline = None
        if isinstance(self.transport, asyncio.Transport):
            message = "No request arrived in time. Connect again and send the request at once."
            _write_and_close(self.transport, APIError(408, message, code="request_timeout"))


class _UnroutedResponse(web.Response):
    """A response outside of the application, whose signals do not run for it."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.pop("Server", None)  # aiohttp's header reveals versions


class AcceptErrors:
    """Logs once a minute that the server can't accept connections; ``now`` returns seconds.

    asyncio reports hundreds of failed accepts a second. Its other reports go to the previous
    exception handler.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, now: Callable[[], float]) -> None:
        self._loop = loop
        self._now = now
        self._before = loop.get_exception_handler()
        self._logged: float | None = None
        loop.set_exception_handler(self._handle)

    def close(self) -> None:
        """Restore the previous exception handler."""
        self._loop.set_exception_handler(self._before)

    def _handle(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if context.get("message") != _OUT_OF_DESCRIPTORS:
            if self._before is None:
                loop.default_exception_handler(context)
            else:
                self._before(loop, context)
            return
        now = self._now()
        if self._logged is None or now - self._logged >= _ACCEPT_LOG_SECONDS:
            self._logged = now
            _log.error(
                "The server can't accept connections: %s. Callers wait. Raise the limit of open "
                "files (ulimit -n).",
                context.get("exception"),
            )


class Site(web.BaseSite):
    """Listens on an address and creates a ``Connection`` for each accepted socket."""

    def __init__(
        self, runner: web.AppRunner, host: str, port: int, connections: Connections
    ) -> None:
        super().__init__(runner)
        self._host = host
        self._port = port
        self._connections = connections

    @property
    def name(self) -> str:
        """The address of the site."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen; raises ``OSError`` if that fails."""
        await super().start()
        loop = asyncio.get_running_loop()
        manager = self._runner.server
        self._server = await loop.create_server(
            lambda: Connection(manager, self._connections, loop=loop), self._host, self._port
        )


def _too_many() -> APIError:
    return APIError(
        503,
        "The server has reached its limit of connections. Try again in a moment.",
        type="server_error",
        code=TOO_MANY,
        retry_after=1,
    )


def _unreadable(status: int) -> APIError:
    return APIError(
        status,
        "The request's body does not match its Content-Encoding. Send it again, correctly encoded.",
        code="invalid_body",
    )


def _write_and_close(transport: asyncio.Transport, error: APIError) -> None:
    """Write an error outside of any request, and close the connection."""
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
