"""Connects the server's forwarding to the model endpoint and translates its errors."""

import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from bot.assistants.errors import APIError
from bot.models.http.endpoint import FailedError, RefusedError
from bot.models.http.errors import without_keys
from bot.models.types import ForwardingModel, ModelError
from bot.server import Forwarded

_log: Final = logging.getLogger(__name__)

_SERVER_REFUSED: Final = frozenset({401, 402, 403, 407})
"""Statuses by which the endpoint refuses this server's key, account or address."""
_NO_SUCH_PATH: Final = frozenset({404, 405, 501})


class ModelUpstream:
    """Forwards requests to ``model``."""

    def __init__(self, model: ForwardingModel) -> None:
        self._model = model

    @asynccontextmanager
    async def forward(self, method: str, path: str, body: bytes | None) -> AsyncIterator[Forwarded]:
        """Forward a request; raises ``APIError`` without the endpoint's address or key."""
        try:
            async with self._model.forward(method, path, body) as answer:
                yield Forwarded(answer.content_type, _with_api_errors(answer.pieces))
        except RefusedError as refused:
            raise _refusal(refused, path) from refused
        except FailedError as failed:
            raise _failure(failed.error) from failed
        except ModelError as error:
            raise _failure(error, status=503) from error


async def _with_api_errors(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield ``pieces``; a failure while reading becomes an ``APIError``."""
    try:
        async for piece in pieces:
            yield piece
    except FailedError as failed:
        raise _failure(failed.error) from failed


def _refusal(refused: RefusedError, path: str) -> APIError:
    status, body = refused.status, refused.fields
    if status in _SERVER_REFUSED or 300 <= status < 400:
        _log.warning("A forwarded request was refused: %s", refused.error.message)
        return APIError(
            502,
            "The model endpoint refused this server. The operator of the server finds the reason "
            "in its log.",
            type="server_error",
            code="model_endpoint_refused",
        )
    about_a_model = "model" in body.code or re.search(r"\bmodel\b", body.message, re.IGNORECASE)
    if status in _NO_SUCH_PATH and not about_a_model:
        return APIError(
            404,
            f"This server's model endpoint does not support /v1/{path}.",
            code="unknown_url",
        )
    message = without_keys(body.message) or "The model endpoint refused the request."
    default_type = "server_error" if status >= 500 else "invalid_request_error"
    return APIError(
        status,
        message,
        type=body.type or default_type,
        param=body.param or None,
        code=body.code or None,
        retry_after=refused.error.retry_after,
    )


def _failure(error: ModelError, status: int = 502) -> APIError:
    _log.warning("A forwarded request failed: %s", error.message)
    if error.kind == "timeout":
        status = 504
    return APIError(
        status,
        "The model endpoint gave no usable answer. Try again later; the operator of the server "
        "finds the reason in its log.",
        type="server_error",
        code="model_endpoint_failed",
    )
