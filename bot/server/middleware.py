"""Wraps every request: assigns its id, and turns every exception into an error of the API."""

import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Final

from aiohttp import hdrs, web

from bot.assistants.api import AssistantsAPI
from bot.assistants.errors import APIError, server_error
from bot.runtime.log_context import LOG_ID
from bot.server.auth import PROJECT, require_version
from bot.server.connections import TOO_MANY, connection_of
from bot.server.context import CONTEXT, REQUEST_ID
from bot.server.cors import is_preflight, preflight_answer
from bot.server.responses import error_answer, send_in_pieces
from bot.wire.http_client import CLIENT_REQUEST_ID

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ApiHandler = Callable[[AssistantsAPI, web.Request], Awaitable[web.StreamResponse]]

API_VERSION: Final = "2020-10-01"
"""The ``openai-version`` header of OpenAI's servers."""

_SAFE_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""A caller's request id that is safe to log: it can't imitate another part of a log line."""

_log: Final = logging.getLogger(__name__)


def endpoint(handler: ApiHandler, *, beta: bool, bounded: bool = False) -> Handler:
    """Return a handler that authenticates the request and calls ``handler`` with the project's API.

    ``beta`` requires the beta header. ``bounded`` limits how many answers a project may have in
    memory at once.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        context = request.app[CONTEXT]
        project = request[PROJECT] = context.gate.project(request)
        connection_of(request).authenticated(project)
        if beta:
            require_version(request)
        api = context.gate.api(project)
        async with context.shares.answers[project] if bounded else nullcontext():
            response = await handler(api, request)
            return await send_in_pieces(request, response, context.limits.silence_seconds)

    return handle


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Assign the request id, and answer exceptions raised before the response has begun."""
    request_id = request[REQUEST_ID] = f"req_{secrets.token_hex(16)}"
    given = request.headers.get(CLIENT_REQUEST_ID, "")
    # Each request has a task of its own, or follows another one on its connection.
    LOG_ID.set(given if _SAFE_ID.fullmatch(given) else request_id)
    connection = connection_of(request)
    connection.request_started()
    try:
        return await _answered(request, handler)
    finally:
        connection.request_ended()


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        if is_preflight(request):
            return preflight_answer(request, request.app[CONTEXT].origins)
        return await handler(request)
    except APIError as error:
        response = error_answer(error)
        if error.status in (408, 413) or error.code == TOO_MANY:
            response.force_close()  # the unread body would be taken for the next request
        return response
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        refusal = APIError(
            405,
            f"Not allowed to {request.method[:20]} on {_path(request)}. Allowed: {allowed}.",
            code="method_not_supported",
        )
        return error_answer(refusal, {"Allow": allowed})
    except web.HTTPRequestEntityTooLarge:
        limit = request.app[CONTEXT].limits.body
        refusal = APIError(
            413, f"The request's body is too large: at most {limit} bytes are taken."
        )
        response = error_answer(refusal)
        response.force_close()
        return response
    except web.HTTPNotFound:
        url = f"{request.method[:20]} {_path(request)}"
        return error_answer(APIError(404, f"Invalid URL ({url})", code="unknown_url"))
    except web.HTTPException as error:
        return error_answer(APIError(error.status, error.reason))
    except ConnectionError:
        if request.transport is not None and not request.transport.is_closing():
            return error_answer(unexpected(request))
        # The caller disconnected while sending a body, so nobody reads this response.
        return error_answer(APIError(400, "The connection was lost.", code="connection_lost"))
    except Exception:  # noqa: BLE001 - `unexpected` logs the exception; the caller must get a response
        return error_answer(unexpected(request))


def unexpected(request: web.Request) -> APIError:
    """Log the current exception and return the error for the caller."""
    request_id = request[REQUEST_ID]
    _log.exception("%s %s failed (%s)", request.method[:20], _path(request), request_id)
    return server_error(
        "The server had an error while processing your request. Its operator finds details in the "
        f"log under {request_id}."
    )


def _path(request: web.Request) -> str:
    """Return the path, still percent-encoded so that it can't forge log lines."""
    return request.rel_url.raw_path[:200].encode("ascii", "backslashreplace").decode()


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers of every response; an aiohttp signal, so that streams get them too."""
    request_id = request.get(REQUEST_ID)
    if request_id is not None:
        response.headers["x-request-id"] = request_id
    response.headers["openai-version"] = API_VERSION
    response.headers.pop(hdrs.SERVER, None)  # aiohttp's header reveals versions
    origins, origin = request.app[CONTEXT].origins, request.headers.get(hdrs.ORIGIN)
    for name, value in origins.headers(origin).items():
        response.headers.add(name, value)
