"""Parses and validates requests; raises ``APIError`` for invalid ones."""

import asyncio
import codecs
import json
import re
from collections.abc import Callable, Container
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import hdrs, web

from bot.assistants.errors import APIError, invalid
from bot.assistants.schema.requests import SEARCH_RESULT_CONTENT, Request
from bot.assistants.validation import from_raw, refused
from bot.runtime.problems import duplicate, unknown, unsupported
from bot.server.auth import PROJECT
from bot.server.context import AZURE, CONTEXT, Limits

T = TypeVar("T")
R = TypeVar("R", bound=msgspec.Struct)
P = TypeVar("P", bound=Request)

_DECODED_ENCODINGS: Final = frozenset({"", "identity", "gzip", "deflate", "br", "zstd"})
"""Encodings that aiohttp decodes, or refuses for lack of a library."""

_DECODER: Final = msgspec.json.Decoder()
_LARGE: Final = 64 * 1024
"""A body of more bytes is parsed in a thread, so that the event loop is not blocked."""

_MOST_REPAIRED: Final = 1024 * 1024
"""A body of more bytes is not searched for half characters."""

_SURROGATE_ESCAPE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_CURSORS: Final = ("after", "before")
"""Query parameters that programs send empty for the first page."""

_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[,\[\]{}]', re.DOTALL)
"""A JSON string, complete or cut off, or a structural character."""


class _Streaming(msgspec.Struct, frozen=True):
    """The field ``stream``, which is not part of any request of ``AssistantsAPI``."""

    stream: bool | None = None


async def read(request: web.Request, kind: type[R]) -> R:
    """Parse the request's body as ``kind``; query parameters are refused."""
    refuse_query(request)

    def parse(body: bytes) -> R:
        return from_raw(kind, _decoded(body, limits))

    limits = request.app[CONTEXT].limits
    return await _parsed(request, parse)


async def read_streamable(request: web.Request, kind: type[R]) -> tuple[R, bool]:
    """Parse the request's body as ``kind``; also return its field ``stream``."""

    def parse(body: bytes) -> tuple[R, bool]:
        raw = _decoded(body, limits)
        streamed = False
        if isinstance(raw, dict) and "stream" in raw:
            streamed = bool(from_raw(_Streaming, {"stream": raw.pop("stream")}).stream)
        return from_raw(kind, raw), streamed

    limits = request.app[CONTEXT].limits
    return await _parsed(request, parse)


def read_page(request: web.Request, kind: type[P], *more: str) -> tuple[P, dict[str, str]]:
    """Parse paging parameters as ``kind``; also return the values of the parameters ``more``."""
    if not request.query_string:
        return kind(), {}
    given = parameters(request, {*kind.__struct_fields__, *more})
    rest = {name: given.pop(name) for name in more if name in given}
    raw: dict[str, object] = dict(given)
    if "limit" in given:
        raw["limit"] = integer(given["limit"])
    return from_raw(kind, raw), rest


def include(request: web.Request) -> tuple[str, ...]:
    """Return the values of the parameter ``include`` (or ``include[]``)."""
    if not request.query_string:
        return ()
    values = [
        value
        for name in ("include[]", "include")
        for whole in request.query.getall(name, [])
        for value in whole.split(",")
    ]
    for index, value in enumerate(values):
        if value != SEARCH_RESULT_CONTENT:
            supported = (SEARCH_RESULT_CONTENT,)
            raise refused(unsupported("include", index, value=value, supported=supported))
    return tuple(values)


def refuse_query(request: web.Request, *known: str) -> None:
    """Refuse query parameters other than ``known``, and duplicates (except of ``include``)."""
    parameters(request, known)


def parameters(request: web.Request, known: Container[str]) -> dict[str, str]:
    """Return the query's values of the parameters ``known``; refuse other parameters.

    ``include`` may occur more than once and is not returned.
    """
    given: dict[str, str] = {}
    if not request.query_string:
        return given
    azure = request.path.startswith(f"{AZURE}/")
    for name, value in request.query.items():
        if name == "api-version" and azure:
            continue
        if name in ("include", "include[]") and "include" in known:
            continue
        if name not in known:
            raise refused(unknown(name[:100]))
        if name in given:
            raise refused(duplicate(name))
        if value or name not in _CURSORS:
            given[name] = value
    return given


def integer(value: str) -> int | str:
    """Convert a decimal string to an integer; return any other string, so that validation fails."""
    digits = value.removeprefix("-")
    return int(value) if digits.isascii() and digits.isdigit() and len(digits) < 19 else value


async def _body(request: web.Request) -> bytes:
    """Read the request's body; raises ``APIError`` if it is late, too large or broken."""
    require_known_encoding(request)
    try:
        async with asyncio.timeout(request.app[CONTEXT].limits.body_seconds):
            return await request.read()
    except TimeoutError:
        raise too_slow() from None
    except web.RequestPayloadError:
        raise invalid(
            "The request's body could not be read: it was cut off, or its encoding does not match "
            "its headers. Send it again.",
            code="invalid_body",
        ) from None


