"""Starts and stops the server; refuses unsafe settings, and stops within two seconds."""

import asyncio
import ipaddress
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Final

from aiohttp import web

from bot.assistants.api import AssistantsAPI
from bot.server.auth import Gate
from bot.server.connections import AcceptErrors, Connections, Site
from bot.server.context import CONTEXT, Limits, ServerContext, Shares
from bot.server.cors import Origins
from bot.server.middleware import add_headers, answer_errors
from bot.server.monitor import Monitor
from bot.server.routes import add_routes
from bot.server.upstream import Upstream
from bot.wire.addresses import is_loopback

# aiohttp waits this long for open requests, and as long again for the requests it cancels.
_SHUTDOWN_SECONDS: Final = 0.75


class ServerError(Exception):
    """The server can't start; the message is one line for the operator."""


class Server:
    """Serves the projects of an ``AssistantsAPI`` at ``http://host:port/v1``.

    ``projects`` returns the API of a project by its name; ``keys`` maps API keys to project names.
    Without keys, every request belongs to the project "default" and only loopback is served.
    Incomplete uploads are stored in ``spool``; None means the system's temporary directory.
    Web pages on this machine and of ``allowed_origins`` may read responses; "*" allows every page.
    ``upstream`` answers forwarded requests, such as chat completions.
    Without ``projects`` the server has no API: it shows only health, readiness and metrics, which
    ``monitor`` knows. ``metrics_key`` is the key of the metrics.
    """

    def __init__(
        self,
        projects: Callable[[str], AssistantsAPI] | None,
        *,
        keys: Mapping[str, str],
        host: str = "127.0.0.1",
        port: int = 8765,
        limits: Limits | None = None,
        spool: Path | None = None,
        allowed_origins: Collection[str] = (),
        upstream: Upstream | None = None,
        monitor: Monitor | None = None,
        metrics_key: str = "",
    ) -> None:
        self._projects = projects
        self._keys = keys
        self._host = host
        self._port = port
        self._limits = limits or Limits()
        self._spool = spool
        self._allowed_origins = allowed_origins
        self._upstream = upstream
        self._monitor = monitor
        self._metrics_key = metrics_key
        self._runner: web.AppRunner | None = None
        self._stopping = asyncio.Event()
        self._accept_errors: AcceptErrors | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """The base URL for clients, with ``/v1``; empty before the start."""
        return self._url

    async def start(self) -> None:
        """Listen (port 0: any free port); raises ``ServerError`` if impossible or unsafe."""
        if self._monitor is not None and self._monitor.has_metrics:
            self._require_safe_metrics()
        if self._projects is not None and not self._keys and not is_loopback(self._host):
            raise ServerError(
                f"Without API keys the server can't listen on {self._host}, which other machines "
                "reach. Configure keys, or listen on 127.0.0.1."
            )
        if any(not key.strip() for key in self._keys):
            raise ServerError("An API key is empty. Give the key a value, or remove it.")
        origins = self._origins()
        projects = self._projects or _no_projects
        context = ServerContext(
            gate=Gate(projects, self._keys, origins, metrics_key=self._metrics_key),
            origins=origins,
            limits=self._limits,
            shares=Shares(self._limits),
            spool=None if self._spool is None else str(self._spool),
            upstream=self._upstream,
            monitor=self._monitor,
        )
        app = web.Application(client_max_size=self._limits.body, middlewares=[answer_errors])
        app[CONTEXT] = context
        app.on_response_prepare.append(add_headers)
        add_routes(app, with_api=self._projects is not None)
        runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN_SECONDS
        )
        await runner.setup()
        try:
            connections = Connections(self._limits, len(set(self._keys.values())))
            await Site(runner, self._host, self._port, connections).start()
        except OSError as error:
            await runner.cleanup()
            raise ServerError(
                f"The server can't listen on {self._host}:{self._port} "
                f"({error.strerror or error}). Stop the program there, or choose another host "
                "or port."
            ) from error
        loop = asyncio.get_running_loop()
        self._accept_errors = AcceptErrors(loop, loop.time)
        self._runner, self._stopping = runner, context.stopping
        self._url = _url(self._host, runner.addresses[0][1])

    def _require_safe_metrics(self) -> None:
        """Raise ``ServerError`` if other machines could read the metrics without a key."""
        elsewhere = bool(self._keys) or not is_loopback(self._host)
        if elsewhere and not self._metrics_key:
            raise ServerError(
                "Metrics that other machines can reach need a key. Set METRICS_KEY (openssl rand "
                "-hex 24 prints one), or switch off [server] metrics."
            )

    def _origins(self) -> Origins:
        try:
            origins = Origins(self._allowed_origins)
        except ValueError as error:
            raise ServerError(
                f'[server] allowed_origins has "{error}", which is not an origin. Write a scheme, '
                'a host and a port, as in "https://chat.example.org", or "*" for any page.'
            ) from None
        if origins.any and not self._keys:
            raise ServerError(
                'Without API keys [server] allowed_origins can\'t be "*": any web page could use '
                "the server. List the origins, or configure keys."
            )
        return origins

    async def stop(self) -> None:
        """Refuse new requests, end open streams with an ``error`` event, finish other requests."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        self._stopping.set()
        await runner.cleanup()
        if self._accept_errors is not None:
            self._accept_errors.close()


def _no_projects(name: str) -> AssistantsAPI:
    raise LookupError(f"this server has no project {name}")


def _url(host: str, port: int) -> str:
    """Return the base URL by which this machine reaches a server on ``host``."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"http://{host or '127.0.0.1'}:{port}/v1"
    if address.version == 6:
        return f"http://[{'::1' if address.is_unspecified else host}]:{port}/v1"
    return f"http://{'127.0.0.1' if address.is_unspecified else host}:{port}/v1"
