"""Replaces citation marks and sandbox links in an answer by numbers and file names."""

import re
from collections.abc import Mapping
from typing import Final

from bot.chat.threads.messages.upload_names import without_marks

_CITED: Final = re.compile(r"[ ]?【\d{1,4}:\d{1,4}†(?P<name>[^【】\n]{0,300})】(?P<open>\(?)")
_REPEATED: Final = re.compile(r"( \[\d+\])\1+")
_BEGUN: Final = re.compile(r"[ ]?【(?:\d{1,4}(?::(?:\d{1,4}(?:†[^【】\n]{0,300})?)?)?)?\Z")
_LINKED: Final = re.compile(
    r"!?\[(?P<text>[^\[\]\n]{0,300})\]\(sandbox:/mnt/data/(?P<name>[^)\n]{1,300})\)"
)
_NAMELESS: Final = frozenset({"", "source"})


def readable(text: str, sources: dict[str, int], file_ids: Mapping[str, str]) -> str:
    """Return an answer's text with numbers for citation marks, and names for sandbox links.

    ``sources`` has the number of each cited file by name, or by id if the mark names no file; new
    files are added. ``file_ids`` has the ids of cited files by their whole mark. Unknown marks, and
    an incomplete mark at the end of the text, are removed.
    """

    def number(cited: re.Match[str]) -> str:
        name, opening = cited["name"].strip(), cited["open"]
        mark = cited[0].strip().removesuffix(opening)
        key = file_ids.get(mark, "") if name in _NAMELESS else name
        if not key:
            return opening
        # A number directly before a bracket would be a link.
        return f" [{sources.setdefault(key, len(sources) + 1)}]{' ' if opening else ''}{opening}"

    if "【" in text:
        text = _CITED.sub(number, _BEGUN.sub("", text))
    text = _REPEATED.sub(r"\1", without_marks(text))
    return _LINKED.sub(_linked_name, text) if "](sandbox:" in text else text


def _linked_name(linked: re.Match[str]) -> str:
    text, name = linked["text"].strip(), linked["name"]
    return _code(name) if text in ("", name) else f"{text} ({_code(name)})"


def _code(name: str) -> str:
    """Return a name as inline code, so that Discord reads no markup in it."""
    return f"`{name.replace('`', chr(0x2BB))}`"
