"""The readiness and the metrics of the running program, for its operator."""

import asyncio
import logging
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from bot.chat.bot import ChatBot
from bot.engine import Engine
from bot.runtime.clock import Clock
from bot.runtime.metrics import Metrics
from bot.server import MetricsText
from bot.store.database import StoreError
from bot.store.ledger import Ledger, LedgerError

if TYPE_CHECKING:  # loaded only if metrics are on
    from bot.app.prometheus import PrometheusMetrics

_log: Final = logging.getLogger(__name__)

_PROBE_SECONDS: Final = 5.0
"""Seconds for which the result of a readiness probe is reused."""


class Monitoring:
    """Answers the server's requests for readiness and metrics.

    ``prometheus`` is None if metrics are off. Each part is watched from its start on.
    """

    def __init__(self, prometheus: "PrometheusMetrics | None", clock: Clock) -> None:
        self._prometheus = prometheus
        self._clock = clock
        self._engine: Engine | None = None
        self._ledger: Ledger | None = None
        self._bot: ChatBot | None = None
        self._expects_bot = False
        self._probe = asyncio.Lock()
        self._problems: Mapping[str, str] = {}
        self._probed_at = -math.inf

    @property
    def reports(self) -> Metrics:
        """The metrics to which the parts report; a report is dropped if metrics are off."""
        return self._prometheus or Metrics()

    def expect_bot(self) -> None:
        """Report the program as not ready until the bot is connected."""
        self._expects_bot = True

    def watch_engine(self, engine: Engine) -> None:
        """Watch the engine, its database and its model."""
        self._engine = engine

    def watch_bot(self, bot: ChatBot, ledger: Ledger) -> None:
        """Watch the bot, its connection to Discord and its ledger."""
        self._bot, self._ledger = bot, ledger

    @property
    def has_metrics(self) -> bool:
        """Whether metrics are on."""
        return self._prometheus is not None

    async def metrics(self) -> MetricsText:
        """Measure the gauges, and return all metrics."""
        assert self._prometheus is not None, "only a server with metrics asks for them"
        if self._bot is not None and self._ledger is not None:
            counts = await self._ledger.history.open_counts()
            self._prometheus.measure(self._bot.vitals(), counts, await self._bot.spending())
        return self._prometheus.text()

    async def problems(self) -> Mapping[str, str]:
        """Return why each part is not ready; empty if all are.

        Callers without a key may ask, so that the databases are written at most every few seconds.
        """
        async with self._probe:
            now = self._clock.monotonic()
            if now - self._probed_at >= _PROBE_SECONDS:
                self._problems = await self._find_problems()
                self._probed_at = self._clock.monotonic()
        return self._problems

    async def _find_problems(self) -> Mapping[str, str]:
        problems: dict[str, str] = {}
        bot = self._bot
        if self._expects_bot and (bot is None or not bot.vitals().connected):
            problems["discord"] = "The bot is not connected to Discord's gateway."
        try:
            if self._ledger is not None:
                await self._ledger.probe()
            if self._engine is not None:
                await self._engine.store.probe()
        except (LedgerError, StoreError) as error:
            _log.warning("A database can't be written: %s", error)
            problems["database"] = "A database can't be written."
        if self._engine is not None and (kind := self._engine.model_health.problem()):
            problems["model"] = f"The model's last call failed ({kind})."
        return problems
