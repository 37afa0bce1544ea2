"""The tables of engine.db: the objects of the Assistants API."""

from bot.store.database import StoreUnavailableError
from bot.store.engine.store import EngineStore, Tables, assistants_in
from bot.store.engine.summaries import NO_SUMMARY, Summary
from bot.store.search_readers import Check, SearchStoppedError

__all__ = [
    "NO_SUMMARY",
    "Check",
    "EngineStore",
    "SearchStoppedError",
    "StoreUnavailableError",
    "Summary",
    "Tables",
    "assistants_in",
]
