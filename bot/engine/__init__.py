"""The Assistants API that runs here: execution, cancelling, expiry, recovery."""

from bot.engine.engine import Engine, EngineOptions
from bot.engine.tool_calls.hosted_tools import CodeQuotas

__all__ = ["CodeQuotas", "Engine", "EngineOptions"]
