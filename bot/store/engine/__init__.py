"""The tables of engine.db: the objects of the Assistants API."""

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
