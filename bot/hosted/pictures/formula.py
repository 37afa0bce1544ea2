"""Draws a display formula in TeX as a PNG: light on a dark card, which reads on any background."""

import re
import xml.etree.ElementTree as ET
from typing import Final

import latex2mathml.commands
from ziamath.tex import tex2mml
from ziamath.zmath import Math, loadedfonts

from bot.hosted.pictures.fonts import mathematical_font
from bot.hosted.pictures.png import INK, PAPER, to_png
from bot.hosted.pictures.request import LONGEST_TEX, PictureError

_SIZE: Final = 30.0
"""The size of the letters in pixels: Discord shows a picture pixel by pixel, or smaller."""

_MARGIN_X: Final = 24.0
_MARGIN_TOP: Final = 16.0
_MARGIN_BOTTOM: Final = 26.0
"""Discord's mark for pictures with alt text has its place in the lower left corner."""

_RADIUS: Final = 8
_FONT: Final = "formulas"

_WITHOUT_MEANING: Final = re.compile(
    r"\\(?:label\{[^{}]*\}|(?:nonumber|notag|displaystyle|limits)(?![A-Za-z]))"
)
_ENVIRONMENT: Final = re.compile(r"\\begin\{([^{}]*)\}")
_ENVIRONMENTS: Final = {
    name.removeprefix("\\").rstrip("*") for name in latex2mathml.commands.MATRICES
} | {"aligned"}
_ALIKE: Final = re.compile(
    r"\\(begin|end)\{(?:align|equation|gather|gathered|split|multline|eqnarray)\*?\}"
)
_ESCAPED: Final = re.compile(r"\\[\\{}]")
_TAG: Final = re.compile(r"\\tag\*?\{([^{}]*)\}")


_CHEMISTRY: Final = re.compile(r"\\ce\{((?:[^{}]|\{[^{}]*\})*)\}")
_ARROWS: Final = {
    "->": r"\rightarrow",
    "<-": r"\leftarrow",
    "<->": r"\leftrightarrow",
    "<=>": r"\rightleftharpoons",
    "=>": r"\Rightarrow",
}
_SPECIES: Final = re.compile(
    r"(?P<letters>[A-Z][a-z]?|[a-z]+)|(?P<count>\d+)"
    r"|\^(?:\{(?P<braced>[^{}]*)\}|(?P<charge>\d*[+-]))|(?P<sign>[+-]\Z)|."
)


def draw_formula(tex: str) -> bytes:
    """Return a PNG of a formula; raises ``PictureError`` if the TeX does not parse."""
    if len(tex) > LONGEST_TEX:
        raise PictureError(f"The formula is longer than {LONGEST_TEX} characters.")
    mathml = _mathml(_prepared(tex))
    loadedfonts[_FONT] = mathematical_font()
    drawn = Math(mathml, size=_SIZE, font=_FONT).svgxml()
    width, height = float(drawn.attrib["width"]), float(drawn.attrib["height"])
    if not (width > 4 and height > 4):
        raise PictureError("The formula shows nothing.")
    place = {"x": str(_MARGIN_X), "y": str(_MARGIN_TOP), "overflow": "visible"}
    drawn.attrib.update({**place, "fill": INK})
    for element in drawn.iter():
        # Some lines above and through letters are black, whatever the formula's colour is.
        if element.get("stroke") == "black":
            element.set("stroke", INK)
    card = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg"})
    size = {
        "width": f"{width + 2 * _MARGIN_X:.0f}",
        "height": f"{height + _MARGIN_TOP + _MARGIN_BOTTOM:.0f}",
    }
    card.attrib.update(size)
    ET.SubElement(card, "rect", {**size, "rx": str(_RADIUS), "fill": PAPER})
    card.append(drawn)
    return to_png(card)


def _prepared(tex: str) -> str:
    """Return TeX that the converter understands; raises ``PictureError``."""
    tex = _WITHOUT_MEANING.sub(" ", tex).strip()
    tex = _CHEMISTRY.sub(lambda found: " ".join(map(_species, found[1].split())), tex)
    tex = _TAG.sub(r"\\qquad (\\text{\1})", tex)
    bare = _ESCAPED.sub("", tex)
    depth = 0
    for each in bare:
        depth += (each == "{") - (each == "}")
        if depth < 0:
            break
    if depth or not tex:
        raise PictureError("Its braces are not balanced." if tex else "The formula is empty.")
    tex = _ALIKE.sub(r"\\\1{aligned}", tex)
    for name in _ENVIRONMENT.findall(tex):
        if name.rstrip("*") not in _ENVIRONMENTS:
            raise PictureError(f"There is no environment {name!r}.")
    if not _ENVIRONMENT.search(tex) and (r"\\" in tex or re.search(r"(?<!\\)&", tex)):
        tex = rf"\begin{{aligned}}{tex}\end{{aligned}}"
    return tex


def _species(word: str) -> str:
    """Return a word of a chemical equation as mhchem has it, such as 2H2O or SO4^2-, as TeX."""
    if word in _ARROWS:
        return _ARROWS[word]
    written = ""
    for each in _SPECIES.finditer(word):
        if each["letters"]:
            written += rf"\mathrm {{{each['letters']}}}"
        elif each["count"]:
            written += each[0] if written in ("", "(") else f"_{{{each[0]}}}"
        elif each.lastgroup in ("braced", "charge", "sign") and written:
            written += f"^{{{each[each.lastgroup]}}}"
        else:
            written += each[0]
    return written


def _mathml(tex: str) -> ET.Element:
    """Convert TeX to MathML; raises ``PictureError`` where the TeX does not parse."""
    try:
        root = ET.fromstring(tex2mml(tex))  # noqa: S314 - the converter wrote it, without entities
    except Exception as error:
        # The converter raises errors of many kinds, IndexError and KeyError among them.
        raise PictureError(f"The TeX does not parse: {type(error).__name__}.") from error
    for element in root.iter():
        # A command that the converter does not know is left as its text.
        if element.text and re.match(r"\\[A-Za-z]", element.text):
            raise PictureError(f"There is no command {element.text}.")
    root.attrib["mathcolor"] = INK
    return root
