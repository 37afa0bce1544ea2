"""Formats log records as lines for people, or as one JSON object a line for programs.

Both forms have time, level, logger, message and the id of the question or request that was worked
on. Messages quote untrusted text: paths, file names, errors of endpoints. Control characters are
escaped and continuation lines are indented, so no text colours the terminal or forges a record.
"""

import json
import logging
import unicodedata
from datetime import UTC, datetime
from typing import Final

from bot.runtime.log_context import LOG_ID

_INDENTED: Final = "\n    "
_FORMAT: Final = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of control, format and surrogate characters and line separators."""
_JOINER: Final = "\u200d"
"""The zero width joiner, which many emoji contain."""


class LogFormatter(logging.Formatter):
    """Formats a record as one line, with continuation lines and stack trace indented.

    The id of the question or request stands in brackets behind the message.
    """

    def __init__(self) -> None:
        super().__init__(_FORMAT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the first line of a record, unescaped."""
        log_id = LOG_ID.get()
        text = super().formatMessage(record)
        return f"{text} [{log_id}]" if log_id else text

    def format(self, record: logging.LogRecord) -> str:
        """Return the escaped text of a record."""
        text = super().format(record)
        if not text.isprintable():
            text = "".join(map(_escaped, text))
        return text


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object in one line of ASCII; ``time`` is in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the JSON of a record."""
        time = datetime.fromtimestamp(record.created, UTC)
        fields = {
            "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if log_id := LOG_ID.get():
            fields["id"] = log_id
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields)


def _escaped(character: str) -> str:
    if character == "\n":
        return _INDENTED
    if character in ("\t", _JOINER) or unicodedata.category(character) not in _UNSAFE:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
