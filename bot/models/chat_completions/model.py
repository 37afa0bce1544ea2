"""Streamed chat completions, retried until the first event; failures are ``ModelError``."""

import logging
from collections.abc import AsyncGenerator, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import aiohttp

from bot.models.chat_completions.dialect import ChatDialect, learn
from bot.models.chat_completions.request import chat_body
from bot.models.chat_completions.stream import CompletionReader
from bot.models.estimates import estimate_prompt
from bot.models.hosted_support import require_hosts
from bot.models.http.check import check_endpoint
from bot.models.http.endpoint import Endpoint, EndpointTimeouts, RefusedError
from bot.models.http.errors import limit_too_large, passing_fault, refused_tools
from bot.models.http.leniency import is_end, parse
from bot.models.http.stream_reader import Receiving, log_skipped
from bot.models.http.transport_errors import FAULTS
from bot.models.types import (
    ForwardedAnswer,
    ModelEvent,
    ModelRequest,
    ModelStatus,
)
from bot.runtime.clock import Clock
from bot.runtime.retry import RetryPolicy
from bot.wire.sse import ServerSentEvent

_log: Final = logging.getLogger(__name__)

_TEACHING: Final = frozenset({400, 404, 422, 500, 501})
"""The statuses of refusals that may say what the endpoint takes instead."""


class ChatCompletions:
    """A chat completions endpoint at ``url``, the part before /chat/completions.

    ``model`` replaces the model that a request names. ``name`` replaces the description built from
    URL and model. Raises ValueError for an unusable URL or key.
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
        """A description for people."""
        return self._name

    def calls_tools(self, model: str) -> bool:
        """Tell whether the model may call tools; False once the endpoint has refused them."""
        return self._dialect(self._model or model).calls_tools

    async def fetches_images(self) -> bool:
        """Tell whether the endpoint gets addresses of images; a private one never does."""
        return await self._endpoint.is_public()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield the answer's events; raises ``ModelError``. Closing drops the connection."""
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
            self._note(receiving.answer, model)

    def forward(
        self, method: str, path: str, body: bytes | None
    ) -> AbstractAsyncContextManager[ForwardedAnswer]:
        """Forward a client's request; see ``ForwardingModel.forward``."""
        return self._endpoint.forward(method, path, body, model=self._model)

    async def check(self, *, seconds: float = 10.0) -> ModelStatus:
        """GET the list of models; without a list, ask for one token."""
        return await check_endpoint(
            self,
            self._endpoint.http(),
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
    ) -> tuple["ChatReceiving", list[ModelEvent]]:
        """Retry the request until the first events arrive; raises ``ModelError``."""
        endpoint, dialect = self._endpoint, self._dialect(model)
        after_finish = endpoint.timeouts.after_finish
        tools = frozenset(tool.name for tool in request.tools)
        unlimited = again = False
        body: dict[str, Any] = {}

        async def attempt() -> tuple[ChatReceiving, list[ModelEvent]]:
            nonlocal body
            body = chat_body(request, model, dialect)
            if unlimited:
                body.pop(dialect.limit, None)
            return await endpoint.receive(
                "POST",
                endpoint.path("chat/completions"),
                body,
                lambda response: ChatReceiving(
                    response,
                    request,
                    CompletionReader(tools=tools, unopened=dialect.closes_unopened),
                    after_finish=after_finish,
                ),
                model=model,
            )

        def adapt(refused: RefusedError) -> bool:
            nonlocal unlimited, again
            fields, status = refused.fields, refused.status
            if status not in _TEACHING:
                return False
            if learned := learn(dialect, fields, body):
                _log.warning("%s, model %s: %s", endpoint.shown, model, learned)
                return True
            if "tools" in body and refused_tools(fields):
                if dialect.calls_tools:
                    _log.warning(
                        "%s, model %s, calls no tools: it answers without code_interpreter and"
                        " file_search from now on (%s)", endpoint.shown, model, fields.message
                    )  # fmt: skip
                dialect.calls_tools = False
                return False
            if dialect.limit in body and limit_too_large(fields):
                # The model's own limit is lower than the caller's: without the field, both hold.
                unlimited = True
                return True
            if not again and passing_fault(fields):
                _log.info("%s Asking once more.", refused.error.message)
                again = True
                return True
            return False

        return await endpoint.retried(attempt, adapt)

    def _note(self, answer: CompletionReader, model: str) -> None:
        """Log skipped events of an answer, and remember how the model marks its reasoning."""
        log_skipped(self._endpoint.shown, model, answer.skipped, answer.first_skipped)
        dialect = self._dialect(model)
        if answer.thinking.closed_unopened:
            dialect.closes_unopened = True
        elif answer.reason == "stop" and answer.thinking.holds_unopened:
            dialect.closes_unopened = False

    def _dialect(self, model: str) -> ChatDialect:
        if model not in self._dialects:
            host = self._endpoint.host
            openai = host == "api.openai.com" or host.endswith(".openai.azure.com")
            self._dialects[model] = ChatDialect.openai() if openai else ChatDialect()
        return self._dialects[model]


class ChatReceiving(Receiving):
    """Reads a chat completion; only the usage follows the finish reason."""

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        request: ModelRequest,
        answer: CompletionReader,
        *,
        after_finish: float,
    ) -> None:
        super().__init__(response, after_finish=after_finish)
        self.answer = answer
        self._request = request

    def _take(self, event: ServerSentEvent) -> Iterable[ModelEvent]:
        if event.name == "error":
            self.answer.fail(event.data)
        elif is_end(event.name, event.data):
            return self.answer.take(b"[DONE]")
        return self.answer.take(event.data)

    def _take_whole(self, body: bytes) -> Iterable[ModelEvent]:
        events = self.answer.take(body)
        if len(parse(body)) < 2:  # a chunk a line is a stream, that may have been cut
            self.answer.reason = self.answer.reason or "stop"
        return events

    def _enough(self) -> bool:
        return self.answer.reason is not None

    def _stream_ended(self) -> None:
        """Ignore it: the end marker and the finish reason are enough."""

    def _last(self) -> bool:
        return self.answer.done

    def _finish(self) -> list[ModelEvent]:
        return self.answer.finish(estimate_prompt(self._request))


__all__ = ["ChatCompletions", "ChatReceiving", "EndpointTimeouts"]
