"""How the model's endpoint answers: its last outcome, and the times of its calls."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bot.models.types import ErrorKind, ModelError
from bot.runtime.clock import Clock
from bot.runtime.metrics import Metrics

_OF_THE_ENDPOINT: Final[frozenset[ErrorKind]] = frozenset(
    {"unreachable", "timeout", "unauthorized", "rate_limited", "overloaded", "server", "rubbish"}
)
"""The failures that say something about the endpoint; the others are about one request."""

_TRUSTED_SECONDS: Final = 60.0
"""Seconds for which a failure counts; after them the endpoint's state counts as unknown."""


class CallTimer:
    """Measures the time to a call's first event; the caller calls ``event`` for every event."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.began = clock.monotonic()
        self.first: float | None = None

    def event(self) -> None:
        """Record an event of the answer."""
        if self.first is None:
            self.first = self._clock.monotonic() - self.began


class ModelHealth:
    """Records the outcome and the duration of each model call."""

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._problem: tuple[str, float] | None = None

    def problem(self) -> str | None:
        """Return why the endpoint's last call failed; None if it answered or long ago."""
        if self._problem is None:
            return None
        kind, at = self._problem
        return kind if self._clock.monotonic() - at < _TRUSTED_SECONDS else None

    @contextmanager
    def call(self, model: str) -> Iterator[CallTimer]:
        """Record the model call made in the ``with`` block; the block gets the call's timer."""
        timer = CallTimer(self._clock)
        problem: str | None = "interrupted"
        try:
            yield timer
            problem, self._problem = None, None
        except ModelError as error:
            problem = error.kind
            if error.kind in _OF_THE_ENDPOINT:
                self._problem = error.kind, self._clock.monotonic()
            raise
        finally:
            total = self._clock.monotonic() - timer.began
            self._metrics.model_answered(model, timer.first, total, problem)
