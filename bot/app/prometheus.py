"""Turns the reports of the program's parts into Prometheus metrics.

Imported only if metrics are on, because the library takes a tenth of a second to load.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from bot.chat.access.prices import UNIT
from bot.chat.bot import Spending, Vitals
from bot.runtime.metrics import Metrics
from bot.server import MetricsText
from bot.store.ledger import OPEN, OpenCounts

_PREFIX: Final = "assistants_bot"

_MOST_MODELS: Final = 50
"""Models with their own label value: callers name models, and each value takes memory."""

_OTHER: Final = "other"
_LIMIT_SECONDS: Final = 600.0
_INVALID: Final = frozenset({401, 403, 429})
_MOST_INVALID: Final = 20_000

_WAITS: Final = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 40, 60, 120, 300, 600)
_SHORT_WAITS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30)


class PrometheusMetrics(Metrics):
    """Counts and times the reports, for a scrape by Prometheus."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.registry = CollectorRegistry()
        self._monotonic = monotonic
        self._models: set[str] = set()
        self._gauges: _Gauges | None = None
        self._invalid: deque[float] = deque(maxlen=_MOST_INVALID)
        self._questions = self._counter("questions", "Questions that were stored.")
        self._thinking = self._histogram("thinking_seconds", 'Time to "thinking…".', _WAITS)
        self._turns = self._histogram(
            "turn_seconds", "Time to the end of a turn.", _WAITS, "outcome"
        )
        self._runs = self._counter("runs", "Runs that ended.", "status", "model")
        self._tokens = self._counter("tokens", "Tokens of ended runs.", "model", "kind")
        self._first_events = self._histogram(
            "model_first_event_seconds", "Time to a model's first event.", _WAITS, "model"
        )
        self._calls = self._histogram(
            "model_call_seconds", "Time of a model's call.", _WAITS, "model"
        )
        self._call_errors = self._counter(
            "model_errors", "Calls of a model that failed.", "model", "kind"
        )
        self._discord = self._counter("discord_requests", "Requests to Discord.", "status")
        self._databases = self._histogram(
            "database_seconds", "Time of a transaction.", _SHORT_WAITS, "database", "operation"
        )
        invalid = Gauge(
            f"{_PREFIX}_discord_invalid_requests",
            "Responses 401, 403 and 429 of Discord in the last 10 minutes; it bans at 10,000.",
            registry=self.registry,
        )
        invalid.set_function(lambda: float(self._count_invalid()))
        ProcessCollector(registry=self.registry)

    def measure(self, vitals: Vitals, counts: OpenCounts, spending: Spending) -> None:
        """Set the gauges, at the moment of a scrape."""
        self._gauges = self._gauges or _Gauges(self.registry)
        self._gauges.set(vitals, counts, spending)

    def text(self) -> MetricsText:
        """Return all metrics as text."""
        return MetricsText(CONTENT_TYPE_LATEST, generate_latest(self.registry))

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: Iterable[float], *labels: str) -> Histogram:
        return Histogram(
            f"{_PREFIX}_{name}", text, labels, registry=self.registry, buckets=tuple(buckets)
        )

    def question_taken(self) -> None:
        self._questions.inc()

    def thinking_shown(self, seconds: float) -> None:
        self._thinking.observe(seconds)

    def turn_ended(self, outcome: str, seconds: float) -> None:
        self._turns.labels(outcome).observe(seconds)

    def run_ended(
        self, status: str, model: str, *, prompt_tokens: int, completion_tokens: int
    ) -> None:
        model = self._label(model)
        self._runs.labels(status, model).inc()
        self._tokens.labels(model, "prompt").inc(prompt_tokens)
        self._tokens.labels(model, "completion").inc(completion_tokens)

    def model_answered(
        self, model: str, first: float | None, total: float, problem: str | None
    ) -> None:
        model = self._label(model)
        if first is not None:
            self._first_events.labels(model).observe(first)
        self._calls.labels(model).observe(total)
        if problem is not None:
            self._call_errors.labels(model, problem).inc()

    def discord_answered(self, status: int) -> None:
        self._discord.labels(str(status)).inc()
        if status in _INVALID:
            self._invalid.append(self._monotonic())
            self._count_invalid()

    def database_worked(self, database: str, operation: str, seconds: float) -> None:
        self._databases.labels(database, operation).observe(seconds)

    def _label(self, model: str) -> str:
        if model in self._models or len(self._models) < _MOST_MODELS:
            self._models.add(model)
            return model
        return _OTHER

    def _count_invalid(self) -> int:
        oldest = self._monotonic() - _LIMIT_SECONDS
        while self._invalid and self._invalid[0] < oldest:
            self._invalid.popleft()
        return len(self._invalid)


class _Gauges:
    """The gauges that each scrape sets; they are registered once a bot runs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"{_PREFIX}_{name}", text, labels, registry=registry)

        self._connected = gauge("gateway_connected", "1 while Discord's gateway sends events.")
        self._open_turns = gauge("open_turns", "Turns that have not ended.", "state")
        self._waiting = gauge("waiting_questions", "Questions that wait for a turn.")
        self._slots = gauge("run_slots", "Turns that have a run or wait for one.", "state")
        self._tokens = gauge("spent_tokens", "Tokens used this day or month.", "period")
        self._money = gauge(
            "spent_money", "Cost of this day or month, by [prices].", "period", "currency"
        )
        self._late = gauge("loop_late_seconds", "Delay of the event loop, p99 of the last minute.")

    def set(self, vitals: Vitals, counts: OpenCounts, spending: Spending) -> None:
        """Set all gauges."""
        self._connected.set(vitals.connected)
        self._slots.labels("held").set(vitals.slots_held)
        self._slots.labels("waiting").set(vitals.slots_waiting)
        self._late.set(vitals.loop_late)
        self._waiting.set(counts.waiting_questions)
        for state in OPEN:
            self._open_turns.labels(state).set(counts.turns.get(state, 0))
        for period, used in spending.used.items():
            self._tokens.labels(period).set(used.tokens)
            self._money.labels(period, spending.currency).set(used.cost / UNIT)
