"""What every scripted model endpoint has: a port on loopback, keys, gates, the requests it got."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from tests.support.gate import Gate
from tests.support.loopback import Loopback
from tests.support.model_answers import Asked


class ScriptedServer(Loopback):
    """A model endpoint on loopback; `list_models` answers /v1/models, with the names in `models`.

    A subclass adds its routes. With `api_key` every request has to carry it.
    """

    def __init__(self, *, models: Sequence[str], api_key: str | None) -> None:
        super().__init__(grace=0.5)
        self.models = list(models)
        self.requests: list[Asked] = []
        self.list_models: Callable[[web.Request], Awaitable[web.StreamResponse]] = self._list_models
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

    async def _arrive(self, request: web.Request) -> Asked:
        """Note a request for an answer."""
        assert request.transport is not None
        peer = request.transport.get_extra_info("peername")
        asked = Asked(
            request.path, request.headers.copy(), await request.json(), peer, dict(request.query)
        )
        async with self._arrived:
            self.requests.append(asked)
            self._arrived.notify_all()
        return asked

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
