"""Reads the functions that somebody types for an assistant, and completes them."""

import re
from collections.abc import Iterable
from typing import Final

from discord import app_commands

from bot.chat.commands.localization import Choices
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.tools.functions import Functions

_MOST_CHOICES: Final = 25
_LONGEST_CHOICE: Final = 100

_NOTHING: Final = frozenset({"none", "-", "なし"})
"""What takes all functions from an assistant."""


def patterns_in(text: str) -> list[str]:
    """Return the patterns of functions in a text; none for a word that takes all functions."""
    words = [word for word in re.split(r"[\s,、]+", text) if word]
    return [] if len(words) == 1 and words[0].casefold() in _NOTHING else words


def unknown_functions(functions: Functions, patterns: Iterable[str]) -> str | None:
    """Return a sentence about the patterns that name no offered function; None if all do."""
    unknown = [each for each in patterns if not functions.offered([each])]
    if not unknown:
        return None
    names = localized("list-separator").join(map(sentences.plain, unknown))
    return localized("assistant-no-such-function", names=sentences.shortened(names, 500))


def completed(functions: Functions, typed: str) -> Choices:
    """Complete the last pattern of a text by the functions that are offered."""
    before = patterns_in(typed)
    last = before.pop() if before and typed[-1:].strip() else ""
    found = [
        " ".join([*before, tool.name])
        for tool in functions.offered()
        if last.casefold() in tool.name.casefold() and tool.name not in before
    ]
    return [
        app_commands.Choice(name=each, value=each) for each in found if len(each) <= _LONGEST_CHOICE
    ][:_MOST_CHOICES]
