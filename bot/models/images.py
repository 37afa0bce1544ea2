"""Draws pictures at an endpoint with OpenAI's ``/images/generations`` form.

https://platform.openai.com/docs/api-reference/images/create
"""

import asyncio
import base64
import logging
from typing import Final

import msgspec
from msgspec import Struct
from yarl import URL

from bot.models.http.endpoint import Endpoint
from bot.models.http.errors import read_error
from bot.models.http.image_fetcher import FetchError, ImageFetcher
from bot.runtime.clock import Clock
from bot.runtime.quoted_text import without_quotes
from bot.runtime.retry import RetryPolicy, TryAgain, retry
from bot.wire.bodies import BodyError, decode_json
from bot.wire.http_client import (
    TRANSPORT_ERRORS,
    HttpClient,
    StatusError,
    http_verdict,
    never_connected,
)

MOST_BYTES: Final = 25 * 2**20
"""The largest picture, in bytes."""

_ANSWER_BYTES: Final = 2 * MOST_BYTES
_SECONDS: Final = 280.0
_RETRIES: Final = RetryPolicy(attempts=3, first_delay=1.0, longest_delay=5.0, total=_SECONDS)

_log: Final = logging.getLogger(__name__)


class DrawingError(Exception):
    """No picture; the message says why, for the model, without secrets."""


class _Picture(Struct):
    b64_json: str | None = None
    url: str | None = None


class _Drawn(Struct):
    data: list[_Picture]


class ImagesEndpoint:
    """An endpoint that draws pictures; raises ValueError for an unusable URL or key.

    ``size`` is such as ``1024x1024``, or empty for the endpoint's default.
    """

    def __init__(
        self, url: str, model: str, *, size: str, api_key: str | None, clock: Clock
    ) -> None:
        self._endpoint = Endpoint(url, api_key=api_key, clock=clock)
        self._model = model
        self._size = size
        self._clock = clock
        self._fetcher = ImageFetcher()

    async def close(self) -> None:
        """Close the connections; safe to call twice."""
        await self._endpoint.close()

    async def draw(self, description: str) -> bytes:
        """Return a picture's bytes; raises ``DrawingError``."""

        def verdict(error: Exception) -> TryAgain | None:
            # A picture costs money: what may have been drawn is not drawn again.
            refused = isinstance(error, StatusError) and error.status in (429, 503)
            return (
                http_verdict(error, self._clock.now())
                if refused or never_connected(error)
                else None
            )

        try:
            async with asyncio.timeout(_SECONDS):
                body = await retry(lambda: self._ask(description), _RETRIES, verdict, self._clock)
                answer = decode_json(body, _Drawn)
                return await self._read(answer.data[0])
        except StatusError as error:
            reason = read_error(error.body).message or f"status {error.status}"
            _log.warning("The endpoint of pictures refused: %s", without_quotes(reason))
            if error.status == 400:
                raise DrawingError(f"The picture was refused: {reason[:500]}") from error
            raise DrawingError("The endpoint of pictures refused the request.") from error
        except (*TRANSPORT_ERRORS, BodyError, FetchError, IndexError, ValueError) as error:
            _log.warning(
                "The endpoint of pictures gives no usable answer: %s", without_quotes(repr(error))
            )
            raise DrawingError("The endpoint of pictures gave no usable answer.") from error

    async def _read(self, picture: _Picture) -> bytes:
        if picture.b64_json is not None:
            return base64.b64decode(picture.b64_json, validate=True)
        url = URL(picture.url or "")
        if url.origin() != URL(self._endpoint.path("")).origin():
            return await self._fetcher.fetch(str(url), MOST_BYTES)
        # A file of the endpoint's own host may be private; the key does not go with this request.
        async with HttpClient(connect=10.0) as http:
            return await http.fetch("GET", url, most_bytes=MOST_BYTES)

    async def _ask(self, description: str) -> bytes:
        request = {"model": self._model, "prompt": description, "n": 1}
        if self._size:
            request["size"] = self._size
        return await self._endpoint.http().fetch(
            "POST",
            self._endpoint.path("images/generations"),
            data=msgspec.json.encode(request),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
            most_bytes=_ANSWER_BYTES,
        )
