"""The engine: builds its parts, starts them and stops them."""

import logging
from typing import Final

from bot.engine.context import EngineContext, EngineOptions
from bot.engine.model_health import ModelHealth
from bot.engine.prompt.context_window import ContextWindows
from bot.engine.prompt.summary import SummaryPauses
from bot.engine.run.supervisor import RunSupervisor
from bot.engine.services.project import Project
from bot.engine.tool_calls.hosted_tools import HostedTools
from bot.engine.tool_calls.ingestion import Ingestion, TextExtractor
from bot.hosted.extract import extract_text
from bot.models.http.image_fetcher import ImageFetcher
from bot.models.types import Model
from bot.runtime.clock import Clock
from bot.runtime.metrics import Metrics
from bot.runtime.tasks import BackgroundTasks
from bot.store.engine import EngineStore

_log: Final = logging.getLogger(__name__)

_HOUR: Final = 3600.0


class Engine:
    """Executes the Assistants API over a store and a model; the caller closes both.

    ``extract`` reads the text of files for ``file_search``.
    """

    def __init__(
        self,
        store: EngineStore,
        model: Model,
        *,
        clock: Clock,
        options: EngineOptions | None = None,
        fetcher: ImageFetcher | None = None,
        extract: TextExtractor = extract_text,
        metrics: Metrics | None = None,
    ) -> None:
        metrics = metrics or Metrics()
        options = options or EngineOptions()
        self.store = store
        self._context = EngineContext(
            store=store,
            model=model,
            clock=clock,
            options=options,
            fetcher=fetcher or ImageFetcher(),
            context_windows=ContextWindows(options.context_window),
            hosted_tools=HostedTools(store, clock, options.search_seconds, options.code),
            summary_pauses=SummaryPauses(clock),
            model_health=ModelHealth(clock, metrics),
            metrics=metrics,
            ingestion=Ingestion(
                store,
                clock,
                extract=extract,
                seconds_per_hour=options.ingestion_seconds_per_hour,
                batch_characters=options.ingestion_batch_characters,
            ),
        )
        self._supervisor = RunSupervisor(self._context)
        self._background = BackgroundTasks()

    @property
    def model_health(self) -> ModelHealth:
        """How the model's endpoint answered last."""
        return self._context.model_health

    async def start(self) -> None:
        """Go on with the runs and files that the last process left unfinished."""
        await self._supervisor.start()
        file_ids = await self.store.read(lambda tables: tables.files.all_file_ids())
        await self.store.files.sweep(file_ids)
        await self._context.ingestion.start()
        self._background.start(
            self._delete_expired_files(), "The deletion of expired files has stopped"
        )

    async def stop(self) -> None:
        """Stop all work; unfinished runs and files stay stored and go on at the next start."""
        await self._background.stop()
        await self._supervisor.stop()
        await self._context.ingestion.stop()
        await self._context.hosted_tools.close()
        self._supervisor.close_feeds()

    def for_project(self, name: str) -> Project:
        """Return the Assistants API of one project; it never shows objects of other projects."""
        return Project(self._context, self._supervisor, name)

    async def _delete_expired_files(self) -> None:
        """Delete files past their ``expires_at``, once an hour."""
        while True:
            try:
                for file_id in await self.store.write(
                    lambda tables: tables.files.drop_expired_files(self._context.now())
                ):
                    await self._delete_bytes(file_id)
            except Exception:  # noqa: BLE001 - logged; the next hour tries again
                _log.exception("Deleting expired files failed; trying again in an hour")
            await self._context.clock.sleep(_HOUR)

    async def _delete_bytes(self, file_id: str) -> None:
        try:
            await self.store.files.delete(file_id)
        except OSError as error:
            # The sweep at the next start tries again.
            _log.warning("The bytes of file %s can't be deleted: %s", file_id, error)
