"""Reads EPUB books: title and authors, then the chapters in reading order."""

import posixpath
from typing import Final

from bot.hosted.extract.decoding import decode
from bot.hosted.extract.html import html_text
from bot.hosted.extract.limits import Collector, ExtractionError, ExtractionLimits
from bot.hosted.extract.packed.package import Attributes, Elements, Package, Reader, joined

_PAGES: Final = (".xhtml", ".html", ".htm")


class _Book(Reader):
    """Collects a book's parts by id, and their reading order."""

    def __init__(self) -> None:
        self.parts: dict[str, tuple[str, str]] = {}
        self.order: list[str] = []
        self.heading: list[str] = []
        self._in_heading = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "item":
            part = (attributes.get("href", ""), attributes.get("media-type", ""))
            self.parts[attributes.get("id", "")] = part
        elif name == "itemref":
            self.order.append(attributes.get("idref", ""))
        self._in_heading = name in ("title", "creator")

    def characters(self, text: str) -> None:
        if self._in_heading:
            self.heading.append(text)

    def end(self, name: str) -> None:
        if self._in_heading:
            self.heading.append("\n")
        self._in_heading = False


def read_epub(package: Package, collector: Collector, limits: ExtractionLimits) -> None:
    """Read the book's chapters; raises ExtractionError if they are encrypted."""
    container, book, encryption = Elements("rootfile"), _Book(), Elements("CipherReference")
    package.parse("META-INF/container.xml", container)
    if "META-INF/encryption.xml" in package:
        package.parse("META-INF/encryption.xml", encryption)
    path = next(filter(None, container.values("full-path")), "")
    with package.skipping_broken():
        package.parse(path, book)
    folder = posixpath.dirname(path)
    listed = [book.parts[each] for each in book.order if each in book.parts]
    pages = [
        joined(folder, href)
        for href, kind in listed or book.parts.values()
        if "html" in kind or href.lower().endswith(_PAGES)
    ]
    if not pages:
        pages = [name for name in package.names if name.endswith(_PAGES)]
    if not {joined("", uri) for uri in encryption.values("URI")}.isdisjoint(pages):
        raise ExtractionError("locked", "The book is encrypted (DRM).")
    for piece in book.heading:
        collector.add(piece)
    for page in pages:
        if page in package:
            with package.skipping_broken():
                collector.add(html_text(decode(package.read(page)), limits) + "\n\n")
