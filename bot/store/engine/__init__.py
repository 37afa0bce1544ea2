"""The engine's tables: what the Assistants API keeps, under one transaction at a time."""

from bot.store.database import StoreUnavailableError
from bot.store.engine.store import EngineStore, Tables, assistants_in
from bot.store.search_readers import Check, SearchStoppedError

__all__ = [
    "Check",
    "EngineStore",
    "SearchStoppedError",
    "StoreUnavailableError",
    "Tables",
    "assistants_in",
]
