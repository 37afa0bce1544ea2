"""Results and errors as responses: encoded once, straight to bytes, 200 or the error's status."""

import math
from collections.abc import Mapping
from typing import Final

import msgspec
from aiohttp import web

from bot.assistants.errors import APIError, ErrorBody

ENCODER: Final = msgspec.json.Encoder()
JSON: Final = "application/json"


class ErrorAnswer(msgspec.Struct, frozen=True):
    """The shape of every error on the wire."""

    error: ErrorBody


def answer(result: object, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return ``result`` as the body of a success."""
    return web.Response(body=ENCODER.encode(result), content_type=JSON, headers=headers)


def error_answer(error: APIError, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an error as the API tells it."""
    response = web.Response(
        body=ENCODER.encode(ErrorAnswer(error.body)),
        status=error.status,
        content_type=JSON,
        headers=headers,
    )
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(math.ceil(error.retry_after))
    return response
