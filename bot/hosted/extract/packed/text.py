"""Reads a part of an Office file: paragraphs, tables, text boxes, charts, SmartArt."""

from collections.abc import Callable
from typing import Final

from bot.hosted.extract.limits import Collector
from bot.hosted.extract.packed.cell_formats import format_cell
from bot.hosted.extract.packed.package import Attributes, Package, Reader

_SKIPPED: Final = frozenset(
    {
        "pPr",  # formatting; its tab stops are not tabs in the text
        "moveFrom",  # the old place of text that was moved
        "rPh",  # the pronunciation of a cell
        "styleData",
        "prSet",
    }
)
_CHART_LINES: Final = frozenset(
    {"p", "strCache", "numCache", "numLit", "strLit", "lvl", "tx", "ser", "chartSpace"}
)
_DRAWN: Final = {
    "chart": "chart",
    "chartEx": "chart",
    "diagramData": "text",
    "chartUserShapes": "text",
}


class PackedTextReader(Reader):
    """Collects text runs as lines, one for each paragraph, with tabs between table cells.

    A text box follows the paragraph of its anchor, and ruby text follows its paragraph, so that
    neither splits a word.
    """

    def __init__(self, add: Callable[[str], None], elements: frozenset[str] = frozenset()) -> None:
        self._outermost = add
        self._elements = elements | {"t"}
        self._skipping = 0
        self._cells = [0]
        self._texts = 0
        self._boxes: list[list[str]] = []  # the text of each text box that is open
        self._pending: list[list[str]] = [[]]  # the texts to add after each open paragraph
        self._ruby: list[str] | None = None
        self._readings: list[str] = []
        self._alternatives: list[bool] = []  # whether each AlternateContent had a Choice
        self._choices: list[str] = []
        self._chosen = 0

    def start(self, name: str, attributes: Attributes) -> None:
        if self._skipping or name in _SKIPPED or self._is_unseen(name, attributes):
            self._skipping += 1
        elif name in self._elements:
            self._texts += 1
        elif name in ("tab", "ptab"):
            self._add("\t")
        elif name in ("br", "cr"):
            self._add("\n")
        elif name == "noBreakHyphen":
            self._add("-")
        elif name == "tc":
            self._cells[-1] += 1
        elif name == "txbxContent":
            self._boxes.append([])
            self._pending.append([])
            self._cells.append(0)
        elif name == "rt":
            self._ruby = []
        elif name == "textpath":  # WordArt of older programs, such as watermarks
            self._pending[-1].append(attributes.get("string", "") + "\n")
        else:
            self._start_choice(name, attributes)

    def _is_unseen(self, name: str, attributes: Attributes) -> bool:
        """Return whether the text of an element is not shown, as that of an unused fallback."""
        if name == "AlternateContent":
            self._alternatives.append(False)
        elif name == "Choice" and self._alternatives:
            self._alternatives[-1] = True
        elif name == "Fallback":
            return bool(self._alternatives) and self._alternatives[-1]
        # the stored number of a slide may be out of date
        return name == "fld" and attributes.get("type") == "slidenum"

    def _start_choice(self, name: str, attributes: Attributes) -> None:
        """Collect a drop-down list's entries and the index of the chosen one, which is shown."""
        if name == "ddList":
            self._choices, self._chosen = [], 0
        elif name == "listEntry":
            self._choices.append(attributes.get(":val", ""))
        elif name == "result" and attributes.get(":val", "").isdecimal():
            self._chosen = int(attributes[":val"])

    def end(self, name: str) -> None:
        if self._skipping:
            self._skipping -= 1
        elif name in self._elements:
            self._texts -= 1
        elif name == "p":
            self._end_paragraph()
        elif name == "tc":
            self._cells[-1] -= 1
            self._add("\t")
        elif name == "tr":
            self._add("\n")
        elif name == "txbxContent":
            box = "".join(self._boxes.pop())
            box += "".join(self._pending.pop())
            self._cells.pop()
            self._pending[-1].append(box)
        elif name == "rt" and self._ruby is not None:
            self._readings.append("".join(self._ruby))
            self._ruby = None
        elif name == "ddList" and self._chosen < len(self._choices):
            self._add(self._choices[self._chosen])
        if name == "AlternateContent" and self._alternatives and not self._skipping:
            self._alternatives.pop()

    def _end_paragraph(self) -> None:
        if self._readings:
            self._add(f" ({' '.join(self._readings)})")
            self._readings = []
        self._add(" " if self._cells[-1] else "\n")
        pending, self._pending[-1] = self._pending[-1], []
        for piece in pending:
            self._add(piece)

    def characters(self, text: str) -> None:
        if self._texts and not self._skipping:
            self._add(text)

    def _add(self, text: str) -> None:
        if self._ruby is not None:
            self._ruby.append(text)
        elif self._boxes:
            self._boxes[-1].append(text)
        else:
            self._outermost(text)

    def close(self) -> None:
        """Emit text outside of paragraphs."""
        for piece in self._pending[0]:
            self._outermost(piece)


class ChartReader(Reader):
    """Collects a chart's titles, series, categories and displayed values."""

    def __init__(self, add: Callable[[str], None]) -> None:
        self._add = add
        self._text: list[str] | None = None
        self._format = "General"
        self._line = ""

    def start(self, name: str, attributes: Attributes) -> None:
        if name in ("t", "v", "formatCode", "pt"):
            self._text = []
        if name in ("numCache", "lvl", "numLit"):
            self._format = "General"
        self._format = attributes.get("formatCode", self._format)

    def characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def end(self, name: str) -> None:
        text = "".join(self._text or ())
        if name == "formatCode":
            self._format = text
        elif name == "t":
            self._line += text
        elif name in ("v", "pt") and text.strip():
            self._line += format_cell(text.strip(), self._format) + "\t"
        elif name in _CHART_LINES and self._line:
            self._add(self._line.rstrip("\t") + "\n")
            self._line = ""
        self._text = None
        if name in ("strCache", "numCache", "numLit"):
            self._format = "General"


def read_text(
    package: Package, part: str, collector: Collector, elements: frozenset[str] = frozenset()
) -> None:
    """Read a part of WordprocessingML or DrawingML, then its charts and SmartArt."""
    reader = PackedTextReader(collector.add, elements)
    package.parse(part, reader)
    reader.close()
    read_drawn(package, part, collector)


def read_drawn(
    package: Package, part: str, collector: Collector, above: frozenset[str] = frozenset()
) -> None:
    """Read the charts and SmartArt of a part; ``above`` are the parts that contain it."""
    for relationship in package.relationships(part):
        kind = _DRAWN.get(relationship.kind)
        with package.skipping_broken():
            if kind == "text":
                reader = PackedTextReader(collector.add)
                package.parse(relationship.target, reader)
                reader.close()
            elif kind == "chart" and relationship.target not in above:
                package.parse(relationship.target, ChartReader(collector.add))
                read_drawn(package, relationship.target, collector, above | {relationship.target})
