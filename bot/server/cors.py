"""Cross-origin resource sharing (CORS): which web pages may read the server's responses.

Allowed are pages on this machine (loopback) and the origins that the operator lists. The rules
come from the Fetch standard, section "CORS protocol".
"""

import re
from collections.abc import Collection, Mapping
from typing import Final

from aiohttp import hdrs, web

from bot.assistants.errors import APIError
from bot.wire.addresses import is_loopback, parse_host

ANY: Final = "*"
_ORIGIN: Final = re.compile(r"([a-z][a-z0-9+.-]*)://([^/?#@\\\s]+)")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_HEADERS: Final = 64
_METHODS: Final = "GET, POST, DELETE"
_EXPOSED: Final = "x-request-id, openai-version, openai-poll-after-ms, retry-after"
_MAX_AGE: Final = "600"
"""Seconds for which a browser caches a preflight response."""


class Origins:
    """Origins whose pages may read responses; raises ``ValueError`` for an invalid origin."""

    def __init__(self, allowed: Collection[str]) -> None:
        self.any = ANY in allowed
        self._listed: set[tuple[str, str, int | None]] = set()
        for text in allowed:
            if text == ANY:
                continue
            origin = _parsed(text)
            if origin is None:
                raise ValueError(text)
            self._listed.add(origin)

    def lists(self, text: str) -> bool:
        """Return whether an ``Origin`` header names a page on this machine or a listed origin."""
        origin = _parsed(text)
        if origin is None:
            return False
        return origin in self._listed or (origin[0] in _DEFAULT_PORTS and is_loopback(origin[1]))

    def headers(self, text: str | None) -> Mapping[str, str]:
        """Return the CORS headers of a response to a page of this origin."""
        if text is not None and self.lists(text):
            return {
                hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: text,
                hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS: "true",
                hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: _EXPOSED,
                hdrs.VARY: hdrs.ORIGIN,
            }
        if text is not None and self.any:
            # Never with credentials: every web page could use those of its visitor.
            return {
                hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: ANY,
                hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: _EXPOSED,
                hdrs.VARY: hdrs.ORIGIN,
            }
        return {hdrs.VARY: hdrs.ORIGIN}


def is_preflight(request: web.Request) -> bool:
    """Return whether a request is a preflight (Fetch standard, "CORS-preflight request")."""
    headers = request.headers
    return (
        request.method == hdrs.METH_OPTIONS
        and hdrs.ORIGIN in headers
        and hdrs.ACCESS_CONTROL_REQUEST_METHOD in headers
    )


def preflight_answer(request: web.Request, origins: Origins) -> web.Response:
    """Answer a preflight; raises ``APIError`` 403 for an origin that is not allowed.

    A preflight carries no API key, and its response depends on none.
    """
    origin = request.headers[hdrs.ORIGIN]
    if not (origins.any or origins.lists(origin)):
        raise APIError(
            403,
            "Pages of this origin may not use the server. Its operator can add the origin to "
            "[server] allowed_origins.",
            code="forbidden",
        )
    asked = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, "").split(",")
    names = [name.strip() for name in asked[:_MOST_HEADERS]]
    headers: dict[str, str] = {
        hdrs.ACCESS_CONTROL_ALLOW_METHODS: _METHODS,
        hdrs.ACCESS_CONTROL_ALLOW_HEADERS: ", ".join(filter(_HEADER_NAME.fullmatch, names)),
        hdrs.ACCESS_CONTROL_MAX_AGE: _MAX_AGE,
        hdrs.VARY: hdrs.ACCESS_CONTROL_REQUEST_HEADERS,
    }
    if request.headers.get("Access-Control-Request-Private-Network") == "true":
        headers["Access-Control-Allow-Private-Network"] = "true"
    return web.Response(status=204, headers=headers)


def _parsed(text: str) -> tuple[str, str, int | None] | None:
    """Return an origin's scheme, host and port (None: the default); None if invalid."""
    match = _ORIGIN.fullmatch(text.lower())
    if match is None:
        return None
    try:
        host, port = (found := parse_host(match[2])).host, found.port
    except ValueError:
        return None
    return match[1], host, None if port == _DEFAULT_PORTS.get(match[1]) else port
