"""Formats log lines (time, level, logger, message) that are safe to show in a terminal.

Messages quote untrusted text: paths, file names, errors of endpoints. Control characters are
escaped and continuation lines are indented, so no text colours the terminal or forges a record.
"""

import logging
import unicodedata
from typing import Final

_INDENTED: Final = "\n    "
_FORMAT: Final = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of control, format and surrogate characters and line separators."""
_JOINER: Final = "\u200d"
"""The zero width joiner, which many emoji contain."""


class LogFormatter(logging.Formatter):
    """Formats a record as one line, with continuation lines and stack trace indented."""

    def __init__(self) -> None:
        super().__init__(_FORMAT)

    def format(self, record: logging.LogRecord) -> str:
        """Return the escaped text of a record."""
        text = super().format(record)
        if not text.isprintable():
            text = "".join(map(_escaped, text))
        return text


def _escaped(character: str) -> str:
    if character == "\n":
        return _INDENTED
    if character in ("\t", _JOINER) or unicodedata.category(character) not in _UNSAFE:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
