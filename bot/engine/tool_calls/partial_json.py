"""The text of one key of a JSON object while the object is being written."""

import json
import re
from typing import Final

_WHOLE: Final = re.compile(
    r'(?:[^"\\]+'
    r"|\\[^u]"
    r"|\\u(?![dD][89abAB])[0-9a-fA-F]{4}"
    r"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})*"
)
"""Characters and whole escapes of a JSON string; a pair of surrogates is one."""


_KEPT: Final = 256
"""Characters in which the key's beginning must lie."""


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
                self._buffer = self._buffer[-_KEPT:]  # or a long search would be made ever longer
                return ""
            self._inside = True
            self._buffer = self._buffer[begin.end() :]
        whole = _WHOLE.match(self._buffer)
        raw = whole[0] if whole else ""
        if self._buffer[len(raw) : len(raw) + 1] == '"':
            self._over = True
        self._buffer = self._buffer[len(raw) :]
        try:
            return sayable(str(json.loads(f'"{raw}"', strict=False)))
        except ValueError:  # not JSON after all: the whole will be told when it is known
            self._over = True
            return ""


def sayable(text: str) -> str:
    """Return a text with lone surrogates replaced, which no UTF-8 can hold."""
    return text.encode("utf-8", "replace").decode()
