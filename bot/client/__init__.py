"""An AssistantsAPI over HTTP: works with any server of the API, also one that can't stream."""

from bot.client.client import Client
from bot.client.transport import ClientTimeouts

__all__ = ["Client", "ClientTimeouts"]
