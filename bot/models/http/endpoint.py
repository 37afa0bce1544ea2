"""An HTTP endpoint of models: connections, retries, errors. No error shows its key."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from typing import Any, Final, TypeVar

import aiohttp
import msgspec
from msgspec import Struct
from msgspec.structs import replace
from yarl import URL

from bot.models.http.answer_reader import AnswerReader
from bot.models.http.errors import ErrorFields, error_for, read_error, read_error_object
from bot.models.http.stream_reader import WHOLE_BYTES, AnswerStream, PageError, StreamFault
from bot.models.http.transport_errors import FAULTS, REFUSED_AS, fault_error, fault_verdict
from bot.models.types import ForwardedAnswer, ModelError, ModelEvent
from bot.runtime.clock import Clock, SystemClock
from bot.runtime.retry import Attempts, RetryPolicy, TryAgain, retry, retry_after
from bot.wire.addresses import is_loopback
from bot.wire.bodies import excerpt, pieces, read_beginning, read_bounded
from bot.wire.http_client import HttpClient, StatusError, closing_on_error, status_verdict
from bot.wire.public_http import is_public_host

_log: Final = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R", bound=AnswerReader)


class EndpointTimeouts(Struct, frozen=True, kw_only=True):
    """Seconds to wait for a connection, for an answer's first byte, and between its bytes.

    A reasoning model may be silent for minutes before its first byte. ``after_finish`` is how long
    to wait for the usage after the finish reason.
    """

    connect: float = 10.0
    first_byte: float = 300.0
    between_chunks: float = 120.0
    after_finish: float = 5.0


class FailedError(Exception):
    """One try of a request failed.

    ``error`` is raised if no other try follows; ``again`` is the verdict for ``retry``.
    """

    def __init__(self, error: ModelError, again: TryAgain | None) -> None:
        super().__init__(str(error))
        self.error, self.again = error, again


class RefusedError(FailedError):
    """The endpoint answered with a status other than 200; ``fields`` is its error object."""

    def __init__(
        self, status: int, fields: ErrorFields, error: ModelError, again: TryAgain | None
    ) -> None:
        super().__init__(error, again)
        self.status, self.fields = status, fields


class Endpoint:
    """The model endpoint at ``url``; raises ValueError for an unusable URL or key.

    ``shown`` names it in errors, ``public_url`` is its URL; neither has secrets.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        timeouts: EndpointTimeouts | None = None,
        retries: RetryPolicy | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._url = URL(url)
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise ValueError(f"{url!r} is no URL of a model endpoint; it begins with http(s)://")
        self._key = (api_key or "").strip()
        if not (self._key.isascii() and self._key.isprintable()):
            raise ValueError("the API key holds characters that no key has; was it copied whole?")
        if self._key:
            self._url = self._url.with_user(None)
        self.timeouts = timeouts or EndpointTimeouts()
        self.clock = clock or SystemClock()
        self._retries = retries or RetryPolicy()
        self._closed = False
        headers = {
            "Content-Type": "application/json",
            "Accept": "text/event-stream, application/json",
        }
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        self._http = HttpClient(
            connect=self.timeouts.connect,
            headers=headers,
            secret=self._key,
            # A proxy from the environment is for other machines, not for this one.
            trust_env=not is_loopback(self.host),
        )
        shown = self._url.with_user(None).with_query(None)
        self.public_url = shown.with_path(shown.path.rstrip("/"))
        self.shown = f"the model endpoint {self.public_url}"

    @property
    def host(self) -> str:
        """The host name."""
        return self._url.host or ""

    async def is_public(self) -> bool:
        """Tell whether the host has public addresses only, as far as a lookup shows."""
        return await is_public_host(self.host, self._url.port or 443)

    def path(self, path: str, query: Mapping[str, str | list[str]] | None = None) -> URL:
        """Return the URL of a path; the query of the endpoint's URL, such as a version, stays."""
        url = self._url.with_path(f"{self._url.path.rstrip('/')}/{path}", keep_query=True)
        return url.update_query(query) if query else url

    def http(self) -> HttpClient:
        """Return the HTTP client; raises ``ModelError`` after ``close``."""
        if self._closed:
            raise ModelError("unreachable", f"{self.shown} was closed with the bot.")
        return self._http

    async def close(self) -> None:
        """Close the connections; safe to call twice."""
        self._closed = True
        await self._http.close()

    def attempts(self) -> Attempts:
        """Return a new count of tries."""
        return Attempts(self._retries, self.clock)

    def error(self, fault: BaseException, model: str, waited: float) -> ModelError:
        """Return the ``ModelError`` for one of ``FAULTS``; ``waited`` is the timeout in seconds."""
        connect = self.timeouts.connect
        error = fault_error(fault, self.shown, model=model, connect=connect, read=waited)
        error.message = self._http.scrub(error.message)
        return error

    async def retried(
        self, attempt: Callable[[], Awaitable[T]], adapt: Callable[[RefusedError], bool]
    ) -> T:
        """Call ``attempt`` until it succeeds; raises ``ModelError`` if no try is left.

        ``adapt`` gets each refusal; if it returns True, ``attempt`` is called again at once.
        """
        tries = 0

        async def adapted() -> T:
            nonlocal tries
            tries += 1
            while True:
                try:
                    return await attempt()
                except RefusedError as refused:
                    if not adapt(refused):
                        raise

        def log_wait(failed: Exception, seconds: float) -> None:
            _log.info("%s Trying again in %.1f s (try %d).", failed, seconds, tries + 1)

        try:
            return await retry(adapted, self._retries, verdict, self.clock, on_wait=log_wait)
        except FailedError as failed:
            if tries > 1:
                failed.error.message += f" Tried {tries} times."
            raise failed.error from failed

    async def receive(
        self,
        method: str,
        url: URL,
        body: dict[str, Any] | None,
        reader: R,
        *,
        model: str,
        after_finish: float = 0.0,
    ) -> tuple[AnswerStream[R], list[ModelEvent]]:
        """Send a request once and feed its answer to ``reader``, up to the first events.

        Raises ``RefusedError`` for a status other than 200, ``FailedError`` for other failures, and
        ``ModelError`` after ``close``.
        """
        data = None if body is None else msgspec.json.encode(body)
        first, between = self.timeouts.first_byte, self.timeouts.between_chunks
        try:
            with self.failing(model, first):
                async with asyncio.timeout(first):
                    response = await self._open(method, url, data, model)
                    with closing_on_error(response):
                        stream = AnswerStream(response, reader, after_finish=after_finish)
                        events = await stream.more(None)
            with closing_on_error(response), self.failing(model, between):
                while not events:  # thoughts, and comments that keep the connection open
                    events = await stream.more(between)
        except FailedError as failed:
            fault = failed.__cause__
            if method == "POST" and isinstance(fault, StreamFault) and fault.error is not None:
                # An error event in a response with status 200 is as good as a refusal.
                status, fields = (
                    REFUSED_AS.get(failed.error.kind, 400),
                    read_error_object(fault.error),
                )
                raise RefusedError(status, fields, failed.error, failed.again) from fault
            raise
        return stream, events

    async def fetch(
        self, method: str, url: URL, *, model: str = "any", most_bytes: int = WHOLE_BYTES
    ) -> bytes:
        """Send a request without a body; return the response's body. Raises like ``receive``."""
        wait = self.timeouts.between_chunks
        with self.failing(model, wait):
            async with asyncio.timeout(wait):
                with closing(await self._open(method, url, None, model)) as response:
                    return await read_bounded(response, most_bytes)

    @asynccontextmanager
    async def forward(
        self, method: str, path: str, body: bytes | None, *, model: str | None
    ) -> AsyncIterator[ForwardedAnswer]:
        """Forward a client's request once; see ``ForwardingModel.forward``."""
        if body is not None and model is not None:
            fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
            fields["model"] = msgspec.Raw(msgspec.json.encode(model))
            body = msgspec.json.encode(fields)
        wait = self.timeouts.first_byte
        with self.failing(model or "any", wait):
            async with asyncio.timeout(wait):
                response = await self._open(method, self.path(path), body, model or "any")
                with closing_on_error(response):
                    await self._refuse_page(response)
        with closing(response):
            content_type = response.headers.get("Content-Type", "application/octet-stream")
            yield ForwardedAnswer(content_type, self._pieces(response))

    async def _pieces(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        wait = self.timeouts.between_chunks
        with self.failing("any", wait):
            async for piece in pieces(response, wait):
                yield piece

    async def _open(
        self, method: str, url: URL, body: bytes | None, model: str
    ) -> aiohttp.ClientResponse:
        """Send a request once; raises ``RefusedError`` for a status other than 200."""
        try:
            return await self.http().open(method, url, data=body, accepted=(200,))
        except StatusError as refusal:
            raise self._refused(refusal, model) from refusal

    @staticmethod
    async def _refuse_page(response: aiohttp.ClientResponse) -> None:
        """Raise ``PageError`` for a web page."""
        if response.content_type == "text/html":
            raise PageError(excerpt(await read_beginning(response, 1000), 80))

    def _refused(self, refusal: StatusError, model: str) -> RefusedError:
        status, headers, now = refusal.status, refusal.headers, self.clock.now()
        fields = read_error(refusal.body)
        if 300 <= status < 400:
            fields = ErrorFields(message=f"it points to {headers.get('Location', 'nowhere')}")
        fields = replace(fields, message=self._http.scrub(fields.message))
        wait = retry_after(headers, now)
        error = error_for(self.shown, status, fields, model=model, retry_after=wait)
        return RefusedError(status, fields, error, status_verdict(status, headers, now))

    @contextmanager
    def failing(self, model: str, waited: float) -> Iterator[None]:
        """Turn ``FAULTS`` in the ``with`` block into ``FailedError``; ``waited`` is the timeout."""
        try:
            yield
        except FAULTS as fault:
            error = self.error(fault, model, waited)
            raise FailedError(error, fault_verdict(fault, error)) from fault


def verdict(error: Exception) -> TryAgain | None:
    """Return the verdict for ``retry`` on a failed try: None if it can't help to try again."""
    if not isinstance(error, FailedError) or error.error.hopeless:
        return None
    return error.again
