"""Decodes the text of one key of a JSON object while the object is streamed."""

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
"""Characters that are kept to find a key whose beginning is split between two pieces."""


class PartialText:
    """Decodes pieces of JSON such as ``{"code": "…`` to the text of ``key``."""

    def __init__(self, key: str) -> None:
        self._begins = re.compile(rf'"{re.escape(key)}"\s*:\s*"')
        self._buffer = ""
        self._inside = False
        self._over = False

    def add(self, piece: str) -> str:
        """Return the part of the text that the next piece of JSON contains."""
        if self._over:
            return ""
        self._buffer += piece
        if not self._inside:
            begin = self._begins.search(self._buffer)
            if begin is None:
                # The rest is dropped, or each piece would be searched with all before it.
                self._buffer = self._buffer[-_KEPT:]
                return ""
            self._inside = True
            self._buffer = self._buffer[begin.end() :]
        whole = _WHOLE.match(self._buffer)
        raw = whole[0] if whole else ""
        if self._buffer[len(raw) : len(raw) + 1] == '"':
            self._over = True
        self._buffer = self._buffer[len(raw) :]
        try:
            return encodable(str(json.loads(f'"{raw}"', strict=False)))
        except ValueError:  # not JSON: the whole text follows when the call is complete
            self._over = True
            return ""


def encodable(text: str) -> str:
    """Return a text with lone surrogates replaced, which no UTF-8 can hold."""
    return text.encode("utf-8", "replace").decode()
