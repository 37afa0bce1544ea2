"""Serves an AssistantsAPI at /v1: parses a request, makes one call, serialises the result."""

from bot.server.server import Server, ServerError
from bot.server.upstream import Forwarded, Upstream

__all__ = ["Forwarded", "Server", "ServerError", "Upstream"]
