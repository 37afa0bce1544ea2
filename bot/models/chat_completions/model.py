"""Streamed chat completions, retried until the first event; failures are ``ModelError``."""

import logging
from collections.abc import AsyncGenerator
from typing import Any, Final

from bot.models.chat_completions.dialect import ChatDialect
from bot.models.chat_completions.request import chat_body
from bot.models.chat_completions.stream import CompletionReader
from bot.models.estimates import estimate_prompt
from bot.models.hosted_support import require_hosts
from bot.models.http.endpoint import RefusedError
from bot.models.http.endpoint_model import EndpointModel
from bot.models.http.errors import passing_fault
from bot.models.http.stream_reader import AnswerStream
from bot.models.http.transport_errors import FAULTS
from bot.models.types import ModelEvent, ModelRequest

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
        stream, events = await self._begin(request, model)
        wait = self._endpoint.timeouts.between_chunks
        try:
            while True:
                for event in events:
                    yield event
                if stream.ended:
                    return
                try:
                    events = await stream.more(wait)
                except FAULTS as fault:
                    raise self._endpoint.error(fault, model, wait) from fault
        finally:
            stream.close()
            self._note(stream.reader, model)

    async def _begin(
        self, request: ModelRequest, model: str
    ) -> tuple[AnswerStream[CompletionReader], list[ModelEvent]]:
        """Send the request, with retries until the first events arrive; raises ``ModelError``."""
        endpoint, dialect = self._endpoint, self._dialect(model)
        estimate = estimate_prompt(request)
        tools = frozenset(tool.name for tool in request.tools)
        left_out: set[str] = set()
        asked_again = False
        body: dict[str, Any] = {}

        async def attempt() -> tuple[AnswerStream[CompletionReader], list[ModelEvent]]:
            nonlocal body
            body = chat_body(request, model, dialect)
            for name in left_out:
                body.pop(name, None)
            reader = CompletionReader(
                tools=tools,
                prompt_estimate=estimate,
                unopened=dialect.closes_unopened,
                thoughts=request.thoughts,
            )
            return await endpoint.receive(
                "POST",
                endpoint.path("chat/completions"),
                body,
                reader,
                model=model,
                after_finish=endpoint.timeouts.after_finish,
            )

        def adapt(refused: RefusedError) -> bool:
            nonlocal asked_again
            if refused.status not in _TEACHING:
                return False
            adapts = self._adapts(refused, model, body, limit=dialect.limit, left_out=left_out)
            if adapts is None and not asked_again and passing_fault(refused.fields):
                _log.info("%s Asking once more.", refused.error)
                asked_again = adapts = True
            return bool(adapts)

        return await endpoint.retried(attempt, adapt)

    def _note(self, answer: CompletionReader, model: str) -> None:
        """Log skipped events of an answer, and remember how the model marks its reasoning."""
        answer.log_skipped(self._endpoint.shown, model)
        dialect = self._dialect(model)
        if answer.thinking.closed_unopened:
            dialect.closes_unopened = True
        elif answer.reason == "stop" and answer.thinking.holds_unopened:
            dialect.closes_unopened = False

    def _new_dialect(self, model: str) -> ChatDialect:
        return ChatDialect.of_host(self._endpoint.host)
