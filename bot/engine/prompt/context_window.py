"""How many tokens each model sees at once: configured, or learned when a prompt was too long."""

from typing import Final

ASSUMED: Final = 32_768
"""Tokens a model is taken to see where nobody said: what today's small models have."""


class ContextWindows:
    """What is known of the models' context windows, in tokens."""

    def __init__(self, configured: int | None = None) -> None:
        self._configured = configured
        self._learned: dict[str, int] = {}

    def of(self, model: str) -> int:
        """Return the window of a model."""
        return self._learned.get(model, self._configured or ASSUMED)

    def learn(self, model: str, window: int) -> bool:
        """Remember what an endpoint said; True where that is less than was thought."""
        smaller = window < self.of(model)
        if smaller:
            self._learned[model] = window
        return smaller
