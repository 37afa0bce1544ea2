"""Turns failed connections and broken streams into a ``ModelError`` and a verdict on retries."""

from typing import Final

import aiohttp

from bot.models.http.errors import read_error_object, stream_error
from bot.models.http.stream_reader import CutError, GoneError, PageError, StreamFault
from bot.models.types import ModelError
from bot.runtime.retry import TryAgain
from bot.wire.bodies import BodyError
from bot.wire.http_client import TRANSPORT_ERRORS, never_connected
from bot.wire.sse import EventTooLargeError

FAULTS: Final = (StreamFault, CutError, EventTooLargeError, BodyError, *TRANSPORT_ERRORS)
REFUSED_AS: Final = {"rate_limited": 429, "overloaded": 503, "server": 500}
"""The HTTP status that stands for each kind of error inside a stream; all others count as 400."""


def fault_error(
    fault: BaseException, endpoint: str, *, model: str, connect: float, read: float
) -> ModelError:
    """Return the ModelError for one of ``FAULTS``; its message begins with ``endpoint``.

    ``connect`` and ``read`` are the timeouts for a connection and for bytes, in seconds.
    """
    if isinstance(fault, StreamFault) and fault.error is not None:
        return stream_error(endpoint, read_error_object(fault.error), model=model)
    if isinstance(fault, PageError):
        return ModelError(
            "rubbish",
            f"{endpoint} answered a web page ({fault}); check the URL (most end in /v1).",
            cause="model",
            quoted=str(fault),
        )
    if isinstance(fault, GoneError):
        return ModelError(
            "gone", f"{endpoint} has this answer no more: {fault}.", quoted=str(fault)
        )
    if isinstance(fault, (StreamFault, EventTooLargeError, BodyError)):
        return ModelError(
            "rubbish", f"{endpoint} sent what can't be read: {fault}.", quoted=str(fault)
        )
    if isinstance(fault, aiohttp.ConnectionTimeoutError):
        return ModelError(
            "timeout", f"{endpoint} took no connection within {connect:g} s; is it running?"
        )
    if isinstance(fault, TimeoutError):
        return ModelError(
            "timeout",
            f"{endpoint} sent nothing for {read:g} s; it is overloaded, stuck, or needs a"
            " longer timeout.",
        )
    if isinstance(fault, aiohttp.ClientSSLError):
        return ModelError(
            "unreachable", f"{endpoint} can't be trusted ({fault}); check its certificate."
        )
    if isinstance(fault, aiohttp.ClientConnectorError):
        return ModelError(
            "unreachable",
            f"{endpoint} can't be reached ({fault}); is it running, is the URL right?",
        )
    if isinstance(fault, aiohttp.InvalidURL):
        return ModelError("unreachable", f"{endpoint} is no usable URL; set another.")
    why = str(fault) or type(fault).__name__
    return ModelError("cut", f"{endpoint} broke off before its answer was finished ({why}).")


def fault_verdict(fault: BaseException, error: ModelError) -> TryAgain | None:
    """Return the verdict for ``retry`` on one of ``FAULTS``, whose ``fault_error`` is ``error``."""
    if isinstance(fault, StreamFault) and fault.error is not None:
        return TryAgain() if error.kind in REFUSED_AS else None
    if isinstance(fault, PageError | aiohttp.InvalidURL | aiohttp.ClientSSLError):
        return None
    if isinstance(fault, TimeoutError) and not never_connected(fault):
        return None  # a slow endpoint is at work: a retry doubles its load
    passing = isinstance(fault, (StreamFault, CutError, *TRANSPORT_ERRORS))
    return TryAgain() if passing else None
