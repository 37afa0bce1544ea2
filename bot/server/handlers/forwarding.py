"""HTTP handlers that forward to the model endpoint: models, chat completions, moderations.

A request is forwarded unchanged, but with the endpoint's key instead of the caller's. The answer
is streamed back.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import msgspec
from aiohttp import web

from bot.assistants.api import AssistantsAPI
from bot.assistants.errors import APIError
from bot.server.auth import PROJECT
from bot.server.context import CONTEXT
from bot.server.parsing import read_raw, refuse_query
from bot.server.streams import relay

_MODEL: Final = re.compile(r"[\w@:+.-]+(?:/[\w@:+.-]+)*", re.ASCII)
_DOTS: Final = frozenset({".", ".."})


async def models(_api: AssistantsAPI, request: web.Request) -> web.StreamResponse:
    """GET /v1/models."""
    refuse_query(request)
    return await _forward(request, "models", None)


async def model(_api: AssistantsAPI, request: web.Request) -> web.StreamResponse:
    """GET /v1/models/{model}."""
    refuse_query(request)
    name = request.match_info["model"]
    # The name becomes part of a path at an endpoint that trusts this server's key.
    if not _MODEL.fullmatch(name) or not _DOTS.isdisjoint(name.split("/")):
        raise APIError(404, "The model does not exist.", param="model", code="model_not_found")
    return await _forward(request, f"models/{name}", None)


async def chat_completions(_api: AssistantsAPI, request: web.Request) -> web.StreamResponse:
    """POST /v1/chat/completions, also as a deployment of Azure."""
    refuse_query(request)
    body, fields = await read_raw(request)
    deployment = request.match_info.get("deployment")
    if deployment is not None and "model" not in fields:
        fields["model"] = msgspec.Raw(msgspec.json.encode(deployment))
        body = msgspec.json.encode(fields)
    return await _forward(request, "chat/completions", body)


async def moderations(_api: AssistantsAPI, request: web.Request) -> web.StreamResponse:
    """POST /v1/moderations."""
    refuse_query(request)
    body, _ = await read_raw(request)
    return await _forward(request, "moderations", body)


async def _forward(request: web.Request, path: str, body: bytes | None) -> web.StreamResponse:
    upstream = request.app[CONTEXT].upstream
    if upstream is None:
        raise APIError(
            404, f"This server has no model endpoint that answers /v1/{path}.", code="unknown_url"
        )
    async with (
        _counted(request, len(body or b"")),
        upstream.forward(request.method, path, body) as answer,
    ):
        return await relay(request, answer.content_type, answer.pieces)


@asynccontextmanager
async def _counted(request: web.Request, size: int) -> AsyncIterator[None]:
    """Count a forwarded request and its bytes; raises ``APIError`` 429 above a limit.

    A body stays in memory until its request is answered.
    """
    context = request.app[CONTEXT]
    in_progress, limits = context.forwarded[request[PROJECT]], context.limits
    too_many = in_progress.requests >= limits.forwarded
    if too_many or (in_progress.bytes and in_progress.bytes + size > limits.forwarded_bytes):
        raise APIError(
            429,
            f"Too many requests to the model at once: at most {limits.forwarded}, with bodies of "
            f"{limits.forwarded_bytes} bytes together. Try again when one of them has ended.",
            code="rate_limit_exceeded",
            retry_after=1,
        )
    in_progress.requests += 1
    in_progress.bytes += size
    try:
        yield
    finally:
        in_progress.requests -= 1
        in_progress.bytes -= size