async def read_raw(request: web.Request) -> tuple[bytes, dict[str, msgspec.Raw]]:
    """Return the bytes of a JSON object and its fields with undecoded values."""

    def parse(body: bytes) -> tuple[bytes, dict[str, msgspec.Raw]]:
        body = body.removeprefix(codecs.BOM_UTF8)
        _check_structure(body, limits)
        try:
            return body, msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise _invalid_json() from None

    limits = request.app[CONTEXT].limits
    return await _parsed(request, parse)


async def _parsed(request: web.Request, parse: Callable[[bytes], T]) -> T:
    """Apply ``parse`` to the request's body; a large body is parsed in a thread."""
    if not _may_be_large(request):
        return parse(await _body(request))
    shares = request.app[CONTEXT].shares
    async with shares.large_bodies[request[PROJECT]]:
        body = await _body(request)
        if len(body) <= _LARGE:
            return parse(body)
        async with shares.parser:
            return await asyncio.to_thread(parse, body)


def _may_be_large(request: web.Request) -> bool:
    length = request.content_length
    return request.body_exists and (
        length is None or length > _LARGE or hdrs.CONTENT_ENCODING in request.headers
    )


def _decoded(body: bytes, limits: Limits) -> Any:
    """Decode a JSON body, ``{}`` if it is blank; raises ``APIError`` 400."""
    body = body.removeprefix(codecs.BOM_UTF8)
    if not body or body.isspace():
        return {}
    _check_structure(body, limits)
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if len(body) <= _MOST_REPAIRED and _SURROGATE_ESCAPE.search(body):
            return _with_whole_characters(body)
        raise _invalid_json() from None


def _with_whole_characters(body: bytes) -> Any:
    """Decode a body with U+FFFD for half a character, which programs get by cutting a text."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        value = json.loads(body, parse_constant=refuse)
        text = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass")
        return _DECODER.decode(text.decode("utf-16", "replace"))
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise _invalid_json() from None


def _check_structure(body: bytes, limits: Limits) -> None:
    """Refuse a body with too many values or levels before decoding it.

    The decoder holds the GIL until it has finished, so its input must be bounded.
    """
    openings = body.count(b"{") + body.count(b"[")
    if openings <= limits.nesting and openings + body.count(b",") <= limits.values:
        return
    depth = values = 0
    for token in _TOKEN.finditer(body):
        mark = body[token.start()]
        if mark in b"{[":
            depth += 1
            values += 1
            if depth > limits.nesting:
                raise _too_deep(limits.nesting)
        elif mark in b"]}":
            depth -= 1
        elif mark in b",":
            values += 1
        if values > limits.values:
            raise _too_many(limits.values, _path(body, token.end()))


def _path(body: bytes, end: int) -> str:
    """Return the path of the largest array or object that is open at ``end`` of a JSON text."""
    names: list[str] = []
    sizes: list[int] = []
    arrays: list[bool] = []
    text = b""
    for token in _TOKEN.finditer(body, 0, end):
        mark = body[token.start()]
        if mark in b'"':
            text = token[0]
        elif mark in b"{[":
            name = text[1:65].rstrip(b'"').decode("utf-8", "replace")
            names.append(f"[{sizes[-1]}]" if arrays and arrays[-1] else f".{name}")
            sizes.append(0)
            arrays.append(mark in b"[")
        elif mark in b"]}":
            names, sizes, arrays = names[:-1], sizes[:-1], arrays[:-1]
        elif sizes:
            sizes[-1] += 1
    fullest = sizes.index(max(sizes)) if sizes else 0
    return "".join(names[1 : fullest + 1]).removeprefix(".")


def require_known_encoding(request: web.Request) -> None:
    """Raise ``APIError`` 415 for a ``Content-Encoding`` that aiohttp does not decode."""
    codings = request.headers.getall(hdrs.CONTENT_ENCODING, ())
    if codings and ",".join(codings).strip().lower() not in _DECODED_ENCODINGS:
        raise unknown_encoding()


def unknown_encoding() -> APIError:
    """Return the error for an unsupported ``Content-Encoding``."""
    return APIError(
        415,
        "The body's Content-Encoding is not supported. Send it unencoded, or with gzip or deflate.",
        code="unsupported_content_encoding",
    )


def _invalid_json() -> APIError:
    """Return the error for an invalid JSON body."""
    return invalid(
        "The request's body is not valid JSON. Send one JSON object in UTF-8.",
        code="invalid_json",
    )


def too_slow() -> APIError:
    """Return the error for a body that did not arrive in time."""
    return APIError(
        408,
        "The request's body did not arrive in time. Send it again, over a better connection.",
        code="request_timeout",
    )


def _too_many(limit: int, path: str) -> APIError:
    where = f"'{path}'" if path else "the request's body"
    return invalid(
        f"Invalid {where}: the request's body holds too many values: at most {limit:,} array "
        "elements, objects and their fields are taken. Send fewer in one request.",
        path or None,
        "too_many_values",
    )


def _too_deep(limit: int) -> APIError:
    return invalid(
        f"The request's body is nested too deeply: at most {limit} levels are taken.",
        code="invalid_json",
    )
