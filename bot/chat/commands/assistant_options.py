"""Reads and completes the options of ``/assistant``: models, and the functions to be called."""

import asyncio
import logging
import re
from typing import Final

from bot.assistants.errors import APIError
from bot.chat.commands.interaction_handler import ModelLister
from bot.chat.commands.localization import Choices, matching
from bot.chat.texts import sentences
from bot.chat.texts.fluent import RefusalError, localized
from bot.runtime.clock import Clock
from bot.tools.functions import Functions

LOOK_SECONDS: Final = 2.0
"""How long a form waits for its assistant, and a completion for the models, in seconds."""

_MODELS_SECONDS: Final = 600.0
"""How long a list of models is offered before the endpoint is asked again, in seconds."""

_RETRY_SECONDS: Final = 60.0
"""The time after which an endpoint that gave no list is asked again, in seconds."""

_MOST_MODELS: Final = 5_000

_NOTHING: Final = frozenset({"none", "-", "なし"})
"""The words that take all functions from an assistant."""

_log: Final = logging.getLogger(__name__)


class OfferedModels:
    """The names of the models that the endpoint offers; asked for once in ten minutes."""

    def __init__(self, lister: ModelLister, clock: Clock) -> None:
        self._lister = lister
        self._clock = clock
        self._lock = asyncio.Lock()
        self._names: tuple[str, ...] = ()
        self._ask_again_at = 0.0

    async def names(self) -> tuple[str, ...]:
        """Return the endpoint's models; while it lists none, return the models of its last list."""
        async with self._lock:
            if self._clock.monotonic() >= self._ask_again_at:
                listed: tuple[str, ...] = ()
                try:
                    async with asyncio.timeout(LOOK_SECONDS):
                        listed = await self._lister()
                except (APIError, TimeoutError) as error:
                    _log.info("The models can't be listed: %r", error)
                self._names = listed[:_MOST_MODELS] or self._names
                pause = _MODELS_SECONDS if listed else _RETRY_SECONDS
                self._ask_again_at = self._clock.monotonic() + pause
        return self._names


def function_patterns(text: str, functions: Functions) -> list[str]:
    """Return the patterns of functions that a member typed; empty to take all functions away.

    Raises ``RefusalError`` for patterns of functions that are not offered to assistants of servers.
    """
    patterns = _words(text)
    unknown = [pattern for pattern in patterns if not functions.offered([pattern])]
    if unknown:
        names = localized("list-separator").join(map(sentences.plain, unknown))
        shown = sentences.shortened(names, 500)
        raise RefusalError(localized("assistant-no-such-function", names=shown))
    return patterns


def function_choices(typed: str, functions: Functions) -> Choices:
    """Complete the last pattern of a text by the functions that are offered."""
    before = _words(typed)
    last = before.pop() if before and typed[-1:].strip() else ""
    found = [
        " ".join([*before, tool.name])
        for tool in functions.offered()
        if last.casefold() in tool.name.casefold() and tool.name not in before
    ]
    return matching("", ((words, words) for words in found))


def _words(text: str) -> list[str]:
    words = [word for word in re.split(r"[\s,、]+", text) if word]
    return [] if len(words) == 1 and words[0].casefold() in _NOTHING else words
