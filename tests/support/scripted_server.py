"""The parts that all scripted model endpoints share: keys, gates, answers, and the requests."""

import asyncio
import inspect
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from aiohttp import web

from tests.support import model_turns
from tests.support.gate import Gate
from tests.support.loopback import Loopback
from tests.support.model_answers import Asked
from tests.support.model_turns import Turn

A = TypeVar("A")
"""The answers that an endpoint can be scripted to give, beside a plain ``Turn``."""

P = ParamSpec("P")
Script = Callable[[Asked], A | Turn | str | Awaitable[A | Turn | str]]


def scripting(
    make: Callable[P, object],
) -> Callable[Concatenate["ScriptedServer[Any]", P], None]:
    """Turn a function that makes an answer into a method that scripts this answer as the next."""

    def script(server: "ScriptedServer[Any]", /, *args: P.args, **kwargs: P.kwargs) -> None:
        server.then(make(*args, **kwargs))

    return script


class ScriptedServer(Loopback, Generic[A]):
    """A model endpoint on loopback; `list_models` answers /v1/models, with the names in `models`.

    Each request for an answer takes the next scripted one; when none is left, `otherwise` answers.
    `said` makes an answer of a text. Requests are in `requests`, in the order they came. With
    `api_key` every request has to carry it. A subclass adds its routes, and answers in `_reply`.
    """

    def __init__(
        self,
        *,
        models: Sequence[str],
        api_key: str | None,
        said: Callable[[str], A],
        otherwise: Script[A],
    ) -> None:
        super().__init__(grace=0.5)
        self.models = list(models)
        self.requests: list[Asked] = []
        self.list_models: Callable[[web.Request], Awaitable[web.StreamResponse]] = self._list_models
        self.otherwise = otherwise
        self._said = said
        self._scripted: deque[A | Turn | Script[A]] = deque()
        self._api_key = api_key
        self._arrived = asyncio.Condition()
        self._gates: list[Gate] = []

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the list of models; a subclass adds the rest."""
        router.add_get("/v1/models", self._models)

    async def stop(self) -> None:
        """Open all gates, drop all connections and refuse new ones; safe to call twice."""
        for gate in self._gates:
            gate.open()
        await super().stop()

    @asynccontextmanager
    async def down(self) -> AsyncIterator[None]:
        """As long as the block lasts nothing answers at `url`."""
        await self.stop()
        try:
            yield
        finally:
            await self.start()

    def then(self, *scripted: A | Turn | Script[A]) -> None:
        """Script the next answers, in order; a function is called with the request."""
        self._scripted.extend(scripted)

    web_page = scripting(model_turns.web_page)
    """Next: answer a web page with a 200."""

    def fail(
        self,
        status: int,
        *,
        message: str = "scripted failure",
        error: Mapping[str, Any] | None = None,
        retry_after: float | str | None = None,
        headers: Mapping[str, str] | None = None,
        times: int = 1,
    ) -> None:
        """Next, so many times: answer this status with an error object."""
        turn = model_turns.fail(
            status, message=message, error=error, retry_after=retry_after, headers=headers
        )
        self.then(*[turn] * times)

    def gate(self) -> Gate:
        """A closed gate for `say(..., gate=...)` and its like; opened at the end at the latest."""
        gate = Gate()
        self._gates.append(gate)
        return gate

    async def until_request(self, count: int = 1) -> Asked:
        """Return the `count`th request since the start, once it came."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= count)
        return self.requests[count - 1]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        """Note a request for an answer, and give the next scripted one."""
        assert request.transport is not None
        peer = request.transport.get_extra_info("peername")
        asked = Asked(
            request.path, request.headers.copy(), await request.json(), peer, dict(request.query)
        )
        async with self._arrived:
            self.requests.append(asked)
            self._arrived.notify_all()
        try:
            return self._unauthorized(request) or await self._reply(
                request, asked, await self._next(asked)
            )
        except (asyncio.CancelledError, ConnectionError):
            asked.disconnected = True
            raise
        finally:
            asked.ended.set()

    async def _reply(
        self, request: web.Request, asked: Asked, answer: A | Turn
    ) -> web.StreamResponse:
        """Give an answer."""
        raise NotImplementedError

    async def _next(self, asked: Asked) -> A | Turn:
        scripted = self._scripted.popleft() if self._scripted else self.otherwise
        if not callable(scripted):
            return scripted
        answer = scripted(asked)
        if inspect.isawaitable(answer):
            answer = await answer
        return self._said(answer) if isinstance(answer, str) else answer

    async def _models(self, request: web.Request) -> web.StreamResponse:
        return await self.list_models(request)

    async def _list_models(self, request: web.Request) -> web.Response:
        if refusal := self._unauthorized(request):
            return refusal
        data = [
            {"id": name, "object": "model", "created": 1, "owned_by": "tests"}
            for name in self.models
        ]
        return web.json_response({"object": "list", "data": data})

    def _unauthorized(self, request: web.Request) -> web.Response | None:
        if self._api_key is None:
            return None
        if request.headers.get("Authorization") == f"Bearer {self._api_key}":
            return None
        error = {"message": "Incorrect API key provided.", "type": "invalid_request_error"}
        return web.json_response(
            {"error": {**error, "param": None, "code": "invalid_api_key"}}, status=401
        )
