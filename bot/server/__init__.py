"""Serves an AssistantsAPI at /v1: parses a request, makes one call, serialises the result."""

from bot.server.monitor import MetricsText, Monitor
from bot.server.server import Server, ServerError
from bot.server.upstream import Forwarded, Upstream

__all__ = ["Forwarded", "MetricsText", "Monitor", "Server", "ServerError", "Upstream"]
