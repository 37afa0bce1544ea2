"""Servers that a test starts on a free port of loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from aiohttp import web

_LARGEST_BODY = 64 * 1024 * 1024


class Loopback:
    """A server that listens inside `async with`; a subclass adds the routes.

    A stop waits `grace` seconds for answers under way. With `cancels` an answer ends when its
    client disconnects.
    """

    def __init__(self, *, grace: float = 0.2, cancels: bool = True) -> None:
        self.port = 0
        self._grace = grace
        self._cancels = cancels
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """The base URL of the API."""
        return f"http://127.0.0.1:{self.port}/v1"

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the routes of this server."""
        raise NotImplementedError

    async def start(self) -> None:
        """Listen on a free port; a second start listens on the same port again."""
        app = web.Application(client_max_size=_LARGEST_BODY)
        self.add_routes(app.router)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handler_cancellation=self._cancels,
            shutdown_timeout=self._grace,
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Drop all connections and refuse new ones; safe to call twice."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()


class _Routes(Loopback):
    def __init__(self, routes: tuple[web.RouteDef, ...]) -> None:
        super().__init__()
        self._routes = routes

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_routes(self._routes)


@asynccontextmanager
async def serving(*routes: web.RouteDef) -> AsyncIterator[str]:
    """Serve these routes as long as the block lasts; yield the server's address without a path."""
    async with _Routes(routes) as server:
        yield f"http://127.0.0.1:{server.port}"
