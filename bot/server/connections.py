"""Connections: bounded in number, none silent, and errors outside of requests in the API's shape.

A connection is a stranger's until a request on it has shown a valid key. Strangers have a small
share of all connections and short deadlines; the oldest stranger makes room for the next one. So
connections that say nothing never keep out a caller with a key.
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
from bot.server.app_keys import Limits
from bot.server.parsing import unknown_encoding
from bot.server.responses import JSON, error_answer

T = TypeVar("T")

_log: Final = logging.getLogger(__name__)

_OTHER_DESCRIPTORS: Final = 128
"""Open files that are no connections: databases, child processes, listening sockets."""
_FEWEST: Final = 8
_STRANGERS_SHARE: Final = 8
"""Strangers have one connection in so many, but at least ``_FEWEST_STRANGERS``."""
_FEWEST_STRANGERS: Final = 16
_OUT_OF_DESCRIPTORS: Final = "socket.accept() out of system resource"
"""What asyncio calls an accept that failed for want of descriptors or memory."""
_ACCEPT_LOG_SECONDS: Final = 60.0


TOO_MANY: Final = "too_many_connections"


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
    """The open connections of one server that has keys for so many ``projects``.

    The process may open a limited number of files (``RLIMIT_NOFILE``), and a request may need one
    beside its connection. So ``most`` is at most half of that limit.
    """

    def __init__(self, limits: Limits, projects: int = 1) -> None:
        self.limits = limits
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        usable = (soft - _OTHER_DESCRIPTORS) // 2
        if soft == resource.RLIM_INFINITY:
            usable = limits.connections
        self.most = max(min(limits.connections, usable), min(limits.connections, _FEWEST))
        share = max(self.most // _STRANGERS_SHARE, min(_FEWEST_STRANGERS, self.most // 2))
        self.most_strangers = max(1, share)
        # One project can have all that strangers have not, but never keep other projects out.
        known = max(1, self.most - self.most_strangers)
        self.most_of_a_project = known if projects < 2 else max(1, known // 2)
        self.open: set[Connection] = set()
        self.strangers: dict[Connection, None] = {}
        self.of_project: Counter[str] = Counter()

    def make_room(self) -> bool:
        """Let the oldest stranger go where one more connection is too much; False for no room."""
        if len(self.open) < self.most and len(self.strangers) < self.most_strangers:
            return True
        oldest = next(iter(self.strangers), None)
        if oldest is None:
            return False
        oldest.let_go()
        return True


class Connection(web.RequestHandler):
    """One connection, as aiohttp speaks it, with what it leaves unbounded bounded."""

    __slots__ = ("_all", "_answering", "_deadline", "_project", "_taken", "for_the_caller")

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
        self._project: str | None = None
        self._taken = False
        self._answering = False
        self.for_the_caller: set[asyncio.Task[Any]] = set()
        """Work that is cancelled once the caller has gone."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or tell that there are too many."""
        assert isinstance(transport, asyncio.Transport)
        if not self._all.make_room():
            _tell(transport, _too_many())
            return
        self._taken = True
        self._all.open.add(self)
        self._all.strangers[self] = None
        self._hurry()
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection."""
        self._forget()
        for task in self.for_the_caller:
            task.cancel()
        if self._taken:
            self._taken = False
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless the connection was refused or let go."""
        if self in self._all.open:
            super().data_received(data)

    def eof_received(self) -> None:
        """Note that nothing more comes."""
        if self in self._all.open:
            super().eof_received()

    def begun(self) -> None:
        """Note that a request's head has come whole: from now on its own bounds hold."""
        self._answering = True
        self._stop_hurrying()

    def ended(self) -> None:
        """Note that a request has its answer: a stranger has to send the next one soon."""
        self._answering = False
        if self in self._all.strangers:
            self._hurry()

    def belongs_to(self, project: str) -> None:
        """Note whose valid key came; raises ``APIError`` 503 where a project has too many."""
        if self._project == project or self not in self._all.open:
            return
        counts = self._all.of_project
        if counts[project] >= self._all.most_of_a_project:
            raise _too_many()
        if self._project is not None:
            counts[self._project] -= 1
        counts[project] += 1
        self._project = project
        self._all.strangers.pop(self, None)

    def let_go(self) -> None:
        """End a stranger's connection to make room."""
        self._forget()
        transport = self.transport
        if not isinstance(transport, asyncio.Transport):
            return
        if self._answering:
            transport.abort()  # no second answer behind the beginning of a first one
        else:
            _tell(transport, _too_many())

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log what aiohttp did not expect, but not the faults of whoever is connected."""
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
        """Answer what is no HTTP, or failed outside of every handler, in the API's shape."""
        self.begun()
        if request.writer.output_size > 0:
            raise ConnectionError("The response has begun; the connection is all that can be cut.")
        if isinstance(exc, UnicodeError):
            # aiohttp quotes a header that is no text, where no route takes the request.
            told = "The request is not HTTP that can be read: a header is no text."
            error = APIError(400, told, code="invalid_http")
        elif status >= 500:
            _log.error("A request failed outside of its handler", exc_info=exc)
            error = APIError(status, "The server had an error.", type="server_error")
        elif isinstance(exc, ContentEncodingError):
            # aiohttp names the missing library where it lacks one for the encoding.
            error = unknown_encoding() if "install" in exc.message else _unreadable(status)
        else:
            detail = " ".join((message or "").split())[:200]
            error = APIError(
                status, f"The request is not HTTP that can be read: {detail}", code="invalid_http"
            )
        response = _OutsideResponse(
            body=error_answer(error).body, status=error.status, content_type=JSON
        )
        response.force_close()
        return response

    def _forget(self) -> None:
        self._stop_hurrying()
        self._all.open.discard(self)
        self._all.strangers.pop(self, None)
        if self._project is not None:
            self._all.of_project[self._project] -= 1
            self._project = None

    def _hurry(self) -> None:
        self._stop_hurrying()
        self._deadline = asyncio.get_running_loop().call_later(
            self._all.limits.headers_seconds, self._too_late
        )

    def _stop_hurrying(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        if isinstance(self.transport, asyncio.Transport):
            told = "No request came in time. Connect again and send it at once."
            _tell(self.transport, APIError(408, told, code="request_timeout"))


class _OutsideResponse(web.Response):
    """A response to no request of the application, whose signals don't see it."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.pop("Server", None)  # aiohttp's own tells the versions in use


class AcceptErrors:
    """Logs once a minute that connections can't be accepted; ``now`` is in seconds.

    asyncio reports each failed accept, hundreds a second. Everything else it reports goes to the
    handler that was there before.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, now: Callable[[], float]) -> None:
        self._loop = loop
        self._now = now
        self._before = loop.get_exception_handler()
        self._logged: float | None = None
        loop.set_exception_handler(self._handle)

    def close(self) -> None:
        """Put back the handler that was there before."""
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


def _too_many() -> APIError:
    return APIError(
        503,
        "The server has as many connections as it takes. Try again in a moment.",
        type="server_error",
        code=TOO_MANY,
        retry_after=1,
    )


def _unreadable(status: int) -> APIError:
    return APIError(
        status,
        "The request's body is not encoded as its Content-Encoding says. Send it again.",
        code="invalid_body",
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
