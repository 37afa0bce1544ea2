"""The context windows of models, and the tokens that window and limits leave to a call.

A window is configured, or learned from the errors of the model's endpoint.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import UNSET

from bot.assistants.schema.objects import PromptTokenDetails, Run, Usage
from bot.engine.prompt.history import tokens
from bot.models.types import Item, ModelUsage

ASSUMED: Final = 32_768
"""The context window of a model about which nothing is known, in tokens."""

_RESERVED: Final = 1024
"""Tokens of the context window that are reserved for the answer if the run sets no limit."""


class ContextWindows:
    """The known context windows, in tokens."""

    def __init__(self, configured: int | None = None) -> None:
        self._configured = configured
        self._learned: dict[str, int] = {}

    def of(self, model: str) -> int:
        """Return the window of a model; ``ASSUMED`` if nothing is known."""
        return self._learned.get(model, self._configured or ASSUMED)

    def learn(self, model: str, window: int | None) -> bool:
        """Remember a window that an endpoint named; return whether it is smaller than before."""
        if window is None or window >= self.of(model):
            return False
        self._learned[model] = window
        return True


def completion_left(run: Run, spent: Usage) -> int | None:
    """Return how many completion tokens the run has left; None if it has no limit."""
    most = run.max_completion_tokens
    return None if most is None else max(0, most - spent.completion_tokens)


def prompt_left(run: Run, spent: Usage) -> int | None:
    """Return how many prompt tokens the run has left; None if it has no limit."""
    most = run.max_prompt_tokens
    return None if most is None else max(0, most - spent.prompt_tokens)


def usage_of(used: ModelUsage) -> Usage:
    """Return the tokens of a model call in the form of a run's ``usage``."""
    cached = PromptTokenDetails(used.cached_tokens) if used.cached_tokens else UNSET
    return Usage(used.prompt_tokens, used.completion_tokens, used.total_tokens, cached)


def estimated_usage(items: Iterable[Item], characters: int) -> Usage:
    """Estimate the tokens of a call that ended before the endpoint reported them.

    ``items`` is the prompt, ``characters`` the length of the answer so far.
    """
    prompt, completion = sum(map(tokens, items)), max(1, characters // 4)
    return Usage(prompt, completion, prompt + completion)


def prompt_budget(window: int, completion: int | None, prompt: int | None) -> int:
    """Return how many tokens a prompt may have in a context window of ``window`` tokens.

    ``completion`` and ``prompt`` are the tokens that the run's limits leave; None is no limit.
    """
    reserved = min(completion if completion is not None else _RESERVED, window // 2)
    budget = window - reserved
    return budget if prompt is None else min(budget, prompt)
