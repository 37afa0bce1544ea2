"""Reads presentations: slides in presentation order, with notes and comments."""

import re
from typing import Final

from bot.hosted.extract.limits import Collector
from bot.hosted.extract.packed.package import Attributes, Elements, Package, Reader
from bot.hosted.extract.packed.text import PackedTextReader, read_drawn, read_text

_LOOSE_SLIDE: Final = re.compile(r"ppt/slides/slide(\d+)\.xml")
_COMMENTS: Final = frozenset({"text"})


def read_presentation(package: Package, main: str, collector: Collector) -> None:
    """Read the visible slides; the text of their layouts is read once."""
    seen: set[str] = set()
    for slide in _slides(package, main):
        with package.skipping_broken():
            read_text(package, slide, collector)
        notes = slide.replace("slides/slide", "notesSlides/notesSlide")
        if _LOOSE_SLIDE.match(main):  # parts without a relationship to the presentation
            if notes in package:
                with package.skipping_broken():
                    read_text(package, notes, collector)
            continue
        for relationship in package.relationships(slide):
            with package.skipping_broken():
                if relationship.kind == "notesSlide":
                    read_text(package, relationship.target, collector)
                elif relationship.kind == "comments":
                    read_text(package, relationship.target, collector, _COMMENTS)
                elif relationship.kind == "slideLayout":
                    _read_layout(package, relationship.target, collector, seen)


def _slides(package: Package, main: str) -> list[str]:
    order = Elements("sldId")
    if not _LOOSE_SLIDE.match(main):
        package.parse(main, order)
    related = {each.id: each.target for each in package.relationships(main)}
    slides = [related[each] for each in order.values(":id") if each in related]
    if slides:
        return slides
    numbers = sorted(int(m.group(1)) for name in package.names if (m := _LOOSE_SLIDE.match(name)))
    return [f"ppt/slides/slide{number}.xml" for number in numbers]


def _read_layout(package: Package, layout: str, collector: Collector, seen: set[str]) -> None:
    """Read the text that a layout and its master show on slides, such as a company's name."""
    if layout in seen:
        return
    seen.add(layout)
    reader = _LayoutReader(collector)
    package.parse(layout, reader)
    read_drawn(package, layout, collector)
    for relationship in package.relationships(layout):
        if relationship.kind == "slideMaster":
            _read_layout(package, relationship.target, collector, seen)


class _LayoutReader(Reader):
    """Collects the text of shapes except placeholders, whose text is only a prompt."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._pieces: list[str] = []
        self._text = PackedTextReader(self._pieces.append)
        self._placeholder = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "sp":
            self._placeholder = False
        elif name == "ph":
            self._placeholder = True
        self._text.start(name, attributes)

    def characters(self, text: str) -> None:
        self._text.characters(text)

    def end(self, name: str) -> None:
        self._text.end(name)
        if name in ("sp", "graphicFrame"):
            if not self._placeholder:
                for piece in self._pieces:
                    self._collector.add(piece)
            self._pieces.clear()
            self._placeholder = False
