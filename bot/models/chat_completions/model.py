"""Chat completions, streamed; asked again while nothing was yielded; it fails by ModelError."""

import logging
from collections.abc import AsyncGenerator, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any

import aiohttp

from bot.models.chat_completions.request import ChatDialect, chat_body, learn
from bot.models.chat_completions.stream import CompletionReader
from bot.models.estimates import estimate_prompt
from bot.models.hosted_support import require_hosts
from bot.models.http.check import check_endpoint
from bot.models.http.endpoint import Endpoint, EndpointTimeouts, RefusedError
from bot.models.http.errors import limit_too_large
from bot.models.http.stream_reader import Receiving
from bot.models.http.transport_errors import FAULTS
from bot.models.types import ForwardedAnswer, ModelEvent, ModelRequest, ModelStatus
from bot.runtime.clock import Clock
from bot.wire.retry import RetryPolicy
from bot.wire.sse import ServerSentEvent

log = logging.getLogger(__name__)


class ChatCompletions:
    """A chat completions endpoint at `url`, the part before /chat/completions.

    With `model` set every request goes to that model, whatever it names; without, each request's
    own is sent. `name` replaces the description built from URL and model. Raises ValueError for a
    URL or a key that cannot be one.
    """

    hosts: frozenset[str] = frozenset()

    def __init__(
        self,
        url: str,
        *,
        model: str | None = None,
        api_key: str | None = None,
        timeouts: EndpointTimeouts | None = None,
        retries: RetryPolicy | None = None,
        clock: Clock | None = None,
        name: str | None = None,
    ) -> None:
        self._endpoint = Endpoint(
            url, api_key=api_key, timeouts=timeouts, retries=retries, clock=clock
        )
        self._model = model or None
        self._dialects: dict[str, ChatDialect] = {}
        described = f"chat completions at {self._endpoint.public_url}"
        self._name = name or described + (f", model {model}" if model else "")

    @property
    def name(self) -> str:
        """What it is, for people."""
        return self._name

    async def fetches_images(self) -> bool:
        """Whether it is given addresses of images: not on this machine or in a private network."""
        return await self._endpoint.is_public()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield the answer as it comes; raises ModelError; closing drops the connection at once."""
        require_hosts(self, request)
        model = self._model or request.model
        receiving, events = await self._begin(request, model)
        wait = self._endpoint.timeouts.between_chunks
        try:
            while True:
                for event in events:
                    yield event
                if receiving.over:
                    return
                try:
                    events = await receiving.more(wait)
                except FAULTS as fault:
                    raise self._endpoint.error(fault, model, wait) from fault
        finally:
            receiving.close()

    def forward(
        self, method: str, path: str, body: bytes | None
    ) -> AbstractAsyncContextManager[ForwardedAnswer]:
        """Send a request made elsewhere; see `ForwardingModel.forward`."""
        return self._endpoint.forward(method, path, body, model=self._model)

    async def check(self, *, seconds: float = 10.0) -> ModelStatus:
        """Ask for the list of models, or for one token where there is no list."""
        return await check_endpoint(
            self,
            self._endpoint.session(),
            self._endpoint.path("models"),
            shown=self._endpoint.shown,
            model=self._model,
            seconds=seconds,
        )

    async def close(self) -> None:
        """Close the connections; safe to call twice."""
        await self._endpoint.close()

    async def _begin(
        self, request: ModelRequest, model: str
    ) -> tuple["_Receiving", list[ModelEvent]]:
        """Ask until the first events are here, as often as is sensible; raises ModelError."""
        endpoint, dialect = self._endpoint, self._dialect(model)
        after_finish = endpoint.timeouts.after_finish
        unlimited = False
        body: dict[str, Any] = {}

        async def attempt() -> tuple[_Receiving, list[ModelEvent]]:
            nonlocal body
            body = chat_body(request, model, dialect)
            if unlimited:
                body.pop(dialect.limit, None)
            return await endpoint.receive(
                "POST",
                endpoint.path("chat/completions"),
                body,
                lambda response: _Receiving(response, request, after_finish=after_finish),
                model=model,
            )

        def lesson(refused: RefusedError) -> bool:
            nonlocal unlimited
            told, status = refused.told, refused.status
            if status in (400, 422, 500) and (learned := learn(dialect, told, body)):
                log.warning("%s, model %s: %s", endpoint.shown, model, learned)
                return True
            if status in (400, 422) and dialect.limit in body and limit_too_large(told):
                # The model's own limit is lower than the caller's: leaving it out keeps both.
                unlimited = True
                return True
            return False

        return await endpoint.insist(attempt, lesson)

    def _dialect(self, model: str) -> ChatDialect:
        if model not in self._dialects:
            host = self._endpoint.host
            openai = host == "api.openai.com" or host.endswith(".openai.azure.com")
            self._dialects[model] = ChatDialect.openai() if openai else ChatDialect()
        return self._dialects[model]


class _Receiving(Receiving):
    """A chat completion on its way in; what comes after the reason it stopped is only the usage."""

    def __init__(
        self, response: aiohttp.ClientResponse, request: ModelRequest, *, after_finish: float
    ) -> None:
        super().__init__(response, after_finish=after_finish)
        self._answer = CompletionReader()
        self._request = request
        self._done = False

    def _take(self, event: ServerSentEvent) -> Iterable[ModelEvent]:
        if event.data == b"[DONE]":
            self._answer.reason = self._answer.reason or "stop"
            self._done = True
            return ()
        if event.name == "error":
            self._answer.fail(event.data)
        return self._answer.take(event.data)

    def _take_whole(self, body: bytes) -> Iterable[ModelEvent]:
        events = self._answer.take(body)
        self._answer.reason = self._answer.reason or "stop"
        return events

    def _enough(self) -> bool:
        return self._answer.reason is not None

    def _last(self) -> bool:
        return self._done

    def _finish(self) -> list[ModelEvent]:
        return self._answer.finish(estimate_prompt(self._request))


__all__ = ["ChatCompletions", "EndpointTimeouts"]
