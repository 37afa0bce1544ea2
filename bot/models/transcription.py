"""Transcribes audio at an endpoint with OpenAI's ``/audio/transcriptions`` form.

https://platform.openai.com/docs/api-reference/audio/createTranscription
"""

import asyncio
import logging
from typing import Final, Literal

import aiohttp
from msgspec import Struct

from bot.models.http.endpoint import Endpoint
from bot.models.http.errors import read_error
from bot.runtime.clock import Clock
from bot.runtime.quoted_text import without_quotes
from bot.runtime.retry import RetryPolicy, TryAgain, retry
from bot.wire.bodies import BodyError, decode_json
from bot.wire.http_client import TRANSPORT_ERRORS, StatusError, http_verdict

TranscriptionProblem = Literal[
    "unreachable",  # no usable answer came
    "refused",  # the endpoint refused the request: its key, its model, its limits
    "no_audio",  # the endpoint does not understand the file
]

_AUDIO_REFUSED: Final = frozenset({400, 413, 415, 422})
_ANSWER_BYTES: Final = 4 * 1024 * 1024
_SECONDS: Final = 120.0
"""The longest time for a transcription, with its retries, in seconds."""

_RETRIES: Final = RetryPolicy(attempts=3, first_delay=1.0, longest_delay=5.0, total=_SECONDS)

_log: Final = logging.getLogger(__name__)


class TranscriptionError(Exception):
    """No transcript; the message names the reason for the log and the model, without secrets."""

    def __init__(self, problem: TranscriptionProblem, message: str) -> None:
        super().__init__(message)
        self.problem: TranscriptionProblem = problem


class _Transcript(Struct):
    text: str


class TranscriptionEndpoint:
    """A transcription endpoint; raises ValueError for an unusable URL or key."""

    def __init__(
        self,
        url: str,
        model: str,
        *,
        api_key: str | None,
        clock: Clock,
        retries: RetryPolicy = _RETRIES,
        seconds: float = _SECONDS,
    ) -> None:
        self._endpoint = Endpoint(url, api_key=api_key, clock=clock)
        self._model = model
        self._clock = clock
        self._retries = retries
        self._seconds = seconds

    async def close(self) -> None:
        """Close the connections; safe to call twice."""
        await self._endpoint.close()

    async def transcribe(self, name: str, data: bytes) -> str:
        """Return the words of an audio file, "" where there are none.

        Raises ``TranscriptionError``.
        """

        def verdict(error: Exception) -> TryAgain | None:
            return http_verdict(error, self._clock.now())

        try:
            async with asyncio.timeout(self._seconds):
                body = await retry(
                    lambda: self._ask(name, data), self._retries, verdict, self._clock
                )
            return decode_json(body, _Transcript).text.strip()
        except StatusError as error:
            reason = read_error(error.body).message or f"status {error.status}"
            _log.warning("The transcription endpoint refused a file: %s", without_quotes(reason))
            if error.status in _AUDIO_REFUSED:
                raise TranscriptionError(
                    "no_audio", "the speech recognition does not understand the file"
                ) from error
            raise TranscriptionError("refused", "the speech recognition refused it") from error
        except (*TRANSPORT_ERRORS, BodyError) as error:  # a TimeoutError is an OSError
            _log.warning(
                "The transcription endpoint gives no usable answer: %s", without_quotes(repr(error))
            )
            raise TranscriptionError(
                "unreachable", "the speech recognition did not answer"
            ) from error

    async def _ask(self, name: str, data: bytes) -> bytes:
        """Send the file once; return the answer's body."""
        with aiohttp.MultipartWriter("form-data") as form:
            for field, value in (("model", self._model), ("response_format", "json")):
                form.append(value).set_content_disposition("form-data", name=field)
            file = form.append(data, {"Content-Type": "application/octet-stream"})
            file.set_content_disposition("form-data", name="file", filename=name)
        return await self._endpoint.http().fetch(
            "POST",
            self._endpoint.path("audio/transcriptions"),
            data=form,
            headers={"Content-Type": form.headers["Content-Type"], "Accept": "application/json"},
            most_bytes=_ANSWER_BYTES,
        )
