"""Reads Excel workbooks: named sheets in order, cells as they are displayed."""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from bot.hosted.extract.limits import Collector
from bot.hosted.extract.packed.cell_formats import BUILT_IN, format_cell
from bot.hosted.extract.packed.package import BROKEN, Attributes, Elements, Package, Reader
from bot.hosted.extract.packed.text import read_drawn, read_text

_ESCAPED: Final = re.compile("_x([0-9A-Fa-f]{4})_")  # a character that XML cannot hold
_WIDEST_GAP: Final = 20  # more empty cells side by side become one
_COLUMN: Final = re.compile(r"[A-Za-z]{1,3}")
_PAGE_CODES: Final = re.compile(r'&(?:[LCR]|"[^"]*"|\d+|K[0-9A-Fa-f+-]{6}|[A-Za-z])')
_PAGE_PARTS: Final = frozenset(
    f"{pages}{part}" for pages in ("odd", "even", "first") for part in ("Header", "Footer")
)


class _Styles(Reader):
    """Collects the number format of each cell style."""

    def __init__(self) -> None:
        self._codes = dict(BUILT_IN)
        self._ids: list[int] = []
        self._in_cells = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "numFmt" and not self._in_cells:
            self._codes[int(attributes.get("numFmtId", "0"))] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            self._in_cells = True
        elif name == "xf" and self._in_cells:
            self._ids.append(int(attributes.get("numFmtId", "0")))

    def end(self, name: str) -> None:
        if name == "cellXfs":
            self._in_cells = False

    def code(self, style: int) -> str:
        known = 0 <= style < len(self._ids)
        return self._codes.get(self._ids[style], "General") if known else "General"


class _Texts(Reader):
    """Emits the text of each ``group`` element: that of its ``element`` parts, joined.

    ``emit`` gets the cell that the group refers to, or "", and the text without pronunciations.
    """

    def __init__(self, group: str, emit: Callable[[str, str], None], element: str = "t") -> None:
        self._group = group
        self._emit = emit
        self._element = element
        self._cell = ""
        self._pieces: list[str] = []
        self._in_text = False
        self._spoken = 0

    def start(self, name: str, attributes: Attributes) -> None:
        self._spoken += name == "rPh"
        if name == self._group:
            self._cell, self._pieces = attributes.get("ref", ""), []
        self._in_text = name == self._element and not self._spoken

    def characters(self, text: str) -> None:
        if self._in_text:
            self._pieces.append(text)

    def end(self, name: str) -> None:
        self._in_text = False
        self._spoken -= name == "rPh"
        if name == self._group:
            self._emit(self._cell, "".join(self._pieces))


