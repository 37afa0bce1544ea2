"""The Assistants API executed in this process, over SQLite and any model."""

from bot.engine.context import EngineOptions
from bot.engine.engine import Engine
from bot.engine.tool_calls.hosted_tools import CodeQuotas

__all__ = ["CodeQuotas", "Engine", "EngineOptions"]
