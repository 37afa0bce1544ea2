"""Streamed chat completions, retried until the first event; failures are ``ModelError``."""

import logging
from collections.abc import AsyncGenerator, Iterable
from typing import Any, Final

import aiohttp

from bot.models.chat_completions.dialect import ChatDialect, learn
from bot.models.chat_completions.request import chat_body
from bot.models.chat_completions.stream import CompletionReader
from bot.models.estimates import estimate_prompt
from bot.models.hosted_support import require_hosts
from bot.models.http.endpoint import RefusedError
from bot.models.http.endpoint_model import EndpointModel
from bot.models.http.errors import limit_too_large, passing_fault, refused_tools
from bot.models.http.leniency import is_end, parse
from bot.models.http.stream_reader import Receiving, log_skipped
from bot.models.http.transport_errors import FAULTS
from bot.models.types import (
    ModelEvent,
    ModelRequest,
)
from bot.wire.sse import ServerSentEvent

_log: Final = logging.getLogger(__name__)

_TEACHING: Final = frozenset({400, 404, 422, 500, 501})
"""The statuses of refusals that may say what the endpoint takes instead."""


class ChatCompletions(EndpointModel[ChatDialect]):
    """A chat completions endpoint at ``url``, the part before /chat/completions."""

    api = "chat completions"

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield the answer's events; raises ``ModelError``. Closing drops the connection."""
        require_hosts(self, request)
        model = self._served(request.model)
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
                    CompletionReader(
                        tools=tools,
                        unopened=dialect.closes_unopened,
                        thoughts=request.thoughts,
                    ),
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
                        " file_search from now on (%s)", endpoint.shown, model, fields.logged
                    )  # fmt: skip
                dialect.calls_tools = False
                return False
            if dialect.limit in body and limit_too_large(fields):
                # The model's own limit is lower than the caller's: without the field, both hold.
                unlimited = True
                return True
            if not again and passing_fault(fields):
                _log.info("%s Asking once more.", refused.error)
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

    def _new_dialect(self, model: str) -> ChatDialect:
        return ChatDialect.of_host(self._endpoint.host)


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
        if event.name == "message":  # almost every event
            return self.answer.take(event.data)
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
        """Quote what came instead of an answer; else the end marker and the reason are enough."""
        if not self._enough():
            self.answer.cut()

    def _last(self) -> bool:
        return self.answer.done

    def _finish(self) -> list[ModelEvent]:
        return self.answer.finish(estimate_prompt(self._request))
