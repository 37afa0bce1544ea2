"""What an answer quotes and names, as a person reads it: marks for machines become words."""

import re
from typing import Final

_CITED: Final = re.compile(r"[ ]?【\d{1,4}:\d{1,4}†(?P<name>[^【】\n]{0,300})】")
_BEGUN: Final = re.compile(r"[ ]?【(?:\d{1,4}(?::(?:\d{1,4}(?:†[^【】\n]{0,300})?)?)?)?\Z")
_LINKED: Final = re.compile(
    r"!?\[(?P<text>[^\[\]\n]{0,300})\]\(sandbox:/mnt/data/(?P<name>[^)\n]{1,300})\)"
)
_NAMELESS: Final = frozenset({"", "source"})


def readable(text: str) -> str:
    """Return an answer's text for reading: quoted files by their names, no links into a sandbox.

    A mark that is still being written at the end is left out until it is whole.
    """
    text = _BEGUN.sub("", text)
    text = _CITED.sub(_named, text)
    return _LINKED.sub(_told, text)


def _named(cited: re.Match[str]) -> str:
    """Name the file where the mark does; who wrote it wrote it behind the words it belongs to."""
    name = cited["name"].strip()
    return "" if name in _NAMELESS else f" ({_code(name)})"


def _told(linked: re.Match[str]) -> str:
    text, name = linked["text"].strip(), linked["name"]
    return _code(name) if text in ("", name) else f"{text} ({_code(name)})"


def _code(name: str) -> str:
    """Show a name as it is, whatever Discord would make of its characters."""
    return f"`{name.replace('`', chr(0x2BB))}`"
