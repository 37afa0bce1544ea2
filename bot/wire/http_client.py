"""The HTTP layer that all clients of servers use: session, statuses, error bodies, secrets."""

from collections.abc import Container, Generator, Mapping
from contextlib import closing, contextmanager
from typing import Any, Final

import aiohttp
from aiohttp.typedefs import LooseHeaders
from multidict import CIMultiDictProxy
from yarl import URL

from bot.runtime.retry import TryAgain, retry_after
from bot.wire.bodies import read_beginning, read_bounded, sendable

ERROR_BYTES: Final = 64 * 1024
"""How many bytes of an error's body are read."""

CLIENT_REQUEST_ID: Final = "X-Client-Request-Id"
"""The header in which a caller names the id under which it logs its work."""

TRANSPORT_ERRORS: Final = (aiohttp.ClientError, OSError)
"""The exceptions of a request without a usable response; ``TimeoutError`` is an ``OSError``."""

_RETRIED_STATUSES: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})
_SUCCESS: Final = range(200, 300)


class StatusError(Exception):
    """A response with a status that was not accepted; ``body`` is its beginning."""

    def __init__(self, response: aiohttp.ClientResponse, body: bytes) -> None:
        super().__init__(f"status {response.status}")
        self.response = response
        self.status: int = response.status
        self.headers: CIMultiDictProxy[str] = response.headers
        self.body = body


class HttpClient:
    """Sends requests to one server, over connections that are opened at the first use.

    ``headers`` go with each request. ``connect`` bounds the time to connect, in seconds. A proxy is
    taken from the environment if ``trust_env``. The caller closes a ``session`` that it passes.
    ``scrub`` removes ``secret`` from texts.
    """

    def __init__(
        self,
        *,
        connect: float,
        headers: Mapping[str, str] | None = None,
        secret: str | None = None,
        trust_env: bool = False,
        session: aiohttp.ClientSession | None = None,
    ) -> None:
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect)
        self._headers = headers
        self._secret = secret
        self._trust_env = trust_env
        self._session = session
        self._owns_session = session is None

    async def close(self) -> None:
        """Close the connections, unless the session is the caller's; safe to call twice."""
        if self._session is not None and self._owns_session:
            session, self._session = self._session, None
            await session.close()

    async def __aenter__(self) -> "HttpClient":
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    def scrub(self, text: str) -> str:
        """Return a text with the secret replaced by ``***``."""
        return text.replace(self._secret, "***") if self._secret else text

    async def open(
        self,
        method: str,
        url: URL | str,
        *,
        data: bytes | aiohttp.MultipartWriter | None = None,
        headers: LooseHeaders | None = None,
        timeout: aiohttp.ClientTimeout | None = None,
        accepted: Container[int] = _SUCCESS,
        redirects: bool = False,
    ) -> aiohttp.ClientResponse:
        """Send a request once; return the response with its body still to be read.

        Raises ``StatusError`` for a status that is not in ``accepted``, and ``TRANSPORT_ERRORS``.
        The caller bounds the time: aiohttp's own timeouts miss some stalls, see ``pieces``.
        """
        response = await self._open_session().request(
            method,
            url,
            data=sendable(data) if isinstance(data, bytes) else data,
            headers=headers,
            timeout=timeout or self._timeout,
            allow_redirects=redirects,
        )
        with closing_on_error(response):
            if response.status in accepted:
                return response
            raise StatusError(response, await read_beginning(response, ERROR_BYTES))

    async def fetch(
        self,
        method: str,
        url: URL | str,
        *,
        most_bytes: int,
        data: bytes | aiohttp.MultipartWriter | None = None,
        headers: LooseHeaders | None = None,
    ) -> bytes:
        """Send a request once; return the whole body of its response with status 200.

        Raises what ``open`` raises, and ``BodyTooLargeError``.
        """
        response = await self.open(method, url, data=data, headers=headers, accepted=(200,))
        with closing(response):
            return await read_bounded(response, most_bytes)

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=self._headers,
                # The caller bounds how many requests are made at a time.
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=self._trust_env,
            )
        return self._session


@contextmanager
def closing_on_error(response: aiohttp.ClientResponse) -> Generator[None]:
    """Close a response where the block raises, so that its connection is not used again."""
    try:
        yield
    except BaseException:
        response.close()
        raise


def never_connected(error: BaseException) -> bool:
    """Return whether the server certainly has not seen the request."""
    return isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)


def status_verdict(status: int, headers: Mapping[str, Any], now: float) -> TryAgain | None:
    """Return the verdict for ``retry`` on a refused request.

    ``now``, in seconds since 1970, is for HTTP dates. The header ``x-should-retry`` of OpenAI's
    servers overrules the status.
    """
    should_retry = headers.get("X-Should-Retry")
    if should_retry == "false" or (should_retry != "true" and status not in _RETRIED_STATUSES):
        return None
    return TryAgain(retry_after=retry_after(headers, now) or 0.0)


def http_verdict(error: Exception, now: float) -> TryAgain | None:
    """Return the verdict for ``retry`` on an exception of ``HttpClient.open``."""
    if isinstance(error, StatusError):
        return status_verdict(error.status, error.headers, now)
    return TryAgain() if isinstance(error, TRANSPORT_ERRORS) else None
