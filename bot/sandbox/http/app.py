"""Serves the REST API: authenticates, counts rate limits, applies faults, calls a handler."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec
from aiohttp import hdrs, web

from bot.sandbox import errors
from bot.sandbox.backend.backend import Backend
from bot.sandbox.backend.state.events import Change
from bot.sandbox.backend.state.model import User
from bot.sandbox.errors import DiscordError, Unsupported
from bot.sandbox.faults import Faults
from bot.sandbox.http import channels, commands, files, guilds, interactions, messages, users
from bot.sandbox.http.call import Call, RestResponse, Route
from bot.sandbox.http.ratelimits import RestRateLimiter

PREFIX: Final = "/api/v10"
VIA: Final = "1.1 sandbox"
_MAJORS: Final = ("channel_id", "guild_id", "interaction_token")


@dataclass(slots=True, frozen=True)
class RequestLog:
    """An answered request; ``at`` is in Unix seconds, ``status`` is 0 for a cut connection."""

    at: float
    method: str
    route: str
    status: int


class Api:
    """The REST side of the sandbox."""

    def __init__(
        self,
        backend: Backend,
        limiter: RestRateLimiter,
        faults: Faults,
        authenticate: Callable[[str], User | None],
    ) -> None:
        self._backend = backend
        self._limiter = limiter
        self._faults = faults
        self._authenticate = authenticate
        self.gateway_url = ""
        self.requests: deque[RequestLog] = deque(maxlen=100_000)
        self.unknown_routes: list[str] = []
        self.observers: list[Callable[[str, str, int, object], None]] = []

    def add_to(self, app: web.Application) -> None:
        """Add all routes to an application; an unknown path under the prefix answers 501."""
        for route in all_routes():
            app.router.add_route(route.method, PREFIX + route.template, self._endpoint(route))
        app.router.add_route("*", "/api/{tail:.*}", self._unknown)
        app.router.add_get(
            "/attachments/{channel_id}/{attachment_id}/{filename}", files.handler(self._backend)
        )
        app.router.add_get("/stickers/{sticker_id}.png", files.sticker_handler(self._backend))

    def _endpoint(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def endpoint(request: web.Request) -> web.StreamResponse:
            try:
                response = await self._answer(route, request)
            except ConnectionResetError:
                self._note(route.method, route.template, 0)
                if request.transport is not None:
                    request.transport.abort()
                return web.Response(status=500)  # nobody is there any more to read it
            self._note(route.method, route.template, response.status)
            return response

        return endpoint

    async def _answer(self, route: Route, request: web.Request) -> web.Response:
        headers: dict[str, str] = {}
        try:
            actor = self._actor(route, request)
            call = Call(self._backend, request, route, actor, self._limiter, self.gateway_url)
            counted = actor is self._backend.world.bot
            if counted and not route.free:
                self._limiter.count_global()
            if counted and route.limit is not None:
                headers = self._limiter.count(route.limit, _major(request))
            await call.read()
            fault = None
            if counted:  # The people at the page are not the ones to be troubled.
                fault = await self._faults.before(
                    route.method,
                    route.template,
                    has_files=request.content_type == "multipart/form-data",
                    body=msgspec.json.encode(call.body).decode(),
                )
            result = await route.handler(call)
            if fault is not None:
                await fault.hold()
                if fault.drop:
                    raise ConnectionResetError
                if fault.error is not None:
                    raise fault.error
        except DiscordError as error:
            return self._respond(route, error.status, error.body(), {**headers, **error.headers})
        except Unsupported as error:
            self._not_known(str(error))
            return _respond(501, {"message": str(error), "code": 0}, headers)
        if isinstance(result, RestResponse):
            return self._respond(route, result.status, result.payload, headers)
        return self._respond(route, 204 if result is None else 200, result, headers)

    def _respond(
        self, route: Route, status: int, payload: object, headers: dict[str, str]
    ) -> web.Response:
        for observer in self.observers:
            observer(route.method, route.template, status, payload)
        return _respond(status, payload, headers)

    def _actor(self, route: Route, request: web.Request) -> User:
        if route.open_to_all:
            return self._backend.world.bot
        actor = self._authenticate(request.headers.get(hdrs.AUTHORIZATION, ""))
        if actor is None:
            raise errors.unauthorized()
        return actor

    async def _unknown(self, request: web.Request) -> web.Response:
        path = request.path.removeprefix(PREFIX)
        message = f"{request.method} {path} is not in the sandbox"
        self._not_known(message)
        self._note(request.method, path, 501)
        return _respond(501, {"message": message, "code": 0}, {})

    def _not_known(self, what: str) -> None:
        self.unknown_routes.append(what)

    def _note(self, method: str, route: str, status: int) -> None:
        world = self._backend.world
        log = RequestLog(world.now(), method, route, status)
        self.requests.append(log)
        world.changes.publish(Change("request", log.at, detail=log))


def all_routes() -> Iterator[Route]:
    """Yield every route of the API."""
    for module in (users, messages, channels, guilds, commands, interactions):
        yield from module.routes()


def _major(request: web.Request) -> str:
    info = request.match_info
    return "+".join(info[name] for name in _MAJORS if name in info)


def _respond(status: int, payload: object, headers: dict[str, str]) -> web.Response:
    response = web.Response(
        status=status,
        body=b"" if payload is None else msgspec.json.encode(payload),
        headers={"Via": VIA, **headers},
    )
    if payload is not None:
        # Without a charset: discord.py reads a body whose content type names one as text, not JSON.
        response.headers[hdrs.CONTENT_TYPE] = "application/json"
    return response
