"""Builds the parts of the program from the configuration and closes them in reverse order."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, TextIO

import msgspec

from bot.app import StartError
from bot.app.assistant_definitions import ConfiguredAssistants, configured_assistants, place_switch
from bot.app.backup import last_backup
from bot.app.functions import build_functions, patterns_of
from bot.app.keys import BOT_PROJECT, metrics_key, secret, server_keys
from bot.app.model_endpoints import chosen_model, transcription_endpoint
from bot.app.monitoring import Monitoring
from bot.app.providers.attachment_text import AttachmentText
from bot.app.providers.downloads import Downloads
from bot.app.providers.forwarding import ModelUpstream
from bot.app.providers.transcription import AudioTranscriber
from bot.assistants.api import AssistantsAPI
from bot.assistants.errors import APIError
from bot.chat.bot import ChatBot
from bot.chat.dependencies import ChatDependencies
from bot.chat.intake.attachments import FileReaders
from bot.chat.internal_limits import ChatLimits
from bot.chat.threads.api_errors import may_pass
from bot.chat.transport.login import login_errors
from bot.client import Client
from bot.config import Config
from bot.engine import CodeQuotas, Engine, EngineOptions
from bot.hosted.pictures import Painter
from bot.models.local.model import LocalModel
from bot.models.types import ForwardingModel, Model, ModelError
from bot.runtime.clock import Clock, SystemClock
from bot.runtime.retry import TryAgain, endless, retry
from bot.server import Server
from bot.store.engine import EngineStore
from bot.store.ledger import Ledger
from bot.tools.functions import Functions

_LONGEST_WAIT: Final = 10.0
_MIB: Final = 1024 * 1024

_log: Final = logging.getLogger(__name__)


def require_own_engine(config: Config) -> None:
    """Raise ``StartError`` if the server is on but the bot uses a server elsewhere."""
    if config.server.enabled and config.assistants.url != "embedded":
        raise StartError(
            "This program can serve its own engine only, but [assistants] url names another "
            'server. Set url = "embedded", or switch off --serve and [server] enabled.'
        )


class Container:
    """Builds the parts; closing ``stack`` closes them in reverse order.

    ``say`` prints a line for the operator, and ``terminal`` shows the progress of downloads.
    ``databases`` is the directory of the databases; None means ``[storage] directory``.
    """

    def __init__(
        self,
        config: Config,
        environment: Mapping[str, str],
        *,
        stack: AsyncExitStack,
        say: Callable[[str], None],
        terminal: TextIO,
        databases: Path | None = None,
    ) -> None:
        self._config = config
        self._environment = environment
        self._stack = stack
        self._clock = SystemClock()
        self._say = say
        self._terminal = terminal
        self._databases = databases or Path(config.storage.directory)
        self._model: Model | None = None
        self._elsewhere: Client | None = None
        self._monitoring = _monitoring(config, self._clock)
        self._functions = Functions()
        self._server: Server | None = None
        self._running: tuple[ChatBot, AssistantsAPI, Ledger] | None = None

    async def engine(self, *, with_bot: bool) -> Engine:
        """Open engine.db, prepare the model and start the engine, which resumes unfinished runs.

        ``with_bot``: the bot logs its own turns, so the engine does not log the bot's runs.
        """
        # The database comes first: an unusable directory must fail before a model is downloaded.
        store = await EngineStore.open(
            self._databases / "engine.db", metrics=self._monitoring.reports
        )
        self._close_with(store.close)
        model = await self.model()
        status = await model.check()
        if not status.ok:
            _log.warning("The model does not answer, so runs will fail: %s", status.sentence)
        settings, code = self._config.engine, self._config.code_interpreter
        options = EngineOptions(
            max_concurrent_runs=settings.max_concurrent_runs,
            runs_per_project=self._runs_per_project(),
            run_expires_after=settings.run_expires_after,
            ingestion_seconds_per_hour=settings.ingestion_seconds_per_hour,
            context_window=self._config.models.context_window or status.context_window,
            code=CodeQuotas(
                file_days=code.files_expire_after_days,
                file_bytes_per_thread=code.files_mib_per_thread * _MIB,
                file_bytes_per_project=code.files_mib_per_project * _MIB,
                session_bytes_per_project=code.sessions_mib_per_project * _MIB,
            ),
            quiet_project=BOT_PROJECT if with_bot else None,
            keep_thoughts=self._config.discord.show_thoughts,
        )
        metrics = self._monitoring.reports
        engine = Engine(store, model, clock=self._clock, options=options, metrics=metrics)
        self._close_with(engine.stop)
        await engine.start()
        self._monitoring.watch_engine(engine)
        return engine

    def _runs_per_project(self) -> int:
        """Return how many runs of one project may execute at once.

        A single project may use the engine's whole limit; each of several, three quarters of the
        limit.
        """
        most = self._config.engine.max_concurrent_runs
        projects = {BOT_PROJECT, *server_keys(self._environment).values()}
        return most if len(projects) == 1 else max(1, most - most // 4)

    async def model(self) -> Model:
        """Choose the model, and load it if it is local; raises ``StartError``."""
        model = await chosen_model(self._config, self._environment, self._say, self._terminal)
        self._close_with(model.close)
        self._model = model
        if isinstance(model, LocalModel):
            try:
                await model.start()
            except ModelError as error:
                raise StartError(error.message) from error
        return model

    async def api(self, engine: Engine | None) -> AssistantsAPI:
        """Return the bot's Assistants API: ``engine``, or a client of a server elsewhere."""
        if engine is not None:
            return engine.for_project(BOT_PROJECT)
        settings = self._config.assistants
        client = Client(settings.url, secret(self._environment, "assistants", settings.api_key_env))
        self._close_with(client.close)
        self._elsewhere = client
        return client

    async def server(self, engine: Engine | None, *, with_bot: bool) -> Server:
        """Start the server, which serves the engine and forwards requests to its model endpoint.

        Without ``engine`` it serves only health, readiness and metrics. ``with_bot``: the program
        is ready once the bot is.
        """
        if with_bot:
            self._monitoring.expect_bot()
        settings, model = self._config.server, self._model
        server = Server(
            None if engine is None else engine.for_project,
            keys=server_keys(self._environment),
            host=settings.host,
            port=settings.port,
            spool=self._databases,
            allowed_origins=settings.allowed_origins,
            upstream=ModelUpstream(model) if isinstance(model, ForwardingModel) else None,
            monitor=self._monitoring,
            metrics_key=metrics_key(self._environment),
        )
        self._close_with(server.stop)
        await server.start()
        self._server = server
        return server

    async def ledger(self) -> Ledger:
        """Open bot.db."""
        ledger = await Ledger.open(
            self._databases / "bot.db", self._clock.now, metrics=self._monitoring.reports
        )
        self._close_with(ledger.close)
        if self._server is not None:
            # Stopped before the ledger is closed: readiness and metrics use the ledger.
            self._close_with(self._server.stop)
        return ledger

    async def bot(self, api: AssistantsAPI, ledger: Ledger, token: str) -> "asyncio.Task[None]":
        """Find or create the assistants, connect to Discord and return the bot's task.

        Returns after Discord's READY event. Raises ``LoginError`` if Discord refuses the login; the
        task raises ``LoginError`` if Discord ends the connection for good.
        """
        self._functions = build_functions(
            self._config, self._environment, self._clock, self._close_with
        )
        await self._functions.reload(patterns_of(self._config))
        assistants = await self._configured_assistants(api, ledger)
        limits = ChatLimits()
        if self._config.assistants.url == "embedded":
            # No more runs than the engine executes: only the bot's own queue is fair to channels.
            limits = ChatLimits(concurrent_runs=self._runs_per_project())
        painter = Painter()
        self._close_with(painter.close)
        discord = self._config.discord
        if isinstance(self._model, LocalModel):
            # A small model writes poor titles, and a question would wait for each title.
            discord = msgspec.structs.replace(discord, name_threads="question")
        bot = ChatBot(
            ChatDependencies(
                settings=discord,
                api=api,
                ledger=ledger,
                assistant_id=assistants.default_id,
                clock=self._clock,
                readers=FileReaders(AttachmentText(), Downloads(self._clock), self._transcriber()),
                access=self._config.access,
                schedules=self._config.schedules,
                spending=self._config.limits,
                prices=self._config.prices,
                functions=self._functions,
                configured=assistants.by_name,
                models=self._offered_models,
                tell_place=place_switch(self._config.assistants, assistants),
                drawer=painter,
                last_backup=lambda: last_backup(self._config),
                limits=limits,
                metrics=self._monitoring.reports,
            )
        )
        self._running = bot, api, ledger
        self._monitoring.watch_bot(bot, ledger)
        await self._stack.enter_async_context(bot)
        self._close_with(bot.close)
        life = asyncio.create_task(self._live(bot, token), name="discord")
        ready = asyncio.create_task(bot.wait_until_ready())
        try:
            await asyncio.wait({life, ready}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if life.done():
            await life
        self._say(f"{bot.user.display_name if bot.user else 'The bot'} is on Discord.")
        return life

    async def reload_assistants(self, config: Config) -> None:
        """Update functions, configured assistants and their knowledge; the API's address stays.

        Raises ``ConfigError`` and ``APIError``; the bot then goes on as before.
        """
        if self._running is None:
            return
        bot, api, ledger = self._running
        settings = msgspec.structs.replace(config.assistants, url=self._config.assistants.url)
        config = msgspec.structs.replace(config, assistants=settings)
        await self._functions.reload(patterns_of(config))
        assistants = await configured_assistants(
            api, ledger, config, functions=self._functions.definitions
        )
        bot.set_assistants(
            assistants.default_id, assistants.by_name, place_switch(settings, assistants)
        )
        _log.info("The assistants were updated: %s", ", ".join(assistants.by_name))

    async def _offered_models(self) -> tuple[str, ...]:
        """Return the models that the endpoint, or a server elsewhere, lists.

        Raises ``APIError``.
        """
        if self._elsewhere is not None:
            return await self._elsewhere.list_models()
        return () if self._model is None else (await self._model.check()).models

    async def _configured_assistants(
        self, api: AssistantsAPI, ledger: Ledger
    ) -> ConfiguredAssistants:
        """Create or update the configured assistants; retries while a server elsewhere is down."""
        settings = self._config.assistants

        def verdict(error: Exception) -> TryAgain | None:
            elsewhere = settings.url != "embedded"
            retried = elsewhere and isinstance(error, APIError) and may_pass(error)
            return TryAgain() if retried else None

        def log(error: Exception, seconds: float) -> None:
            text = "The Assistants API at %s does not answer (%s); trying again in %.1f s"
            _log.warning(text, settings.url, error, seconds)

        return await retry(
            lambda: configured_assistants(
                api, ledger, self._config, functions=self._functions.definitions
            ),
            endless(longest_delay=_LONGEST_WAIT),
            verdict,
            self._clock,
            on_wait=log,
        )

    def _transcriber(self) -> AudioTranscriber | None:
        endpoint = transcription_endpoint(self._config, self._environment, self._clock)
        if endpoint is None:
            return None
        self._close_with(endpoint.close)
        return AudioTranscriber(endpoint)

    async def _live(self, bot: ChatBot, token: str) -> None:
        with login_errors(self._config.discord.api_url):
            await bot.start(token)

    def _close_with(self, close: Callable[[], Awaitable[None]]) -> None:
        async def close_logged() -> None:
            try:
                await close()
            except Exception:  # noqa: BLE001 - logged; the other parts must be closed, too
                _log.exception("Shutdown step failed")

        self._stack.push_async_callback(close_logged)


def _monitoring(config: Config, clock: Clock) -> Monitoring:
    if not config.server.metrics:
        return Monitoring(None, clock)
    from bot.app.prometheus import PrometheusMetrics

    return Monitoring(PrometheusMetrics(), clock)
