"""Converts chemical equations of the TeX package mhchem, such as ``2H2 + O2 -> 2H2O``, to TeX.

The rules are those of the package's manual: https://mhchem.github.io/MathJax-mhchem/
"""

import re
from typing import Final

_ARROWS: Final = {
    "->": r"\rightarrow",
    "<-": r"\leftarrow",
    "<->": r"\leftrightarrow",
    "<-->": r"\rightleftarrows",
    "<=>": r"\rightleftharpoons",
    "<=>>": r"\rightleftharpoons",
    "<<=>": r"\rightleftharpoons",
    "=>": r"\Rightarrow",
    "→": r"\rightarrow",
    "⇌": r"\rightleftharpoons",
}
_PIECE: Final = re.compile(
    r"(?P<arrow><=>>|<<=>|<-->|<=>|<->|->|<-|=>|→|⇌)"
    r"(?:\[(?P<above>[^\[\]]*)\])?(?:\[(?P<below>[^\[\]]*)\])?"
    r"|\$(?P<math>[^$]*)\$"
    r"|\\(?:text|mathrm)\s*\{[^{}]*\}|(?P<command>\\(?:[A-Za-z]+|.))"
    r"|(?P<space>\s+)"
    r"|(?P<script>[\^_])(?:\{(?P<braced>[^{}]*)\}|(?P<short>\d*[+-]?|\w))?"
    r"|(?P<number>\d+(?:[./]\d+)?)"
    r"|(?P<letters>[A-Z][a-z]?|[a-z]+)"
    r"|(?P<sign>[+-])|(?P<dot>[.*·])|(?P<other>.)",
    re.DOTALL,
)


def chemistry(text: str) -> str:
    """Return a chemical equation as TeX."""
    written = ""
    behind = "start"
    """The kind of the last piece: start, space, atom (letter or bracket), script, coefficient."""
    for found in _PIECE.finditer(text):
        following = text[found.end() : found.end() + 1]
        if found["arrow"]:
            written += _arrow(found)
            behind = "space"
        elif found["space"]:
            written += " "
            behind = "space"
        elif found["math"] is not None:
            written += f"{{{found['math']}}}"
            behind = "atom"
        elif found["script"]:
            plain, behind = _script(found, behind, following)
            written += plain
        elif found["number"]:
            plain, behind = _number(found["number"], behind)
            written += plain
        elif found["letters"]:
            is_precipitate = found[0] == "v" and behind == "space" and (following or " ").isspace()
            written += r"\downarrow " if is_precipitate else rf"\mathrm{{{found[0]}}}"
            behind = "atom"
        elif found["sign"]:
            plain, behind = _sign(found["sign"], behind, following)
            written += plain
        elif found["dot"]:
            written += r"\cdot "
            behind = "start"
        else:
            written += {"#": r"\equiv "}.get(found[0], found[0])
            behind = "atom" if found[0] in ")]}" or found["command"] else "start"
    return written.strip()


def _arrow(found: re.Match[str]) -> str:
    arrow = _ARROWS[found["arrow"]]
    above, below = (
        "" if label is None else chemistry(label) for label in (found["above"], found["below"])
    )
    if above or below:
        if arrow in (r"\rightarrow", r"\leftarrow"):
            option = f"[{below}]" if below else ""
            return rf" \x{arrow[1:]}{option}{{{above}}} "
        arrow = rf"\overset{{{above}}}{{{arrow}}}" if above else arrow
        arrow = rf"\underset{{{below}}}{{{arrow}}}" if below else arrow
    return f" {arrow} "


def _script(found: re.Match[str], behind: str, following: str) -> tuple[str, str]:
    inside = found["braced"] if found["braced"] is not None else found["short"]
    if not inside:
        # A lone ^ is the arrow of a gas.
        return (r"\uparrow " if found["script"] == "^" else "", "atom")
    before = "{}" if behind in ("start", "space") else ""
    # Numbers before a letter, such as a mass, belong to the letter.
    return f"{before}{found['script']}{{{inside}}}", ("script" if before else behind)


def _number(number: str, behind: str) -> tuple[str, str]:
    """Return TeX and kind of a number: an atom's count, or the next species' coefficient."""
    if behind == "atom":
        # Water of crystallization stands behind a dot: CuSO4.5H2O.
        atoms, dot, coefficient = number.partition(".")
        if dot:
            return rf"_{{{atoms}}} \cdot {coefficient}", "coefficient"
        return f"_{{{number}}}", "atom"
    above, slash, below = number.partition("/")
    return rf"\tfrac{{{above}}}{{{below}}}" if slash else number, "coefficient"


def _sign(sign: str, behind: str, following: str) -> tuple[str, str]:
    """Return TeX and kind of a sign: an atom's charge, a bond, or a plus between species."""
    if behind == "atom" and (not following or following.isspace() or following in ")],|+-/_^"):
        return f"^{{{sign}}}", "atom"
    if behind == "atom" and sign == "-":
        return r"\text{-}", "start"
    return sign, "space" if behind == "space" else "start"
