"""The common part of models at HTTP endpoints, whatever API an endpoint speaks."""

import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar, Final, Generic, Protocol, TypedDict, TypeVar, Unpack

from bot.models.http.check import check_endpoint
from bot.models.http.endpoint import Endpoint, EndpointTimeouts, RefusedError
from bot.models.http.errors import ErrorFields, limit_too_large, refused_tools
from bot.models.types import ForwardedAnswer, ModelEvent, ModelRequest, ModelStatus
from bot.runtime.clock import Clock
from bot.runtime.retry import RetryPolicy


class Dialect(Protocol):
    """What one model at the endpoint accepts, as far as it was learned."""

    calls_tools: bool

    def learn(self, fields: ErrorFields, body: dict[str, Any]) -> str | None:
        """Learn what to change from a refusal of ``body``; return it as a sentence, or None."""


_log: Final = logging.getLogger(__name__)

D = TypeVar("D", bound=Dialect)


class EndpointOptions(TypedDict, total=False):
    """Options of a model at an endpoint.

    ``model`` replaces the model that a request names. ``default_model`` stands for the name
    "default", which assistants have whose model nobody chose. ``name`` replaces the description
    built from URL and model.
    """

    model: str | None
    default_model: str | None
    api_key: str | None
    timeouts: EndpointTimeouts | None
    retries: RetryPolicy | None
    clock: Clock | None
    name: str | None


class EndpointModel(ABC, Generic[D]):
    """A model at the endpoint ``url``; raises ValueError for an unusable URL or key."""

    api: ClassVar[str]
    """The name of the API that the endpoint speaks, for people."""

    hosts: frozenset[str] = frozenset()

    def __init__(self, url: str, **options: Unpack[EndpointOptions]) -> None:
        model, name = options.pop("model", None), options.pop("name", None)
        self._endpoint = Endpoint(
            url,
            api_key=options.get("api_key"),
            timeouts=options.get("timeouts"),
            retries=options.get("retries"),
            clock=options.get("clock"),
        )
        self._model = model or None
        self._default_model = options.get("default_model")
        self._dialects: dict[str, D] = {}
        described = f"{self.api} at {self._endpoint.public_url}"
        self.name: Final = name or described + (f", model {model}" if model else "")
        """A description for people."""

    @abstractmethod
    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield the answer's events; raises ``ModelError``. Closing drops the connection."""

    def calls_tools(self, model: str) -> bool:
        """Tell whether the model may call tools; False once the endpoint has refused them."""
        return self._dialect(self._served(model)).calls_tools

    async def fetches_images(self) -> bool:
        """Tell whether the endpoint may be sent URLs of images; a private one is sent the bytes."""
        return await self._endpoint.is_public()

    def forward(
        self, method: str, path: str, body: bytes | None
    ) -> AbstractAsyncContextManager[ForwardedAnswer]:
        """Forward a client's request; see ``ForwardingModel.forward``."""
        return self._endpoint.forward(method, path, body, model=self._model)

    async def check(self, *, seconds: float = 10.0) -> ModelStatus:
        """GET the list of models; without a list, ask for an answer."""
        return await check_endpoint(self, self._endpoint, self._model, seconds=seconds)

    async def close(self) -> None:
        """Close the connections; safe to call twice."""
        await self._endpoint.close()

    def _served(self, requested: str) -> str:
        """Return the name by which the endpoint knows the requested model."""
        if requested == "default" and self._default_model:
            requested = self._default_model
        return self._model or requested

    def _dialect(self, model: str) -> D:
        if model not in self._dialects:
            self._dialects[model] = self._new_dialect(model)
        return self._dialects[model]

    def _adapts(
        self,
        refused: RefusedError,
        model: str,
        body: dict[str, Any],
        *,
        limit: str,
        left_out: set[str],
    ) -> bool | None:
        """Adapt the dialect, or add to ``left_out`` a field that only this request leaves out.

        ``limit`` is the field of the limit on the completion's tokens. Return whether another try
        may succeed, None if the refusal teaches nothing.
        """
        endpoint, fields, dialect = self._endpoint, refused.fields, self._dialect(model)
        if learned := dialect.learn(fields, body):
            _log.warning("%s, model %s: %s", endpoint.shown, model, learned)
            return True
        if "tools" in body and refused_tools(fields):
            if dialect.calls_tools:
                _log.warning(
                    "%s, model %s, calls no tools: it answers without code_interpreter and"
                    " file_search from now on (%s)", endpoint.shown, model, fields.logged
                )  # fmt: skip
            dialect.calls_tools = False
            return False
        if limit in body and limit_too_large(fields):
            # The model's own limit is lower than the caller's: without the field, both hold.
            left_out.add(limit)
            return True
        return None

    @abstractmethod
    def _new_dialect(self, model: str) -> D:
        """Return what is known of a model before its first request."""
