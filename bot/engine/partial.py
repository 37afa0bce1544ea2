"""The text of one key of a JSON object while the object is being written."""

import json
import re
from typing import Final

_ESCAPE_AT_END: Final = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?$")
_HIGH_SURROGATE_AT_END: Final = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}$")
_STRING: Final = re.compile(r'[^"\\]*(?:\\.[^"\\]*)*')


class PartialText:
    """Takes pieces of JSON such as ``{"code": "…`` and gives the text of ``key`` as it comes."""

    def __init__(self, key: str) -> None:
        self._begins = re.compile(rf'"{re.escape(key)}"\s*:\s*"')
        self._buffer = ""
        self._inside = False
        self._over = False

    def add(self, piece: str) -> str:
        """Take the next piece; return what of the text it brought."""
        if self._over:
            return ""
        self._buffer += piece
        if not self._inside:
            begin = self._begins.search(self._buffer)
            if begin is None:
                return ""
            self._inside = True
            self._buffer = self._buffer[begin.end() :]
        end = _STRING.match(self._buffer)
        length = end.end() if end else 0
        if length < len(self._buffer) and self._buffer[length] == '"':
            self._over = True
        raw = self._buffer[:length]
        if not self._over:
            for unfinished in (_ESCAPE_AT_END, _HIGH_SURROGATE_AT_END):
                cut = unfinished.search(raw)
                if cut:
                    raw = raw[: cut.start()]
        self._buffer = self._buffer[len(raw) :]
        try:
            return str(json.loads(f'"{raw}"', strict=False))
        except ValueError:  # not JSON after all: the whole will be told when it is known
            self._over = True
            return ""
