"""The ``health`` command: asks the running program of a configuration whether it lives."""

import http.client
from typing import Final

from bot.app import StartError
from bot.config import Config

_SECONDS: Final = 4.0
_ANY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - no address to listen on


def require_health(config: Config) -> None:
    """Raise ``StartError`` unless GET /healthz at the configured host and port answers 200."""
    host = _ANY_ADDRESS.get(config.server.host, config.server.host)
    port = config.server.port
    connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise StartError(
            f"Nothing answers at {host}:{port} ({error}). Does the program run, with [server] "
            "enabled, metrics or --serve?"
        ) from error
    finally:
        connection.close()
    if status != http.client.OK:
        raise StartError(f"{host}:{port} answers /healthz with {status}.")
