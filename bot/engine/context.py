"""What the parts of the engine share, and one project's access to it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import ParamSpec, TypeVar

from bot.assistants import errors
from bot.engine.model_health import ModelHealth
from bot.engine.prompt.context_window import ContextWindows
from bot.engine.prompt.summary import SummaryPauses
from bot.engine.tool_calls.hosted_tools import CodeQuotas, HostedTools
from bot.engine.tool_calls.ingestion import Ingestion
from bot.models.http.image_fetcher import ImageFetcher
from bot.models.types import Model
from bot.runtime.clock import Clock
from bot.runtime.metrics import Metrics
from bot.store.engine import Check, EngineStore, SearchStoppedError, StoreUnavailableError, Tables

T = TypeVar("T")
P = ParamSpec("P")


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """How runs are executed. Times are in seconds, the context window is in tokens.

    At most ``max_concurrent_runs`` are executed at once, at most ``runs_per_project`` of them for
    one project (None: as many as in all). Without a ``context_window`` the engine learns a model's
    window from its endpoint's errors. ``search_seconds`` bounds each search of vector stores,
    ``file_search`` calls included. ``ingestion_seconds_per_hour`` bounds the time of the child
    processes that read one project's files, ``ingestion_batch_characters`` the characters of the
    files' text that one transaction writes.
    """

    max_concurrent_runs: int = 64
    runs_per_project: int | None = None
    run_expires_after: float = 600.0
    context_window: int | None = None
    search_seconds: float = 10.0
    ingestion_seconds_per_hour: float = 3600.0
    ingestion_batch_characters: int = 200_000
    code: CodeQuotas = field(default_factory=CodeQuotas)
    quiet_project: str | None = None
    """The project whose failed runs the engine does not log, because the bot logs them itself."""
    max_thread_messages: int = 100_000
    """Messages that a thread holds at most (the API's limit)."""
    max_unfinished_runs: int = 2_000
    """How many unfinished runs one project may have; each takes memory until it ends."""
    keep_thoughts: bool = False
    """Whether run steps keep the reasoning of models that show it."""


@dataclass(frozen=True, kw_only=True)
class EngineContext:
    """The parts that every operation and every run of one engine share."""

    store: EngineStore
    model: Model
    clock: Clock
    options: EngineOptions
    fetcher: ImageFetcher
    context_windows: ContextWindows
    hosted_tools: HostedTools
    ingestion: Ingestion
    summary_pauses: SummaryPauses
    model_health: ModelHealth
    metrics: Metrics

    def now(self) -> int:
        """Return the time in whole seconds since 1970, as the API's objects have it."""
        return int(self.clock.now())


class ProjectContext:
    """What the services of one project use of the engine.

    Its transactions raise ``APIError`` 503 if the database can't be used now.
    """

    def __init__(self, engine: EngineContext, name: str) -> None:
        self.engine = engine
        self.name = name

    def now(self) -> int:
        """Return the time in whole seconds since 1970."""
        return self.engine.now()

    async def read(self, work: Callable[[Tables], T]) -> T:
        """Run ``work`` on one snapshot of the database."""
        with _translated_errors():
            return await self.engine.store.read(work)

    async def write(self, work: Callable[[Tables], T]) -> T:
        """Run ``work`` in one transaction; an exception in it rolls the transaction back."""
        with _translated_errors():
            return await self.engine.store.write(work)

    async def search(self, work: Callable[[Tables, Check], T]) -> T:
        """Run a search on one snapshot; raises ``APIError`` 400 if the search takes too long."""
        seconds = self.engine.options.search_seconds
        with _translated_errors():
            try:
                return await self.engine.store.search(work, project=self.name, seconds=seconds)
            except SearchStoppedError:
                raise errors.search_too_long(seconds) from None


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Turn the store's error for an unusable database into ``APIError`` 503."""
    try:
        yield
    except StoreUnavailableError as error:
        raise errors.storage_unavailable() from error


def run_to_end(
    operation: Callable[P, Coroutine[None, None, T]],
) -> Callable[P, Coroutine[None, None, T]]:
    """Decorate an operation so that it runs to its end even if its caller is cancelled.

    A transaction and the work that follows from it belong together: a run that is stored but
    never launched would keep its thread locked until it expires.
    """

    @wraps(operation)
    async def shielded(*args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.shield(asyncio.ensure_future(operation(*args, **kwargs)))

    return shielded
