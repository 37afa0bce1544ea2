"""An Assistants API some of whose operations a test answers itself."""

from collections.abc import Callable
from typing import Any, cast

from bot.assistants.api import AssistantsAPI

Operations = dict[str, Callable[..., Any]]
"""What answers in the place of each operation, by its name; a test may change it at any time."""


class _Overridden:
    def __init__(self, api: AssistantsAPI, operations: Operations) -> None:
        self._api = api
        self._operations = operations

    def __getattr__(self, name: str) -> Any:
        return self._operations.get(name) or getattr(self._api, name)


def overridden(api: AssistantsAPI, operations: Operations) -> AssistantsAPI:
    """Return the API with these operations in the place of its own."""
    return cast("AssistantsAPI", _Overridden(api, operations))
