"""What the readers of all streamed answers share: text without reasoning, usage, skipped events."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Final

from bot.models.estimates import estimate_tokens
from bot.models.http.leniency import HalfCharacters, integer
from bot.models.http.thinking import ThoughtFilter
from bot.models.types import ModelEvent, ModelTextDelta, ModelUsage, TextWithdrawn
from bot.runtime.quoted_text import without_quotes
from bot.wire.bodies import excerpt
from bot.wire.sse import ServerSentEvent

_log: Final = logging.getLogger(__name__)


class AnswerReader(ABC):
    """Turns the events of one answer into model events, however oddly an endpoint writes them.

    ``done`` turns true when the last event was taken, ``size`` counts the characters received.
    ``skipped`` counts the unreadable events, and ``first_skipped`` quotes the first of them.
    ``prompt_estimate``, in tokens, replaces a missing usage. With ``unopened`` the model is known
    to close reasoning without opening it (see ``ThoughtFilter``). With ``thoughts`` an event before
    the last one has the reasoning.
    """

    def __init__(
        self, *, prompt_estimate: int, unopened: bool = False, thoughts: bool = False
    ) -> None:
        self.done = False
        self.size = 0
        self.skipped = 0
        self.first_skipped = ""
        self.thinking = ThoughtFilter(unopened=unopened, keep=thoughts)
        self._prompt_estimate = prompt_estimate
        self._halves = HalfCharacters()
        self._spoke = False  # whether the answer has text or a refusal

    @abstractmethod
    def take_event(self, event: ServerSentEvent) -> Iterable[ModelEvent]:
        """Return the model events of an SSE event; raises ``StreamFault``."""

    @abstractmethod
    def take_whole(self, body: bytes) -> Iterable[ModelEvent]:
        """Return the model events of an answer in one piece; raises ``StreamFault``."""

    @property
    @abstractmethod
    def is_complete(self) -> bool:
        """Whether the answer would be complete if the connection ended now."""

    @abstractmethod
    def stream_ended(self) -> None:
        """Note that the stream ended in order; raises ``CutError`` if that was too early."""

    @abstractmethod
    def finish(self) -> list[ModelEvent]:
        """Return the events that end the answer; raises ``StreamFault`` for an incomplete one."""

    def log_skipped(self, endpoint: str, model: str) -> None:
        """Log how many events of the stream could not be read, if any."""
        if self.skipped:
            _log.warning(
                "%s, model %s: %d events of a stream hold nothing that can be read and were"
                " skipped; the first: %s",
                endpoint,
                model,
                self.skipped,
                without_quotes(self.first_skipped),
            )

    def _skip(self, data: bytes) -> None:
        self.skipped += 1
        self.first_skipped = self.first_skipped or excerpt(data, 80)

    def _say(self, text: str) -> list[ModelEvent]:
        """Return the events of a piece of text, without the reasoning in it."""
        shown = self.thinking.feed(text)
        events: list[ModelEvent] = []
        if self.thinking.withdrawn:
            self.thinking.withdrawn = False
            events.append(TextWithdrawn())
        return events + self._show(shown)

    def _show(self, text: str) -> list[ModelEvent]:
        """Return the event of a text that surely belongs to the answer, not to the reasoning."""
        if not text:
            return []
        self._spoke = True
        return [ModelTextDelta(text)]

    def _estimated_usage(self, characters: int) -> ModelUsage:
        prompt, completion = self._prompt_estimate, estimate_tokens(characters)
        return ModelUsage(prompt, completion, prompt + completion, estimated=True)


def usage_in(reported: object, known: ModelUsage | None = None) -> ModelUsage | None:
    """Return the usage that an endpoint reports, joined with ``known``, its earlier reports.

    The larger number of each field counts. None if no report names a number above 0.
    """
    if not isinstance(reported, dict):
        return known
    before = known or ModelUsage(0, 0, 0)
    prompt = max(_count(reported, "prompt_tokens", "input_tokens"), before.prompt_tokens)
    completion = max(
        _count(reported, "completion_tokens", "output_tokens"), before.completion_tokens
    )
    total = max(_count(reported, "total_tokens"), before.total_tokens, prompt + completion)
    cached = min(prompt, max(_cached(reported), before.cached_tokens))
    return ModelUsage(prompt, completion, total, cached_tokens=cached) if total else known


def _count(reported: dict[str, Any], *names: str) -> int:
    return max(integer(reported.get(name)) or 0 for name in names)


def _cached(reported: dict[str, Any]) -> int:
    """Return the cached tokens of the prompt, in any form that endpoints use."""
    for name in ("prompt_tokens_details", "input_tokens_details"):
        details = reported.get(name)
        cached = details.get("cached_tokens") if isinstance(details, dict) else None
        if isinstance(cached, int):
            return max(0, cached)
    hits = reported.get("prompt_cache_hit_tokens")
    return max(0, hits) if isinstance(hits, int) else 0
