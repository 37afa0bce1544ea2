"""The Assistants API that runs here: execution, cancelling, expiry, recovery."""

from bot.engine.engine import Engine, EngineOptions

__all__ = ["Engine", "EngineOptions"]
