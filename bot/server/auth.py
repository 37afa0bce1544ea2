"""Who may ask: finds a request's project or refuses it; keys are compared in constant time."""

import hmac
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from bot.assistants.api import AssistantsAPI
from bot.assistants.errors import APIError, missing_beta_header
from bot.wire.addresses import is_loopback

OPEN_PROJECT: Final = "default"
"""The project of all requests where no keys are configured."""

PROJECT: Final = web.RequestKey("project", str)
"""The project of a request that was admitted."""


class Gate:
    """With keys: one of them, its project. Without: whoever is on this machine, one project."""

    def __init__(self, projects: Callable[[str], AssistantsAPI], keys: Mapping[str, str]) -> None:
        self._projects = projects
        self._keys = tuple(
            (key.encode("utf-8", "surrogateescape"), name) for key, name in keys.items()
        )

    def admit(self, request: web.Request, *, beta: bool = True) -> AssistantsAPI:
        """Return the caller's project; raises ``APIError`` 401 or 403.

        With ``beta`` the request must name the version of the API that it means. Sets ``PROJECT``.
        """
        headers = request.headers
        if self._keys:
            project = self._project_of(headers.get("Authorization"))
        else:
            _refuse_strangers(headers.get("Host"), headers.get("Origin"))
            project = OPEN_PROJECT
        if beta and not _asks_for_v2(headers.getall("OpenAI-Beta", [])):
            raise missing_beta_header()
        request[PROJECT] = project
        return self._projects(project)

    def _project_of(self, authorization: str | None) -> str:
        scheme, _, given = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            raise APIError(
                401,
                "You didn't provide an API key. You need to provide your API key in an "
                "Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
                code="invalid_api_key",
            )
        secret = given.strip().encode("utf-8", "surrogateescape")
        found = None
        for key, project in self._keys:  # all of them, so that the time tells nothing
            if hmac.compare_digest(key, secret):
                found = project
        if found is None:
            raise APIError(
                401,
                "Incorrect API key provided. Keys are given out by whoever runs this server.",
                code="invalid_api_key",
            )
        return found


def _asks_for_v2(values: list[str]) -> bool:
    if values == ["assistants=v2"]:
        return True
    return any(part.strip() == "assistants=v2" for value in values for part in value.split(","))


def _refuse_strangers(host: str | None, origin: str | None) -> None:
    """Refuse what a web page from elsewhere made a browser send here (DNS rebinding)."""
    name = _host_of(f"//{host}") if host else None
    if name is None or not is_loopback(name):
        raise _forbidden(
            "This server runs without API keys and answers only to this machine's own names. "
            "Use http://127.0.0.1 or http://localhost, or let whoever runs it configure keys."
        )
    if origin is not None:
        page = _host_of(origin)
        if page is None or not is_loopback(page):
            raise _forbidden(
                "This server runs without API keys and does not answer web pages from elsewhere. "
                "Let whoever runs it configure keys."
            )


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _forbidden(message: str) -> APIError:
    return APIError(403, message, code="forbidden")
