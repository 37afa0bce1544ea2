"""The AssistantsAPI over HTTP, to any server that speaks it, also one that does not stream."""

from bot.client.client import Client
from bot.client.transport import ClientTimeouts

__all__ = ["Client", "ClientTimeouts"]
