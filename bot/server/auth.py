"""Authentication: finds the project of a request by its API key, or refuses the request."""

import hmac
from collections.abc import Callable, Mapping
from typing import Final

from aiohttp import web

from bot.assistants.api import AssistantsAPI
from bot.assistants.errors import APIError, missing_beta_header, old_beta_version
from bot.server.cors import Origins
from bot.wire.addresses import is_loopback, parse_host

OPEN_PROJECT: Final = "default"
"""The project of all requests if no API keys are configured."""

PROJECT: Final = web.RequestKey("project", str)
"""The project of an authenticated request."""


class Gate:
    """Admits requests: with API keys by key, without them only from this machine.

    ``origins`` are the web pages that may send requests without a key. ``metrics_key`` is the key
    of the metrics; without it only this machine may read them.
    """

    def __init__(
        self,
        projects: Callable[[str], AssistantsAPI],
        keys: Mapping[str, str],
        origins: Origins | None = None,
        *,
        metrics_key: str = "",
    ) -> None:
        self._projects = projects
        self._keys = tuple(
            (key.encode("utf-8", "surrogateescape"), name) for key, name in keys.items()
        )
        self._origins = origins or Origins(())
        self._metrics_key = metrics_key.encode("utf-8", "surrogateescape")

    def project(self, request: web.Request) -> str:
        """Return the name of the caller's project; raises ``APIError`` 401 or 403."""
        headers = request.headers
        if not self._keys:
            self._require_local_caller(headers.get("Host"), headers.get("Origin"))
            return OPEN_PROJECT
        return self._project_of(headers.get("Authorization"), headers.get("api-key"))

    def admit_to_metrics(self, request: web.Request) -> None:
        """Raise ``APIError`` 401 or 403 for a caller who may not read the metrics."""
        headers = request.headers
        if not self._metrics_key:
            self._require_local_caller(headers.get("Host"), headers.get("Origin"))
            return
        scheme, _, given = headers.get("Authorization", "").partition(" ")
        secret = given.strip().encode("utf-8", "surrogateescape")
        if scheme.lower() != "bearer" or not hmac.compare_digest(self._metrics_key, secret):
            raise APIError(
                401,
                "The metrics need the key in METRICS_KEY, in an Authorization header: Bearer KEY.",
                code="invalid_api_key",
            )

    def api(self, project: str) -> AssistantsAPI:
        """Return the API of a project."""
        return self._projects(project)

    def _project_of(self, authorization: str | None, api_key: str | None) -> str:
        """Find the key in ``Authorization``, else in Azure's header ``api-key``."""
        scheme, _, given = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            given = api_key or ""
        if not given.strip():
            raise APIError(
                401,
                "You didn't provide an API key. You need to provide your API key in an "
                "Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
                code="invalid_api_key",
            )
        secret = given.strip().encode("utf-8", "surrogateescape")
        found = None
        for key, project in self._keys:  # compare all keys, so that the duration reveals nothing
            if hmac.compare_digest(key, secret):
                found = project
        if found is None:
            raise APIError(
                401,
                "Incorrect API key provided. Ask the operator of this server for a key.",
                code="invalid_api_key",
            )
        return found

    def _require_local_caller(self, host: str | None, origin: str | None) -> None:
        """Refuse requests that a foreign web page makes a browser send (DNS rebinding)."""
        if host is None or not _names_this_machine(host):
            raise _forbidden(
                "This server runs without API keys and answers only to this machine's own "
                "names. Use http://127.0.0.1 or http://localhost, or ask its operator to "
                "configure keys."
            )
        if origin is not None and not self._origins.lists(origin):
            raise _forbidden(
                "This server runs without API keys and does not answer foreign web pages. Ask its "
                "operator to configure keys, or to add the page's origin to [server] "
                "allowed_origins."
            )


def require_version(request: web.Request) -> None:
    """Raise ``APIError`` 400 unless the request asks for version 2 of the API."""
    values = request.headers.getall("OpenAI-Beta", [])
    if values == ["assistants=v2"]:
        return
    versions = {part.strip() for value in values for part in value.split(",")}
    if "assistants=v2" not in versions:
        raise old_beta_version() if "assistants=v1" in versions else missing_beta_header()


def _names_this_machine(host: str) -> bool:
    try:
        return is_loopback(parse_host(host).host)
    except ValueError:
        return False


def _forbidden(message: str) -> APIError:
    return APIError(403, message, code="forbidden")
