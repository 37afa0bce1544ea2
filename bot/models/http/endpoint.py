"""An HTTP endpoint of models: its connections, its tries, its errors; a key never leaves it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, NoReturn, TypeVar

import aiohttp
import msgspec
from msgspec import Struct
from yarl import URL

from bot.models.http.errors import Told, error_for, read_error
from bot.models.http.image_fetcher import is_public_host
from bot.models.http.stream_reader import WHOLE_BYTES, Receiving, StreamFault
from bot.models.http.transport_errors import (
    FAULTS,
    REFUSED_AS,
    Waits,
    fault_error,
    retried_as,
    told_by,
)
from bot.models.types import ForwardedAnswer, ModelError, ModelEvent
from bot.runtime.clock import Clock, SystemClock
from bot.wire.addresses import is_loopback
from bot.wire.bodies import excerpt, pieces, read_beginning, read_bounded, sendable
from bot.wire.retry import Answered, Retrying, RetryPolicy, retry_after

_log: Final = logging.getLogger(__name__)

_ERROR_BYTES: Final = 64 * 1024
T = TypeVar("T")
R = TypeVar("R", bound=Receiving)


class EndpointTimeouts(Struct, frozen=True, kw_only=True):
    """Seconds to wait: for a connection, an answer's first byte, and then between its bytes.

    A model that reasons may be silent for minutes before its first byte. ``after_finish`` is how
    long the usage is awaited once the model has said why it stopped.
    """

    connect: float = 10.0
    first_byte: float = 300.0
    between_chunks: float = 120.0
    after_finish: float = 5.0


class RefusedError(Exception):
    """The endpoint answered with another status than 200; ``error`` is what it comes to."""

    def __init__(
        self, status: int, headers: Mapping[str, str], told: Told, error: ModelError
    ) -> None:
        super().__init__(error.message)
        self.status, self.headers, self.told, self.error = status, headers, told, error


class FailedError(Exception):
    """The endpoint answered nothing usable; ``failure`` is what retries go by, None for none."""

    def __init__(self, failure: Answered | BaseException | None, error: ModelError) -> None:
        super().__init__(error.message)
        self.failure, self.error = failure, error


class Endpoint:
    """What stands at ``url``; raises ValueError for a URL or a key that cannot be one.

    ``shown`` names it in errors, without secrets; ``public_url`` is its URL without them.
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
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        shown = self._url.with_user(None).with_query(None)
        self.public_url = shown.with_path(shown.path.rstrip("/"))
        self.shown = f"the model endpoint {self.public_url}"

    @property
    def host(self) -> str:
        """The host's name."""
        return self._url.host or ""

    async def is_public(self) -> bool:
        """Whether the host has public addresses only, as far as they can be looked up."""
        return await is_public_host(self.host, self._url.port or 443)

    def path(self, path: str, query: Mapping[str, str | list[str]] | None = None) -> URL:
        """The URL of one of the endpoint's paths; a query, as for an API version, stays last."""
        url = self._url.with_path(f"{self._url.path.rstrip('/')}/{path}", keep_query=True)
        return url.update_query(query) if query else url

    def session(self) -> aiohttp.ClientSession:
        """The connections, opened at the first use; raises ModelError after ``close``."""
        if self._closed:
            raise ModelError("unreachable", f"{self.shown} was closed with the bot.")
        if self._session is None:
            headers = {
                "Content-Type": "application/json",
                "Accept": "text/event-stream, application/json",
            }
            if self._key:
                headers["Authorization"] = f"Bearer {self._key}"
            self._session = aiohttp.ClientSession(
                headers=headers,
                # How many answers may run at once is the caller's to say.
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.timeouts.connect),
                # A proxy from the environment is for the world, not for this machine.
                trust_env=not is_loopback(self.host),
            )
        return self._session

    async def close(self) -> None:
        """Close the connections; safe to call twice."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    def retrying(self) -> Retrying:
        """A new count of tries."""
        return Retrying(self._retries, self.clock)

    def error(self, fault: BaseException, model: str, waited: float) -> ModelError:
        """The ModelError that one of ``FAULTS`` is, after so many seconds without a byte."""
        waits = Waits(connect=self.timeouts.connect, read=waited)
        return fault_error(fault, self.shown, model=model, waits=waits)

    async def insist(
        self, attempt: Callable[[], Awaitable[T]], learn: Callable[[RefusedError], bool]
    ) -> T:
        """Attempt as often as is sensible, at once again where ``learn`` made use of a refusal.

        Raises ModelError.
        """
        retrying = self.retrying()
        while True:
            failure: Answered | BaseException | None
            try:
                return await attempt()
            except RefusedError as refused:
                if learn(refused):
                    continue
                failure, error = Answered(refused.status, refused.headers), refused.error
            except FailedError as failed:
                failure, error = failed.failure, failed.error
            if failure is None or error.hopeless or not await retrying.again(failure):
                if retrying.attempt > 1:
                    error.message += f" Tried {retrying.attempt} times."
                raise error
            _log.info("%s Trying again (try %d).", error.message, retrying.attempt)

    async def receive(
        self,
        method: str,
        url: URL,
        body: dict[str, Any] | None,
        make: Callable[[aiohttp.ClientResponse], R],
        *,
        model: str,
    ) -> tuple[R, list[ModelEvent]]:
        """Ask once and read up to the first events.

        Raises RefusedError for another status than 200, FailedError for all else, and ModelError
        after ``close``.
        """
        wait = self.timeouts.first_byte
        response: aiohttp.ClientResponse | None = None
        begun = False
        session = self.session()
        try:
            async with asyncio.timeout(wait):
                response = await session.request(
                    method,
                    url,
                    data=None if body is None else sendable(msgspec.json.encode(body)),
                    allow_redirects=False,
                )
                if response.status != 200:
                    await self.refuse(response, model)
                receiving = make(response)
                events = await receiving.more(None)
            wait = self.timeouts.between_chunks
            while not events:  # the bytes of thoughts and of comments that keep the line open
                events = await receiving.more(wait)
            begun = True
        except FAULTS as fault:
            error = self.error(fault, model, wait)
            if method == "POST" and isinstance(fault, StreamFault) and fault.error is not None:
                # An error told with status 200 teaches as much as one told with another.
                status = REFUSED_AS.get(error.kind, 400)
                raise RefusedError(status, {}, told_by(fault), error) from fault
            raise FailedError(retried_as(fault, error), error) from fault
        else:
            return receiving, events
        finally:
            if response is not None and not begun:
                response.close()

    async def order(self, method: str, url: URL, *, model: str = "any") -> bytes:
        """Send a request without a body and read its answer whole; raises as ``receive`` does."""
        wait = self.timeouts.between_chunks
        session = self.session()
        try:
            async with (
                asyncio.timeout(wait),
                session.request(method, url, allow_redirects=False) as response,
            ):
                if response.status != 200:
                    await self.refuse(response, model)
                return await read_bounded(response, WHOLE_BYTES)
        except FAULTS as fault:
            error = self.error(fault, model, wait)
            raise FailedError(retried_as(fault, error), error) from fault

    @asynccontextmanager
    async def forward(
        self, method: str, path: str, body: bytes | None, *, model: str | None
    ) -> AsyncIterator[ForwardedAnswer]:
        """Send a request made elsewhere, once; see ``ForwardingModel.forward``."""
        if body is not None and model is not None:
            fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
            fields["model"] = msgspec.Raw(msgspec.json.encode(model))
            body = msgspec.json.encode(fields)
        wait = self.timeouts.first_byte
        session = self.session()
        response: aiohttp.ClientResponse | None = None
        try:
            try:
                async with asyncio.timeout(wait):
                    response = await session.request(
                        method, self.path(path), data=sendable(body), allow_redirects=False
                    )
                    if response.status != 200:
                        await self.refuse(response, model or "any")
                    if response.content_type == "text/html":
                        await self._refuse_page(response)
            except FAULTS as fault:
                raise FailedError(None, self.error(fault, model or "any", wait)) from fault
            content_type = response.headers.get("Content-Type", "application/octet-stream")
            yield ForwardedAnswer(content_type, self._pieces(response))
        finally:
            if response is not None:
                response.close()

    async def _pieces(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        wait = self.timeouts.between_chunks
        try:
            async for piece in pieces(response, wait):
                yield piece
        except FAULTS as fault:
            raise FailedError(None, self.error(fault, "any", wait)) from fault

    async def _refuse_page(self, response: aiohttp.ClientResponse) -> NoReturn:
        page = excerpt(await read_beginning(response, 1000), 80)
        message = f"{self.shown} answered a web page ({page}); check the URL (most end in /v1)."
        raise FailedError(None, ModelError("rubbish", message))

    async def refuse(self, response: aiohttp.ClientResponse, model: str) -> NoReturn:
        """Raise the RefusedError that an answer with another status than 200 is."""
        told = read_error(await read_beginning(response, _ERROR_BYTES))
        if 300 <= response.status < 400:
            told = Told(message=f"it points to {response.headers.get('location', 'nowhere')}")
        wait = retry_after(response.headers, self.clock.now())
        error = error_for(self.shown, response.status, told, model=model, retry_after=wait)
        raise RefusedError(response.status, response.headers, told, error)
