"""Writes tables: aligned columns in a code block, or a short list for each row."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from msgspec import Struct
from wcwidth import wcswidth

PHONE_COLUMNS: Final = 40
"""The longest line of a code block that fits on a phone, in columns."""

_LONGEST_LABEL: Final = 40
_FENCE: Final = "```"


class Cell(Struct, frozen=True):
    """A cell as Discord's Markdown and as plain text; ``live`` as in ``Rendered``."""

    markdown: str
    plain: str
    live: bool


class Table(Struct, frozen=True):
    """A table's heading, its rows and the alignment of each column (``left``, ``right``, …)."""

    heading: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]
    alignments: Sequence[str]


def table_lines(table: Table) -> list[str]:
    """Return a table's lines: a code block if it fits on a phone, else a list for each row."""
    cells = [cell for row in (table.heading, *table.rows) for cell in row]
    if not any(cell.live or _FENCE in cell.plain for cell in cells):
        columns = [
            max(map(_width, texts))
            for texts in zip_longest(
                *([cell.plain for cell in row] for row in (table.heading, *table.rows)),
                fillvalue="",
            )
        ]
        if sum(columns) + 2 * (len(columns) - 1) <= PHONE_COLUMNS:
            return _block(table, columns)
    return _lists(table)


def _block(table: Table, columns: Sequence[int]) -> list[str]:
    def line(row: Sequence[Cell]) -> str:
        padded = [
            _padded(cell.plain, width, alignment)
            for cell, width, alignment in zip(row, columns, table.alignments, strict=False)
        ]
        return "  ".join(padded).rstrip()

    rule = "  ".join("─" * width for width in columns)
    return [_FENCE, line(table.heading), rule, *map(line, table.rows), _FENCE]


def _lists(table: Table) -> list[str]:
    if not table.rows:
        return [" · ".join(cell.markdown for cell in table.heading if cell.markdown)]
    lines: list[str] = []
    for number, row in enumerate(table.rows):
        for column, (heading, cell) in enumerate(zip(table.heading, row, strict=False)):
            label = heading.markdown
            if number and len(label) > _LONGEST_LABEL:
                label = ""  # the first row has the whole label
            if not cell.markdown and (number or not label):
                continue
            if column == 0:
                lines.append(_title(label if not number else "", cell.markdown))
            else:
                lines.append(
                    f"- {label}: {cell.markdown}".rstrip() if label else f"- {cell.markdown}"
                )
    return lines


def _title(label: str, text: str) -> str:
    """Return a row's first line: the column's ``label`` if any, and the first cell in bold."""
    shown = f"**{text.replace('**', '')}**" if text else ""
    return ": ".join(filter(None, (label, shown)))


def _padded(text: str, width: int, alignment: str) -> str:
    room = width - _width(text)
    left = {"right": room, "center": room // 2}.get(alignment, 0)
    return " " * left + text + " " * (room - left)


def _width(text: str) -> int:
    return max(wcswidth(text), 0) or len(text)
