"""Computes what a run costs, in whole billionths of the currency."""

from collections.abc import Mapping
from typing import Final

from bot.assistants.schema.objects import Run
from bot.chat.texts import sentences
from bot.config.limits import ModelPrice, PriceSettings
from bot.store.ledger import Spend

UNIT: Final = 1_000_000_000
"""The billionths in one unit of the currency."""

_MOST_TOKENS: Final = 2**53

_FREE: Final = ModelPrice(input=0, output=0)


class Prices:
    """The configured prices of models."""

    def __init__(self, settings: PriceSettings) -> None:
        self._models: Mapping[str, ModelPrice] = settings.models
        self.currency: Final = settings.currency

    def knows(self, model: str | None) -> bool:
        """Return whether a model has a price."""
        return model in self._models

    def money(self, cost: int) -> str:
        """Return a cost with its currency, as members read it."""
        amount = cost / UNIT
        digits = 2 if amount >= 1 else 4
        return f"{amount:,.{digits}f} {sentences.plain(self.currency)}"

    def spend(self, run: Run | None) -> Spend | None:
        """Return what a run used; None without a run, or if its usage is missing or impossible."""
        usage = None if run is None else run.usage
        if run is None or usage is None:
            return None
        prompt, completion = usage.prompt_tokens, usage.completion_tokens
        if not all(0 <= each <= _MOST_TOKENS for each in (prompt, completion, usage.total_tokens)):
            return None
        cached = min(max(usage.cached_tokens, 0), prompt)
        price = self._models.get(run.model, _FREE)
        return Spend(
            model=run.model,
            prompt_tokens=prompt,
            cached_tokens=cached,
            completion_tokens=completion,
            tokens=usage.total_tokens,
            cost=_cost(price, prompt, cached, completion),
        )

    def estimate(self, model: str | None, prompt: int, completion: int) -> int:
        """Return the most that a run can cost; an unknown model costs as much as the dearest."""
        price = None if model is None else self._models.get(model)
        prices = self._models.values() if price is None else [price]
        return max((_cost(price, prompt, 0, completion) for price in prices), default=0)


def _cost(price: ModelPrice, prompt: int, cached: int, completion: int) -> int:
    cheaper = price.input if price.cached_input is None else price.cached_input
    # A price is for a million tokens: 1,000 billionths for each token.
    return sum(
        tokens * round(each * 1_000)
        for tokens, each in (
            (prompt - cached, price.input),
            (cached, cheaper),
            (completion, price.output),
        )
    )
