"""Serves any AssistantsAPI at /v1: every request is parsed, becomes one call, and is serialised."""

from bot.server.server import Server, ServerError

__all__ = ["Server", "ServerError"]
