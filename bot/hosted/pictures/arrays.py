"""Reads the rules (lines) of TeX arrays, which the converter to MathML does not understand."""

import re
import xml.etree.ElementTree as ET
from typing import Final

from msgspec import Struct

_BEGIN: Final = r"\begin{array}"
_END: Final = r"\end{array}"
_SPEC: Final = re.compile(
    r"\*\s*\{(?P<times>\d{1,2})\}\s*\{(?P<repeated>[^{}]*)\}|[pmb]\s*\{(?:[^{}]|\{[^{}]*\})*\}"
    r"|[@!<>]\s*\{(?:[^{}]|\{[^{}]*\})*\}|(?P<column>[lcr])|(?P<rule>\|+)|."
)
_IN_BODY: Final = re.compile(
    r"(?P<begin>\\begin\s*\{)|\\end\s*\{|(?P<row>\\\\)|(?P<rule>\\h(?:dash)?line(?![A-Za-z]))"
    r"|(?P<part_of_rule>\\[clt]line\s*\{[^{}]*\})|\\.|(?P<opening>\{)|(?P<closing>\})"
    r"|\s+|[^\\{}\s]+",
    re.DOTALL,
)
_HLINE: Final = re.compile(r"\\h(?:dash)?line(?![A-Za-z])")
_MARK: Final = 0xE000
"""The first of the private characters; each marks the first cell of an array with rules."""

_MOST: Final = 64
"""The most arrays of a formula whose rules are drawn."""

PAD: Final = 0.35
"""The distance between a rule and the cells, in em."""


class Rules(Struct, frozen=True):
    """The numbers, from 0, of the columns and rows before which a table has a rule."""

    columns: frozenset[int]
    rows: frozenset[int]


def remove_rules(tex: str, found: list[Rules]) -> str:
    """Return TeX without the rules of its arrays, and add these rules to ``found``.

    Each array with rules begins with a private character, which tells the index of its rules.
    """
    return _HLINE.sub("", _arrays(tex, found))


def _arrays(tex: str, found: list[Rules]) -> str:
    """Return TeX whose arrays have no rules; lines outside of arrays stay."""
    begin = tex.find(_BEGIN)
    if begin < 0:
        return tex
    spec, body_at = _spec_at(tex, begin + len(_BEGIN))
    body_end = _end_of(tex, body_at)
    columns, rules = _columns(spec)
    body, rows = _body(_arrays(tex[body_at:body_end], found))
    mark = ""
    if (rules or rows) and len(found) < _MOST:
        mark = chr(_MARK + len(found))
        found.append(Rules(frozenset(rules), frozenset(rows)))
    rest = _arrays(tex[body_end + len(_END) :], found)
    return f"{tex[:begin]}{_BEGIN}{{{columns}}}{mark}{body}{_END}{rest}"


def set_rules(root: ET.Element, found: list[Rules]) -> None:
    """Replace the private characters in a formula by attributes of their tables."""
    for table in root.iter("mtable"):
        # The first cell of the first row; its own tables have marks of their own.
        cell = next(iter(next(iter(table), ())), None)
        if cell is None or len(cell) == 0:
            continue
        first = cell[0]
        while len(first) and first.tag == "mrow":
            cell, first = first, first[0]
        mark = ord(first.text[0]) - _MARK if first.text else -1
        if not 0 <= mark < len(found):
            continue
        first.text = (first.text or "")[1:]
        if not first.text:
            cell.remove(first)
        table.set("rulecolumns", " ".join(map(str, found[mark].columns)))
        table.set("rulerows", " ".join(map(str, found[mark].rows)))
        table.set("columnspacing", f"{2 * PAD}em")
        table.set("rowspacing", f"{2 * PAD}em")


def _spec_at(tex: str, at: int) -> tuple[str, int]:
    """Return an array's column specification, and the index in ``tex`` where its body begins."""
    depth = 0
    for place in range(at, len(tex)):
        depth += (tex[place] == "{") - (tex[place] == "}")
        if depth == 0 and tex[place] == "}":
            return tex[at:place].partition("{")[2], place + 1
    return "", at


def _end_of(tex: str, at: int) -> int:
    depth = 1
    for found in re.finditer(r"\\(begin|end)\{array\}", tex[at:]):
        depth += 1 if found[1] == "begin" else -1
        if depth == 0:
            return at + found.start()
    return len(tex)


def _columns(spec: str) -> tuple[str, set[int]]:
    """Return the alignments of columns, and the numbers of the columns behind a rule."""
    for _ in range(3):
        spec = re.sub(
            r"\*\s*\{(\d{1,2})\}\s*\{([^{}]*)\}", lambda many: many[2] * int(many[1]), spec
        )
    columns, rules = "", set()
    for found in _SPEC.finditer(spec):
        if found["rule"]:
            rules.add(len(columns))
        elif found["column"] or found[0][0] in "pmb":
            columns += found["column"] or "l"
    return columns or "c", rules


def _body(body: str) -> tuple[str, set[int]]:
    """Return the rows of an array without rules, and the numbers of the rows below a rule."""
    rules: set[int] = set()
    row = depth = 0
    kept: list[str] = []
    for found in _IN_BODY.finditer(body):
        if found["begin"]:
            # One level ends with the brace behind the name, the other with the brace of ``\end``.
            depth += 2
        depth += bool(found["opening"]) - bool(found["closing"])
        if found["row"] and depth == 0:
            row += 1
        if found["rule"] and depth == 0:
            rules.add(row)
        elif not found["part_of_rule"]:
            kept.append(found[0])
    return re.sub(r"(\\\\\s*)+\Z", "", "".join(kept).strip()), rules
