"""OpenAI's Responses API, streamed; a background response survives a restart of the bot.

Requests are retried until the first event; failures are ``ModelError``.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine
from typing import Any, Final, Unpack

from bot.models.estimates import estimate_prompt
from bot.models.hosted_support import require_hosts
from bot.models.http.endpoint import FailedError, RefusedError
from bot.models.http.endpoint_model import EndpointModel, EndpointOptions
from bot.models.http.stream_reader import AnswerStream
from bot.models.http.transport_errors import FAULTS
from bot.models.responses.events import ResponseReader
from bot.models.responses.receiver import ResponseSource, Resumption
from bot.models.responses.request import ResponsesDialect, included, refused_seal, response_body
from bot.models.types import ModelError, ModelEvent, ModelRequest

_log: Final = logging.getLogger(__name__)

_CLEANUP_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 2.0


class Responses(EndpointModel[ResponsesDialect]):
    """A Responses API at ``url`` (before /responses); a ``ResumableModel`` with ``background``.

    With ``background`` the endpoint stores answers until ``forget``, and they begin with
    ``Started``; without, it stores nothing. ``poll`` is the interval in seconds for an answer that
    can't be streamed any more.
    """

    api = "responses"
    hosts = frozenset({"code_interpreter", "web_search"})

    def __init__(
        self,
        url: str,
        *,
        background: bool = False,
        poll: float = 2.0,
        **options: Unpack[EndpointOptions],
    ) -> None:
        super().__init__(url, **options)
        self._background = background
        self._poll = poll
        self._leaving = False
        self._cleanups: dict[asyncio.Task[None], str] = {}

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield the answer's events; raises ``ModelError``.

        Closing drops the connection and cancels a background response.
        """
        return self._read(request, None)

    def resume(self, response_id: str, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield the answer that an earlier ``Started`` announced, from its beginning.

        Raises ``ModelError``; its kind is "gone" if the response was deleted or cancelled. Closing
        does the same as for ``stream``.
        """
        return self._read(request, response_id)

    async def forget(self, response_id: str) -> None:
        """Delete a stored response; a failure is logged, and the response expires by itself."""
        for task in [task for task, id_ in self._cleanups.items() if id_ == response_id]:
            await asyncio.wait([task])
        await self._clean_up("DELETE", f"responses/{response_id}")

    async def abandon(self, response_id: str) -> None:
        """Cancel and delete a response that nobody will read; best effort, never raises."""
        await self._clean_up("POST", f"responses/{response_id}/cancel")
        await self.forget(response_id)

    def leave_running(self) -> None:
        """From now on, closing a stream lets its response continue, to be resumed later."""
        self._leaving = True

    async def close(self) -> None:
        """Finish pending cancellations and close the connections; safe to call twice."""
        if self._cleanups:
            _, late = await asyncio.wait(list(self._cleanups), timeout=_CLOSE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await super().close()

    async def _read(
        self, request: ModelRequest, response_id: str | None
    ) -> AsyncGenerator[ModelEvent, None]:
        model = self._served(request.model)
        source: ResponseSource
        if response_id is None:
            require_hosts(self, request)
            source, events = await self._create_or_cancel(request, model)
            reader = source.reader
            resumption = self._resumption(reader, request, model)
        else:
            estimate = estimate_prompt(request)
            reader = ResponseReader(
                response_id, prompt_estimate=estimate, background=True, thoughts=request.thoughts
            )
            resumption = self._resumption(reader, request, model)
            source, events = await resumption.open()
        wait = self._endpoint.timeouts.between_chunks
        try:
            while True:
                for event in events:
                    yield event
                if source.ended:
                    return
                try:
                    events = await source.more(wait)
                except (FailedError, *FAULTS) as fault:
                    source.close()
                    source, events = await resumption.after(fault, wait)
        finally:
            source.close()
            reader.log_skipped(self._endpoint.shown, model)
            self._abandon_background(reader)

    async def _create_or_cancel(
        self, request: ModelRequest, model: str
    ) -> tuple[AnswerStream[ResponseReader], list[ModelEvent]]:
        """Create a response; abandon it where the caller is cancelled before its id is known."""
        unwanted = asyncio.Event()
        if not (self._background and request.resumable):
            return await self._create(request, model, unwanted)
        creating = asyncio.create_task(self._create(request, model, unwanted))
        try:
            return await asyncio.shield(creating)
        except asyncio.CancelledError:
            unwanted.set()
            self._start_cleanup(self._abandon_created(creating), "")
            raise

    async def _create(
        self, request: ModelRequest, model: str, unwanted: asyncio.Event
    ) -> tuple[AnswerStream[ResponseReader], list[ModelEvent]]:
        """Send the request, with retries until the first events arrive; raises ``ModelError``."""
        endpoint, dialect = self._endpoint, self._dialect(model)
        estimate = estimate_prompt(request)
        left_out: set[str] = set()
        sealed = True
        body: dict[str, Any] = {}

        async def attempt() -> tuple[AnswerStream[ResponseReader], list[ModelEvent]]:
            nonlocal body
            if unwanted.is_set():
                raise asyncio.CancelledError
            body = response_body(
                request,
                model,
                dialect,
                background=self._background and request.resumable,
                sealed=sealed,
            )
            for name in left_out:
                body.pop(name, None)
            background = "background" in body

            reader = ResponseReader(
                prompt_estimate=estimate, background=background, thoughts=request.thoughts
            )
            return await endpoint.receive(
                "POST", endpoint.path("responses"), body, reader, model=model
            )

        def adapt(refused: RefusedError) -> bool:
            nonlocal sealed
            fields, status = refused.fields, refused.status
            if status == 404:
                refused.error.message += (
                    " A server without the Responses API is used through chat completions, by"
                    ' [models] endpoint = "chat".'
                )
            if status not in (400, 422):
                return False
            adapts = self._adapts(
                refused, model, body, limit="max_output_tokens", left_out=left_out
            )
            if adapts is None and sealed and refused_seal(fields):
                _log.warning("%s can't read its reasoning: %s", endpoint.shown, refused.error)
                sealed, adapts = False, True
            return bool(adapts)

        return await endpoint.retried(attempt, adapt)

    def _resumption(self, reader: ResponseReader, request: ModelRequest, model: str) -> Resumption:
        include = included(request, self._dialect(model))
        return Resumption(self._endpoint, reader, model=model, include=include, poll=self._poll)

    def _abandon_background(self, reader: ResponseReader) -> None:
        """Abandon a background response that nobody will read."""
        if self._leaving or not reader.background or reader.ended_remotely or reader.id is None:
            return
        self._start_cleanup(self._abandon(reader.id), reader.id)

    def _start_cleanup(self, work: Coroutine[Any, Any, None], response_id: str) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._cleanups[task] = response_id
        task.add_done_callback(self._cleanups.pop)

    async def _abandon_created(
        self, creating: asyncio.Task[tuple[AnswerStream[ResponseReader], list[ModelEvent]]]
    ) -> None:
        try:
            async with asyncio.timeout(_CLEANUP_SECONDS):
                source, _ = await creating
        except (ModelError, TimeoutError, asyncio.CancelledError):
            return  # no response was created, or none whose id is known
        source.close()
        if source.reader.background and source.reader.id is not None:
            await self._abandon(source.reader.id)

    async def _abandon(self, response_id: str) -> None:
        """Cancel and delete a response that nobody will read."""
        if await self._clean_up("POST", f"responses/{response_id}/cancel"):
            await self._clean_up("DELETE", f"responses/{response_id}")

    async def _clean_up(self, method: str, path: str) -> bool:
        """Send a request whose response does not matter; log a failure and return False."""
        endpoint = self._endpoint
        try:
            async with asyncio.timeout(_CLEANUP_SECONDS):
                await endpoint.retried(
                    lambda: endpoint.fetch(method, endpoint.path(path)), lambda _: False
                )
        except (ModelError, TimeoutError) as error:
            _log.warning(
                "%s %s failed; the response expires there by itself. %s", method, path, error
            )
            return False
        return True

    def _new_dialect(self, model: str) -> ResponsesDialect:
        return ResponsesDialect.of(model)
