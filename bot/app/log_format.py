"""The log's lines: time, level, logger and message, safe to show in a terminal.

Messages carry text of strangers: paths, file names, an endpoint's words. Control characters are
spelled, and further lines are indented, so that no text colours the terminal or forges a record.
"""

import logging
import unicodedata
from typing import Final

_INDENTED: Final = "\n    "
_FORMAT: Final = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of control, format and surrogate characters, and of separators of lines."""
_JOINER: Final = "\u200d"
"""A format character that many emoji hold."""


class LogFormatter(logging.Formatter):
    """Formats a record as one line, and its further lines and stack trace indented."""

    def __init__(self) -> None:
        super().__init__(_FORMAT)

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's text."""
        text = super().format(record)
        if not text.isprintable():
            text = "".join(map(_shown, text))
        return text


def _shown(character: str) -> str:
    if character == "\n":
        return _INDENTED
    if character in ("\t", _JOINER) or unicodedata.category(character) not in _UNSAFE:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
