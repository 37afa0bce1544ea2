"""Chat completions, streamed; asked again while nothing was yielded; it fails by ModelError."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from typing import Any, NoReturn

import aiohttp
import msgspec
from msgspec import Struct
from yarl import URL

from bot.models.chat_check import check_endpoint
from bot.models.chat_errors import Told, error_for, limit_too_large, read_error
from bot.models.chat_faults import FAULTS, Waits, fault_error, retried_as
from bot.models.chat_receive import Receiving
from bot.models.chat_request import Dialect, chat_body, estimate_prompt, learn
from bot.models.types import ModelError, ModelEvent, ModelRequest, ModelStatus
from bot.wire.addresses import is_loopback
from bot.wire.bodies import excerpt, read_beginning
from bot.wire.clock import Clock, SystemClock
from bot.wire.retry import Answered, Retrying, RetryPolicy, retry_after

log = logging.getLogger(__name__)

_ERROR_BYTES = 64 * 1024


class Timeouts(Struct, frozen=True, kw_only=True):
    """Seconds to wait: for a connection, an answer's first byte, and then between its bytes.

    A model that reasons may be silent for minutes before its first byte. `after_finish` is how
    long the usage is awaited once the model has said why it stopped.
    """

    connect: float = 10.0
    first_byte: float = 300.0
    between_chunks: float = 120.0
    after_finish: float = 5.0


class ChatCompletions:
    """A chat completions endpoint at `url`, the part before /chat/completions.

    With `model` set every request goes to that model, whatever it names; without, each request's
    own is sent. `name` replaces the description built from URL and model. Raises ValueError for a
    URL or a key that cannot be one.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str | None = None,
        api_key: str | None = None,
        timeouts: Timeouts | None = None,
        retries: RetryPolicy | None = None,
        clock: Clock | None = None,
        name: str | None = None,
    ) -> None:
        self._url = URL(url)
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise ValueError(f"{url!r} is no URL of a model endpoint; it begins with http(s)://")
        self._model = model or None
        self._key = (api_key or "").strip()
        if not (self._key.isascii() and self._key.isprintable()):
            raise ValueError("the API key holds characters that no key has; was it copied whole?")
        if self._key:
            self._url = self._url.with_user(None)
        self._timeouts = timeouts or Timeouts()
        self._retries = retries or RetryPolicy()
        self._clock = clock or SystemClock()
        self._session: aiohttp.ClientSession | None = None
        self._dialects: dict[str, Dialect] = {}
        self._closed = False
        shown = self._url.with_user(None).with_query(None)
        shown = shown.with_path(shown.path.rstrip("/"))
        self._endpoint = f"the model endpoint {shown}"
        self._name = name or f"chat completions at {shown}" + (f", model {model}" if model else "")

    @property
    def name(self) -> str:
        """What it is, for people."""
        return self._name

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield the answer as it comes; raises ModelError; closing drops the connection at once."""
        model = self._model or request.model
        receiving, events = await self._begin(request, model)
        wait = self._timeouts.between_chunks
        try:
            while True:
                for event in events:
                    yield event
                if receiving.over:
                    return
                try:
                    events = await receiving.more(wait)
                except FAULTS as fault:
                    raise self._error(fault, model, wait) from fault
        finally:
            receiving.close()

    async def check(self, *, seconds: float = 10.0) -> ModelStatus:
        """Ask for the list of models, or for one token where there is no list."""
        return await check_endpoint(
            self,
            self._open_session(),
            self._path("models"),
            shown=self._endpoint,
            model=self._model,
            seconds=seconds,
        )

    async def close(self) -> None:
        """Close the connections; safe to call twice."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def _begin(self, request: ModelRequest, model: str) -> tuple[Receiving, list[ModelEvent]]:
        """Ask until the first events are here, as often as is sensible; raises ModelError."""
        retrying = Retrying(self._retries, self._clock)
        dialect = self._dialect(model)
        unlimited = False
        while True:
            body = chat_body(request, model, dialect)
            if unlimited:
                body.pop(dialect.limit, None)
            failure: Answered | BaseException | None
            try:
                return await self._try(request, model, body)
            except _RefusedError as refused:
                told, status = refused.told, refused.status
                if status in (400, 422, 500) and (lesson := learn(dialect, told, body)):
                    log.warning("%s, model %s: %s", self._endpoint, model, lesson)
                    continue
                if status in (400, 422) and dialect.limit in body and limit_too_large(told):
                    # The model's own limit is lower than the caller's: leaving it out keeps both.
                    unlimited = True
                    continue
                failure, error = Answered(status, refused.headers), refused.error
            except _FailedError as failed:
                failure, error = failed.failure, failed.error
            if failure is None or error.hopeless or not await retrying.again(failure):
                if retrying.attempt > 1:
                    error.message += f" Tried {retrying.attempt} times."
                raise error
            log.info("%s Trying again (try %d).", error.message, retrying.attempt)

    async def _try(
        self, request: ModelRequest, model: str, body: dict[str, Any]
    ) -> tuple[Receiving, list[ModelEvent]]:
        """Ask once; raises _RefusedError for another status than 200, _FailedError for all else."""
        wait = self._timeouts.first_byte
        response: aiohttp.ClientResponse | None = None
        begun = False
        try:
            async with asyncio.timeout(wait):
                response = await self._open_session().post(
                    self._path("chat/completions"),
                    data=msgspec.json.encode(body),
                    allow_redirects=False,
                )
                if response.status != 200:
                    await self._refuse(response, model)
                receiving = Receiving(
                    response,
                    prompt_estimate=estimate_prompt(request),
                    after_finish=self._timeouts.after_finish,
                )
                if response.content_type == "text/html":
                    await self._refuse_page(response)
                if response.content_type == "application/json":
                    events = await receiving.whole()
                else:
                    events = await receiving.more(None)
            wait = self._timeouts.between_chunks
            while not events:  # the bytes of thoughts and of comments that keep the line open
                events = await receiving.more(wait)
            begun = True
        except FAULTS as fault:
            error = self._error(fault, model, wait)
            raise _FailedError(retried_as(fault, error), error) from fault
        else:
            return receiving, events
        finally:
            if response is not None and not begun:
                response.close()

    async def _refuse(self, response: aiohttp.ClientResponse, model: str) -> NoReturn:
        told = read_error(await read_beginning(response, _ERROR_BYTES))
        if 300 <= response.status < 400:
            told = Told(message=f"it points to {response.headers.get('location', 'nowhere')}")
        wait = retry_after(response.headers, self._clock.now())
        error = error_for(self._endpoint, response.status, told, model=model, retry_after=wait)
        raise _RefusedError(response.status, response.headers, told, error)

    async def _refuse_page(self, response: aiohttp.ClientResponse) -> NoReturn:
        page = excerpt(await read_beginning(response, 1000), 80)
        message = f"{self._endpoint} answered a web page ({page}); check the URL (most end in /v1)."
        raise _FailedError(None, ModelError("rubbish", message))

    def _error(self, fault: BaseException, model: str, waited: float) -> ModelError:
        waits = Waits(connect=self._timeouts.connect, read=waited)
        return fault_error(fault, self._endpoint, model=model, waits=waits)

    def _dialect(self, model: str) -> Dialect:
        if model not in self._dialects:
            host = self._url.host or ""
            openai = host == "api.openai.com" or host.endswith(".openai.azure.com")
            self._dialects[model] = Dialect.openai() if openai else Dialect()
        return self._dialects[model]

    def _path(self, path: str) -> URL:
        """The URL of one of the endpoint's paths; a query, as for an API version, stays last."""
        return self._url.with_path(f"{self._url.path.rstrip('/')}/{path}", keep_query=True)

    def _open_session(self) -> aiohttp.ClientSession:
        if self._closed:
            raise ModelError("unreachable", f"{self._endpoint} was closed with the bot.")
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
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._timeouts.connect),
                # A proxy from the environment is for the world, not for this machine.
                trust_env=not is_loopback(self._url.host or ""),
            )
        return self._session


class _RefusedError(Exception):
    """The endpoint answered with another status than 200."""

    def __init__(
        self, status: int, headers: Mapping[str, str], told: Told, error: ModelError
    ) -> None:
        super().__init__(error.message)
        self.status, self.headers, self.told, self.error = status, headers, told, error


class _FailedError(Exception):
    """The endpoint answered nothing usable; `failure` is what retries go by, None for none."""

    def __init__(self, failure: Answered | BaseException | None, error: ModelError) -> None:
        super().__init__(error.message)
        self.failure, self.error = failure, error
