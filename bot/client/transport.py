"""HTTP requests to a server of the API, retried only if that can't repeat an effect."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, Literal, TypeVar
from urllib.parse import urlencode, urlsplit

import aiohttp
import msgspec
from aiohttp import hdrs
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from bot.assistants.errors import APIError, invalid
from bot.client.decoding import UnusableError, decode
from bot.client.errors import ErrorTranslator
from bot.client.uploads import UploadBody
from bot.runtime.clock import Clock
from bot.runtime.log_context import LOG_ID
from bot.runtime.retry import RetryPolicy, TryAgain, retry
from bot.wire.bodies import BodyTooLargeError, pieces, read_bounded
from bot.wire.http_client import (
    CLIENT_REQUEST_ID,
    TRANSPORT_ERRORS,
    HttpClient,
    StatusError,
    closing_on_error,
    http_verdict,
    never_connected,
)

T = TypeVar("T")
Method = Literal["GET", "POST", "DELETE"]
Query = tuple[tuple[str, str], ...]

_JSON: Final = "application/json"
_ENCODING: Final = hdrs.CONTENT_ENCODING


class ClientTimeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds to connect, for a whole response, and for a stream to begin or go on."""

    connect: float = 10.0
    answer: float = 60.0
    silence: float = 90.0


class Transport:
    """Sends requests to one base URL with one key."""

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        *,
        session: aiohttp.ClientSession | None,
        timeouts: ClientTimeouts,
        retries: RetryPolicy,
        clock: Clock,
        max_body: int,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ValueError(
                f"{base_url!r} is not the base URL of a server. Give one such as "
                "http://127.0.0.1:8765/v1."
            )
        # A user and password in the URL are sent, and never shown in an error.
        server = parts.netloc.rpartition("@")[2]
        self._base = base_url.rstrip("/")
        self.http = HttpClient(connect=timeouts.connect, secret=api_key or None, session=session)
        self._retries = retries
        self.clock = clock
        self._max_body = max_body
        self.failures = ErrorTranslator(server, self.http.scrub, clock)
        headers = {"Accept": _JSON, "OpenAI-Beta": "assistants=v2", "User-Agent": "assistants-bot"}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        # Built once: aiohttp takes multidicts without copying them.
        self._headers = CIMultiDictProxy(CIMultiDict(headers))
        headers["Content-Type"] = _JSON
        self._bytes_headers = CIMultiDictProxy(CIMultiDict({**headers, "Accept": "*/*"}))
        self._body_headers = CIMultiDictProxy(CIMultiDict(headers))
        headers["Accept"] = "text/event-stream, application/json"
        self._stream_headers = CIMultiDictProxy(CIMultiDict(headers))
        self._timeout = aiohttp.ClientTimeout(total=timeouts.answer, sock_connect=timeouts.connect)
        self._upload_timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=timeouts.connect, sock_read=timeouts.answer
        )
        self._stream_timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=timeouts.connect, sock_read=timeouts.silence
        )
        self._answer_seconds = timeouts.answer
        self.silence = timeouts.silence
        self._decoders: dict[Any, msgspec.json.Decoder[Any]] = {}

    async def close(self) -> None:
        """Close the connections, unless the session is the caller's."""
        await self.http.close()

    async def get(self, kind: type[T], path: str, query: Query = ()) -> T:
        """GET an object."""
        return self._object(kind, (await self._send("GET", path, query=query))[1])

    async def get_with_headers(self, kind: type[T], path: str) -> tuple[T, Mapping[str, str]]:
        """GET an object; return it with the response's headers."""
        response, body = await self._send("GET", path)
        return self._object(kind, body), response.headers

    async def post(self, kind: type[T], path: str, request: msgspec.Struct | None = None) -> T:
        """POST a request; return the object in the response."""
        _, body = await self._send("POST", path, body=_body(request, streamed=False))
        return self._object(kind, body)

    async def delete(self, path: str, gone: T) -> T:
        """DELETE an object; ``gone`` is the API's response to a successful deletion."""
        _, body = await self._send("DELETE", path, gone=msgspec.json.encode(gone))
        return self._object(type(gone), body)

    async def stream(
        self, path: str, request: msgspec.Struct, query: Query = ()
    ) -> aiohttp.ClientResponse:
        """POST a request for a stream; return the open response, which the caller closes."""
        body = _body(request, streamed=True)
        return (await self._send("POST", path, query=query, body=body, streamed=True))[0]

    async def upload(self, kind: type[T], path: str, upload: UploadBody) -> T:
        """POST a file piece by piece; raises the exceptions of its content."""
        try:
            _, body = await self._send("POST", path, upload=upload)
        except APIError:
            if upload.failure is not None:
                raise upload.failure from None
            raise
        return self._object(kind, body)

    async def open(self, path: str) -> "Bytes":
        """GET bytes, to be read piece by piece."""
        response, _ = await self._send("GET", path, streamed=True)
        return Bytes(response, self.failures, self.silence)

    async def read_whole(self, response: aiohttp.ClientResponse, kind: type[T]) -> T:
        """Return the object that a server sent whole, in place of the stream asked for."""
        try:
            async with response, asyncio.timeout(self._answer_seconds):
                body = await self._read(response)
        except TRANSPORT_ERRORS as error:
            raise self.failures.unreachable(error) from None
        return self._object(kind, body)

    def decode(self, kind: type[T], body: bytes) -> T:
        """Return the object in ``body``; raises ``UnusableError``."""
        decoder = self._decoders.get(kind)
        if decoder is None:
            decoder = self._decoders[kind] = msgspec.json.Decoder(kind)
        result: T = self.failures.cleaned(decode(decoder, body))
        return result

    def _object(self, kind: type[T], body: bytes) -> T:
        try:
            return self.decode(kind, body)
        except UnusableError as error:
            raise self.failures.unusable(str(error)) from None

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        length = response.content_length
        if length is not None and length <= self._max_body and _ENCODING not in response.headers:
            return await response.read()
        try:
            return await read_bounded(response, self._max_body)
        except BodyTooLargeError as error:
            raise self.failures.unusable(f"larger than {error.limit} bytes") from None

    async def _send(
        self,
        method: Method,
        path: str,
        *,
        query: Query = (),
        body: bytes | None = None,
        gone: bytes | None = None,
        streamed: bool = False,
        upload: UploadBody | None = None,
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        """Send a request with retries; return the response and its body.

        With ``streamed`` the response is open and the body empty. ``gone`` is the body returned
        for a 404 after a deletion whose response was lost.
        """
        url = URL(
            f"{self._base}{path}?{urlencode(query)}" if query else self._base + path, encoded=True
        )
        headers = self._headers if body is None else self._body_headers
        timeout, limit = self._timeout, self._answer_seconds
        if streamed:
            headers = self._bytes_headers if body is None else self._stream_headers
            # Only the beginning of a stream is bounded in time.
            timeout, limit = self._stream_timeout, self.silence
        elif upload is not None:
            timeout = self._upload_timeout
        if log_id := LOG_ID.get():
            headers = CIMultiDictProxy(CIMultiDict(headers, **{CLIENT_REQUEST_ID: log_id}))
        unsure = False  # whether an earlier try may have reached the server

        async def attempt() -> tuple[aiohttp.ClientResponse, bytes]:
            nonlocal unsure
            try:
                # aiohttp's own timeouts miss some stalls: see ``pieces``.
                async with asyncio.timeout(limit if upload is None else None):
                    data = body if upload is None else upload.data()
                    response = await self.http.open(
                        method, url, data=data, headers=headers, timeout=timeout
                    )
                    if streamed:
                        return response, b""
                    with closing_on_error(response):
                        async with asyncio.timeout(self._answer_seconds):
                            return response, await self._read(response)
            except StatusError as error:
                if error.status == 404 and unsure and gone is not None:
                    return error.response, gone
                raise
            except TRANSPORT_ERRORS as error:
                unsure = unsure or not never_connected(error)
                raise

        def verdict(error: Exception) -> TryAgain | None:
            if not _repeatable(method, error) or (upload is not None and upload.started):
                return None
            return http_verdict(error, self.clock.now())

        try:
            return await retry(attempt, self._retries, verdict, self.clock)
        except StatusError as error:
            raise self.failures.refused(error.status, error.headers, error.body) from None
        except TRANSPORT_ERRORS as error:
            raise self.failures.unreachable(error) from None


class Bytes:
    """The body of an open response, as a context that yields it piece by piece."""

    def __init__(
        self, response: aiohttp.ClientResponse, failures: ErrorTranslator, silence: float
    ) -> None:
        self._response = response
        self._failures = failures
        self._silence = silence

    async def __aenter__(self) -> AsyncIterator[bytes]:
        return self._pieces()

    async def __aexit__(self, *exception: object) -> None:
        self._response.close()

    async def _pieces(self) -> AsyncIterator[bytes]:
        try:
            async for piece in pieces(self._response, self._silence):
                yield piece
        except TRANSPORT_ERRORS as error:
            raise self._failures.unreachable(error) from None


def _repeatable(method: Method, error: Exception) -> bool:
    """Return whether a retry can't repeat an effect, and is worth the wait."""
    if isinstance(error, TimeoutError) and not never_connected(error):
        return False  # after so long a wait the caller decides
    if method != "POST":
        return True
    if isinstance(error, StatusError):
        return error.status == 429 or (error.status == 503 and "Retry-After" in error.headers)
    return never_connected(error)


def _body(request: msgspec.Struct | None, *, streamed: bool) -> bytes | None:
    if request is None:
        return None
    try:
        if streamed:
            return msgspec.json.encode({**msgspec.to_builtins(request), "stream": True})
        return msgspec.json.encode(request)
    except UnicodeEncodeError:
        raise invalid("The request holds text that is not valid Unicode.") from None
