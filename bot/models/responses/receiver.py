"""Continues a Response after a cut connection: by another stream, or by polling."""

import logging
from typing import Final, TypeAlias

from yarl import URL

from bot.models.http.endpoint import Endpoint, FailedError, RefusedError
from bot.models.http.stream_reader import AnswerStream, CutError, GoneError, StreamFault
from bot.models.responses.events import ResponseReader
from bot.models.types import ModelError, ModelEvent
from bot.runtime.retry import TryAgain

_log: Final = logging.getLogger(__name__)

_NOT_STREAMED: Final = frozenset({400, 405, 409, 410, 422, 501})


class Polling:
    """Polls a Response that can't be streamed any more, every ``interval`` seconds."""

    def __init__(
        self,
        endpoint: Endpoint,
        reader: ResponseReader,
        url: URL,
        *,
        model: str,
        interval: float,
    ) -> None:
        self.reader = reader
        self.ended = False
        self._endpoint = endpoint
        self._url = url
        self._model = model
        self._interval = interval

    async def look(self) -> list[ModelEvent]:
        """Retrieve the response and return its new events; raises ``FailedError``."""
        body = await self._endpoint.fetch("GET", self._url, model=self._model)
        with self._endpoint.failing(self._model, 0):
            events = self.reader.take_whole(body)
        if self.reader.done:
            events += self.reader.finish()
            self.ended = True
        return events

    async def more(self, wait: float | None) -> list[ModelEvent]:
        """Wait for the interval, then return the new events; raises what ``look`` raises."""
        await self._endpoint.clock.sleep(self._interval)
        return await self.look()

    def close(self) -> None:
        """Do nothing: no connection is open between two polls."""


ResponseSource: TypeAlias = AnswerStream[ResponseReader] | Polling
"""What the events of a Response come from."""


class Resumption:
    """Continues a background Response after a cut, as long as each try brings something new.

    Tries that bring nothing follow the endpoint's retry policy.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        reader: ResponseReader,
        *,
        model: str,
        include: list[str],
        poll: float,
    ) -> None:
        self._endpoint = endpoint
        self._reader = reader
        self._model = model
        self._include = include
        self._interval = poll
        self._polling = False
        self._attempts = endpoint.attempts()
        self._progress = -1  # the progress at the last try

    async def after(
        self, fault: BaseException, waited: float
    ) -> tuple[ResponseSource, list[ModelEvent]]:
        """Continue after a fault of the last connection, or raise its ``ModelError``."""
        reader = self._reader
        again: TryAgain | None
        if isinstance(fault, FailedError):
            error, again = fault.error, fault.again
        else:
            error = self._endpoint.error(fault, self._model, waited)
            failed = isinstance(fault, StreamFault) and fault.error is not None
            # Silence and garbage may come from the connection; an error object does not.
            again = None if failed else TryAgain()
            # The endpoint may be working or have ended without an event: polling tells which,
            # another stream would not.
            silent = isinstance(fault, TimeoutError) or self._progress == reader.progress
            self._polling = self._polling or silent
        if not reader.background or again is None or error.hopeless or reader.ended_remotely:
            raise error from fault
        _log.info("%s Going on with response %s.", error, reader.id)
        return await self._open(error, again)

    async def open(self) -> tuple[ResponseSource, list[ModelEvent]]:
        """Read the response from its beginning; raises ``ModelError``, "gone" if it is missing."""
        return await self._open(None, None)

    async def _open(
        self, error: ModelError | None, again: TryAgain | None
    ) -> tuple[ResponseSource, list[ModelEvent]]:
        while True:
            if error is not None:
                await self._pause(error, again)
            try:
                return await self._attempt()
            except FailedError as failed:
                status = failed.status if isinstance(failed, RefusedError) else None
                if status == 404:
                    self._reader.ended_remotely = True
                    gone = GoneError(f"there is no response {self._reader.id} (any more)")
                    raise self._endpoint.error(gone, self._model, 0) from failed
                silent = isinstance(failed.__cause__, (TimeoutError, CutError))
                if not self._polling and (silent or status in _NOT_STREAMED):
                    self._polling = True  # endpoints keep streams for minutes, responses longer
                    error = None
                    continue
                error, again = failed.error, failed.again
            if again is None or error.hopeless or self._reader.ended_remotely:
                raise error

    async def _pause(self, error: ModelError, again: TryAgain | None) -> None:
        """Wait before the next try, or raise ``error`` if none is left."""
        if self._progress != self._reader.progress:
            self._progress = self._reader.progress
            self._attempts = self._endpoint.attempts()
        if again is None or not await self._attempts.wait(again):
            if self._attempts.count > 1:
                error.message += f" Tried {self._attempts.count} times."
            raise error

    async def _attempt(self) -> tuple[ResponseSource, list[ModelEvent]]:
        endpoint, reader = self._endpoint, self._reader
        path, include = f"responses/{reader.id}", {"include[]": self._include}
        if self._polling or (reader.progress and reader.sequence is None):
            # Without event numbers a stream can't be continued.
            url = endpoint.path(path, include)
            polling = Polling(endpoint, reader, url, model=self._model, interval=self._interval)
            return polling, await polling.look()
        reader.connected()
        query = {"stream": "true", "include_obfuscation": "false"}
        if reader.sequence is not None:
            query["starting_after"] = str(reader.sequence)
        url = endpoint.path(path, {**query, **include})
        return await endpoint.receive("GET", url, None, reader, model=self._model)
