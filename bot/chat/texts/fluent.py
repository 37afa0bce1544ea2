"""Formats the sentences that members read, in the current language.

Each language has one file of messages in Fluent's syntax (https://projectfluent.org). The current
language is a context variable: a turn or an interaction sets it where its work begins, and the
tasks that it starts inherit it.
"""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import resources
from typing import Final, Literal, get_args

from fluent.runtime import FluentBundle, FluentResource

Language = Literal["en", "ja"]

LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

DEFAULT: Final[Language] = "en"

_current: Final[ContextVar[Language]] = ContextVar("language", default=DEFAULT)

_log: Final = logging.getLogger(__name__)


class RefusalError(Exception):
    """A member asks for something that is not done; ``sentence`` tells the member why."""

    def __init__(self, sentence: str) -> None:
        super().__init__()  # a traceback in the log must not show a member's words
        self.sentence: Final = sentence


def localized(message_id: str, **arguments: str | float) -> str:
    """Return a message in the current language.

    ``message_id`` names a message of the language files, or ``message.attribute``. Numbers are
    formatted as the language writes them; a number that is an identifier is passed as a string.
    Raises ``LookupError`` for a message that does not exist.
    """
    return localized_in(_current.get(), message_id, **arguments)


def localized_in(language: Language, message_id: str, **arguments: str | float) -> str:
    """Return a message in a language; the arguments are those of ``localized``."""
    if not arguments:
        return _without_arguments(language, message_id)
    return _format(language, message_id, arguments)


def digest() -> str:
    """Return a hash of every language's file, in hexadecimal."""
    whole = hashlib.sha256()
    for language in LANGUAGES:
        whole.update(_source(language).encode())
    return whole.hexdigest()


def _format(language: Language, message_id: str, arguments: dict[str, str | float]) -> str:
    bundle = _bundle(language)
    name, _, attribute = message_id.partition(".")
    message = bundle.get_message(name)
    pattern = message.attributes[attribute] if attribute else message.value
    if pattern is None:
        raise LookupError(f"the message {message_id} has only attributes")
    formatted, errors = bundle.format_pattern(pattern, arguments)
    if errors:
        _log.error("The message %s in %s is not formatted well: %r", message_id, language, errors)
    return str(formatted)


@cache
def _without_arguments(language: Language, message_id: str) -> str:
    """Return a message without arguments, such as a command's name; format it only once."""
    return _format(language, message_id, {})


def set_language(language: Language) -> None:
    """Set the current language for the rest of the running task, and for the tasks it starts."""
    _current.set(language)


@contextmanager
def using(language: Language) -> Iterator[None]:
    """Set the current language within a block."""
    token = _current.set(language)
    try:
        yield
    finally:
        _current.reset(token)


def language_of(locale: str) -> Language | None:
    """Return the language of one of Discord's locales (``en-GB``); None if not translated."""
    subtag = locale.partition("-")[0]
    return next((language for language in LANGUAGES if language == subtag), None)


def load() -> None:
    """Read every language's file now, because parsing one takes tens of milliseconds."""
    for language in LANGUAGES:
        _bundle(language)


@cache
def _bundle(language: Language) -> FluentBundle:
    # No isolation marks around arguments: Discord would show them in channel names and markup.
    bundle = FluentBundle([language], use_isolating=False)
    bundle.add_resource(FluentResource(_source(language)))
    return bundle


def _source(language: Language) -> str:
    return resources.files(__package__).joinpath(f"{language}.ftl").read_text("utf-8")
