"""Replaces citation marks and sandbox links in an answer by file names."""

import re
from typing import Final

_CITED: Final = re.compile(r"[ ]?【\d{1,4}:\d{1,4}†(?P<name>[^【】\n]{0,300})】")
_BEGUN: Final = re.compile(r"[ ]?【(?:\d{1,4}(?::(?:\d{1,4}(?:†[^【】\n]{0,300})?)?)?)?\Z")
_LINKED: Final = re.compile(
    r"!?\[(?P<text>[^\[\]\n]{0,300})\]\(sandbox:/mnt/data/(?P<name>[^)\n]{1,300})\)"
)
_NAMELESS: Final = frozenset({"", "source"})


def readable(text: str) -> str:
    """Return an answer's text with file names in place of citation marks and sandbox links.

    A citation mark that is incomplete at the end of the text is left out.
    """
    text = _BEGUN.sub("", text)
    text = _CITED.sub(_cited_name, text)
    return _LINKED.sub(_linked_name, text)


def _cited_name(cited: re.Match[str]) -> str:
    """Return the file's name in brackets, or nothing where the mark has no name."""
    name = cited["name"].strip()
    return "" if name in _NAMELESS else f" ({_code(name)})"


def _linked_name(linked: re.Match[str]) -> str:
    text, name = linked["text"].strip(), linked["name"]
    return _code(name) if text in ("", name) else f"{text} ({_code(name)})"


def _code(name: str) -> str:
    """Return a name as inline code, so that Discord reads no markup in it."""
    return f"`{name.replace('`', chr(0x2BB))}`"
