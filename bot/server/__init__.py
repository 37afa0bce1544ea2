"""Serves any AssistantsAPI at /v1: every request is parsed, becomes one call, and is serialised."""

from bot.server.server import Server, ServerError
from bot.server.upstream import Forwarded, Upstream

__all__ = ["Forwarded", "Server", "ServerError", "Upstream"]
