"""Requests from the wire to checked values; what can't be is an ``APIError`` saying why."""

import asyncio
from collections.abc import Container
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import web

from bot.assistants.errors import APIError, invalid
from bot.assistants.requests import Page, Request
from bot.assistants.validation import from_raw
from bot.server.context import LIMITS

R = TypeVar("R", bound=msgspec.Struct)
P = TypeVar("P", bound=Request)

INCLUDE: Final = ("step_details.tool_calls[*].file_search.results[*].content",)
"""All that ``include[]`` can ask for."""

_DECODER: Final = msgspec.json.Decoder()


class _Streaming(msgspec.Struct, frozen=True):
    """How an answer is wanted: the one field that no operation of the API itself takes."""

    stream: bool | None = None


async def read(request: web.Request, kind: type[R]) -> R:
    """Return the request's body as ``kind``; a query is refused."""
    refuse_query(request)
    return from_raw(kind, await _raw(request))


async def read_streamable(request: web.Request, kind: type[R]) -> tuple[R, bool]:
    """Return the request's body as ``kind``, and whether its answer shall be streamed."""
    raw = await _raw(request)
    streamed = False
    if isinstance(raw, dict) and "stream" in raw:
        streamed = bool(from_raw(_Streaming, {"stream": raw.pop("stream")}).stream)
    return from_raw(kind, raw), streamed


def page(request: web.Request, *more: str) -> tuple[Page, dict[str, str]]:
    """Return the part of a list that is asked for, and what came for the parameters ``more``."""
    return part_of(request, Page, *more)


def part_of(request: web.Request, kind: type[P], *more: str) -> tuple[P, dict[str, str]]:
    """Return as ``kind`` the part of a list that is asked for, and what came for ``more``."""
    if not request.query_string:
        return kind(), {}
    given = _parameters(request, {*kind.__struct_fields__, *more})
    rest = {name: given.pop(name) for name in more if name in given}
    raw: dict[str, object] = dict(given)
    if "limit" in given:
        raw["limit"] = integer(given["limit"])
    return from_raw(kind, raw), rest


def include(request: web.Request) -> tuple[str, ...]:
    """Return what the answer shall also include, spelled ``include`` or ``include[]``."""
    if not request.query_string:
        return ()
    values = [
        value
        for name in ("include[]", "include")
        for whole in request.query.getall(name, [])
        for value in whole.split(",")
    ]
    for index, value in enumerate(values):
        if value not in INCLUDE:
            raise invalid(
                f"Invalid value for 'include[{index}]': {value[:100]!r}. "
                f"Supported values are: '{INCLUDE[0]}'.",
                f"include[{index}]",
                "invalid_value",
            )
    return tuple(values)


def refuse_query(request: web.Request, *known: str) -> None:
    """Refuse parameters other than ``known`` (and a known one given twice, but for ``include``)."""
    if request.query_string:
        _parameters(request, known)


def _parameters(request: web.Request, known: Container[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in request.query.items():
        if name in ("include", "include[]") and "include" in known:
            continue
        if name not in known:
            raise invalid(f"Unknown parameter: '{name[:100]}'.", name[:100], "unknown_parameter")
        if name in given:
            raise invalid(f"Duplicate parameter: '{name}'.", name, "duplicate_parameter")
        given[name] = value
    return given


def integer(value: str) -> int | str:
    """Return the number that a text spells; what is none stays text, to be refused as such."""
    digits = value.removeprefix("-")
    return int(value) if digits.isascii() and digits.isdigit() and len(digits) < 19 else value


async def _raw(request: web.Request) -> Any:
    try:
        async with asyncio.timeout(request.app[LIMITS].body_seconds):
            body = await request.read()
    except TimeoutError:
        raise too_slow() from None
    except web.RequestPayloadError:
        raise invalid(
            "The request's body could not be read: it was cut, or its encoding is not what its "
            "headers say. Send it again.",
            code="invalid_body",
        ) from None
    if not body or not body.strip():
        return {}
    limit = request.app[LIMITS].nesting
    try:
        raw = _DECODER.decode(body)
    except RecursionError:
        raise _too_deep(limit) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise invalid(
            "The request's body is not JSON that can be read. Send one JSON object in UTF-8.",
            code="invalid_json",
        ) from None
    if body.count(b"{") + body.count(b"[") > limit and _deeper_than(raw, limit):
        raise _too_deep(limit)
    return raw


def _deeper_than(raw: object, limit: int) -> bool:
    level = [raw]
    for _ in range(limit):
        level = [
            value
            for holder in level
            if isinstance(holder, dict | list)
            for value in (holder.values() if isinstance(holder, dict) else holder)
        ]
        if not level:
            return False
    return any(isinstance(value, dict | list) for value in level)


def too_slow() -> APIError:
    """Refuse a body that does not come to its end."""
    return APIError(
        408,
        "The request's body did not arrive in time. Send it again, over a better connection.",
        code="request_timeout",
    )


def _too_deep(limit: int) -> APIError:
    return invalid(
        f"The request's body is nested too deeply: at most {limit} levels are taken.",
        code="invalid_json",
    )
