"""The context windows of models: configured, or learned from the errors of their endpoints."""

from typing import Final

ASSUMED: Final = 32_768
"""The context window of a model about which nothing is known, in tokens."""


class ContextWindows:
    """The known context windows, in tokens."""

    def __init__(self, configured: int | None = None) -> None:
        self._configured = configured
        self._learned: dict[str, int] = {}

    def of(self, model: str) -> int:
        """Return the window of a model."""
        return self._learned.get(model, self._configured or ASSUMED)

    def learn(self, model: str, window: int) -> bool:
        """Remember a window that an endpoint named; return whether it is smaller than before."""
        smaller = window < self.of(model)
        if smaller:
            self._learned[model] = window
        return smaller