class _Sheet(Reader):
    """Collects a sheet's rows as lines with tabs between cells."""

    def __init__(
        self, collector: Collector, strings: list[str], styles: _Styles, *, from_1904: bool
    ) -> None:
        self._collector = collector
        self._strings = strings
        self._styles = styles
        self._from_1904 = from_1904
        self._cell: Attributes = {}
        self._value: list[str] = []
        self._formula: list[str] = []
        self._into: list[str] | None = None
        self._row: list[str] = []
        self._column = 0
        self._spoken = 0

    def start(self, name: str, attributes: Attributes) -> None:
        self._into = None
        if name == "row":
            self._row, self._column = [], 0
        elif name == "c":
            self._cell, self._value, self._formula = attributes, [], []
        elif name == "rPh":
            self._spoken += 1
        elif name == "v" or (name == "t" and not self._spoken):
            self._into = self._value
        elif name == "f":
            self._into = self._formula
        elif name in _PAGE_PARTS:
            self._value = []
            self._into = self._value

    def characters(self, text: str) -> None:
        if self._into is not None:
            self._into.append(text)

    def end(self, name: str) -> None:
        self._into = None
        if name == "rPh":
            self._spoken -= 1
        elif name == "c":
            self._end_cell()
        elif name == "row" and any(self._row):
            self._collector.add("\t".join(self._row) + "\n")
        elif name in _PAGE_PARTS:
            text = _PAGE_CODES.sub(" ", "".join(self._value).replace("&&", "\x00"))
            self._collector.add(" ".join(text.replace("\x00", "&").split()) + "\n")

    def _end_cell(self) -> None:
        text = self._displayed("".join(self._value))
        place = _COLUMN.match(self._cell.get("r", ""))
        column = _number(place.group()) if place else self._column + 1
        if text:
            gap = max(column - self._column - 1, 0)
            self._row.extend([""] * (gap if gap <= _WIDEST_GAP else 1))
            self._row.append(" ".join(_ESCAPED.sub(_character, text).split()))
            self._column = column

    def _displayed(self, value: str) -> str:
        match self._cell.get("t", "n"):
            case "s":
                index = int(value) if value.strip().isdecimal() else -1
                return self._strings[index] if 0 <= index < len(self._strings) else ""
            case "b":
                return "TRUE" if value.strip() == "1" else "FALSE" if value else ""
            case "n" if value:
                style = self._cell.get("s", "0")
                code = self._styles.code(int(style) if style.isdecimal() else 0)
                return format_cell(value.strip(), code, from_1904=self._from_1904)
        if not value and self._formula:
            return "=" + "".join(self._formula)  # never calculated: a program wrote it, not Excel
        return value


def _character(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))


def _number(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def read_workbook(package: Package, main: str, collector: Collector) -> None:
    """Read all sheets, each with its name, header, comments, text boxes and charts."""
    workbook = Elements("sheet", "workbookPr")
    package.parse(main, workbook)
    from_1904 = not {"1", "true"}.isdisjoint(workbook.values("date1904"))
    related = package.relationships(main)
    strings: list[str] = []
    styles = _Styles()
    for relationship in related:
        with package.skipping_broken():
            if relationship.kind == "sharedStrings":
                package.parse(
                    relationship.target, _Texts("si", lambda _, text: strings.append(text))
                )
            elif relationship.kind == "styles":
                package.parse(relationship.target, styles)
    parts = {each.id: each.target for each in related}
    for sheet in workbook.found:
        part = parts.get(sheet.get(":id", ""))
        if part is None:
            continue
        collector.add(f"{sheet.get('name', '')}\n")
        reader = _Sheet(collector, strings, styles, from_1904=from_1904)
        with package.skipping_broken():
            package.parse(part, reader)
        _read_beside(package, part, collector)
        collector.add("\n")


def _read_beside(package: Package, part: str, collector: Collector) -> None:
    def comment(cell: str, text: str) -> None:
        collector.add(f"{cell}: {text}\n")

    for relationship in package.relationships(part):
        with package.skipping_broken():
            if relationship.kind == "comments":
                package.parse(relationship.target, _Texts("comment", comment))
            elif relationship.kind == "threadedComment":
                package.parse(relationship.target, _Texts("threadedComment", comment, "text"))
            elif relationship.kind == "drawing":
                read_text(package, relationship.target, collector)
            elif relationship.kind == "vmlDrawing":
                _read_buttons(package, relationship.target, collector)
    read_drawn(package, part, collector)


class _Captions(Reader):
    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._boxes = 0

    def start(self, name: str, attributes: Attributes) -> None:
        self._boxes += name == "textbox"

    def characters(self, text: str) -> None:
        if self._boxes:
            self.pieces.append(text)

    def end(self, name: str) -> None:
        self._boxes -= name == "textbox"


def _read_buttons(package: Package, part: str, collector: Collector) -> None:
    """Read captions of form controls, whose XML from Excel is not always well-formed."""
    captions = _Captions()
    with suppress(*BROKEN):
        package.parse(part, captions)
    text = " ".join("".join(captions.pieces).split())
    if text:
        collector.add(text + "\n")
