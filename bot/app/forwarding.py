"""The configured model endpoint as the server's upstream: its failures become the API's errors."""

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

_OPERATORS_TASK: Final = frozenset({401, 402, 403, 407})
"""The endpoint refuses this server: its key, its account or its address."""
_NO_SUCH_PATH: Final = frozenset({404, 405, 501})


class ModelUpstream:
    """Forwards requests to ``model``."""

    def __init__(self, model: ForwardingModel) -> None:
        self._model = model

    @asynccontextmanager
    async def forward(self, method: str, path: str, body: bytes | None) -> AsyncIterator[Forwarded]:
        """Send a request and give its answer; raises ``APIError`` without addresses or keys."""
        try:
            async with self._model.forward(method, path, body) as answer:
                yield Forwarded(answer.content_type, _told(answer.pieces))
        except RefusedError as refused:
            raise _refusal(refused, path) from refused
        except FailedError as failed:
            raise _failure(failed.error) from failed
        except ModelError as error:
            raise _failure(error, status=503) from error


async def _told(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        async for piece in pieces:
            yield piece
    except FailedError as failed:
        raise _failure(failed.error) from failed


def _refusal(refused: RefusedError, path: str) -> APIError:
    status, told = refused.status, refused.told
    if status in _OPERATORS_TASK or 300 <= status < 400:
        _log.warning("A forwarded request was refused: %s", refused.error.message)
        return APIError(
            502,
            "The model endpoint refuses this server. Whoever runs the server finds the reason in "
            "its log.",
            type="server_error",
            code="model_endpoint_refused",
        )
    about_a_model = "model" in told.code or re.search(r"\bmodel\b", told.message, re.IGNORECASE)
    if status in _NO_SUCH_PATH and not about_a_model:
        return APIError(
            404, f"The model endpoint of this server has no /v1/{path}.", code="unknown_url"
        )
    said = without_keys(told.message) or "The model endpoint refused the request."
    fault = "server_error" if status >= 500 else "invalid_request_error"
    return APIError(
        status,
        said,
        type=told.type or fault,
        param=told.param or None,
        code=told.code or None,
        retry_after=refused.error.retry_after,
    )


def _failure(error: ModelError, status: int = 502) -> APIError:
    _log.warning("A forwarded request failed: %s", error.message)
    if error.kind == "timeout":
        status = 504
    return APIError(
        status,
        "The model endpoint gave no usable answer. Try again later; whoever runs the server finds "
        "the reason in its log.",
        type="server_error",
        code="model_endpoint_failed",
    )
