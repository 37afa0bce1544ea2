"""Extracts the visible text of a web page, as lines."""

import re
from collections.abc import Iterable
from html.parser import HTMLParser
from typing import Final

from bot.hosted.extract.limits import Collector, ExtractionLimits

_HIDDEN: Final = frozenset(
    {"script", "style", "template", "noscript", "svg", "iframe", "object", "rp"}
)
_BLOCKS: Final = frozenset(
    """
    address article aside blockquote body br caption center dd details dialog div dl dt
    fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hr html legend li
    main nav ol option p pre section summary table tbody tfoot thead title tr ul
    """.split()  # noqa: SIM905 - a table of names is read, not typed out
)
_SPACE: Final = re.compile(r"[ \t\r\f\v\n\u00a0]+")
_CHARSET: Final = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE
)


def declared_charset(data: bytes) -> str | None:
    """Return the encoding that the page's head declares."""
    found = _CHARSET.search(data[:4096])
    return found.group(1).decode("ascii") if found else None


def html_text(pieces: Iterable[str], limits: ExtractionLimits) -> str:
    """Return the visible text of a page that arrives in pieces.

    Each block is a separate line, list items begin with dashes, tabs separate table cells.
    """
    reader = _HTMLReader(limits)
    for piece in pieces:
        reader.feed(piece)
    reader.close()
    return reader.text


class _HTMLReader(HTMLParser):
    def __init__(self, limits: ExtractionLimits) -> None:
        super().__init__(convert_charrefs=True)
        self._collector = Collector(limits)
        self._hidden: str | None = None
        self._depth = 0
        self._preformatted = 0
        self._last = "\n"  # the last text written
        self._gap = False  # whether white space followed that text
        self._ruby: list[str] | None = None  # ruby text: the pronunciation of a word
        # ruby text waits for the end of the block, so that it splits no word
        self._readings: list[str] = []

    @property
    def text(self) -> str:
        self._break()
        return self._collector.text.strip("\n")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._hidden:
            self._depth += tag == self._hidden
            return
        if tag in _HIDDEN:
            self._hidden, self._depth = tag, 1
            return
        if tag in _BLOCKS:
            self._break()
        if tag == "li":
            self._write("- ")
        elif tag == "img":
            self.handle_data(dict(attrs).get("alt") or "")
        elif tag == "pre":
            self._preformatted += 1
        elif tag == "rt":
            self._ruby = []
        elif tag == "input":
            self._show_field(dict(attrs))

    def _show_field(self, attributes: dict[str, str | None]) -> None:
        """Add the text that a form field shows."""
        if attributes.get("type") not in ("hidden", "password", "image", "file"):
            self.handle_data(f" {attributes.get('value') or attributes.get('placeholder') or ''} ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _HIDDEN:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            self._depth -= tag == self._hidden
            if self._depth == 0:
                self._hidden = None
            return
        if tag in ("td", "th"):
            self._write("\t")
            self._gap = False
        elif tag in ("rt", "ruby") and self._ruby is not None:
            self._readings.append("".join(self._ruby).strip())
            self._ruby = None
        elif tag in _BLOCKS:
            self._break()
        if tag == "pre":
            self._preformatted = max(self._preformatted - 1, 0)

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if self._ruby is not None:
            self._ruby.append(data)
            return
        if self._preformatted:
            self._write(data)
            return
        words = _SPACE.sub(" ", data)
        if not words.strip():
            self._gap = self._gap or bool(words)
            return
        if (self._gap or words.startswith(" ")) and not self._last.endswith(("\n", "\t", "- ")):
            self._collector.add(" ")
        self._write(words.strip())
        self._gap = words.endswith(" ")

    def _write(self, text: str) -> None:
        if text:
            self._collector.add(text)
            self._last = text

    def _break(self) -> None:
        if self._readings:
            self._write(f" ({' '.join(self._readings)})")
            self._readings = []
        self._gap = False
        if not self._last.endswith("\n"):
            self._write("\n")
