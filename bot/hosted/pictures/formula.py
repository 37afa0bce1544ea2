"""Draws a display formula in TeX as a PNG: light on a dark card, which reads on any background."""

import re
import xml.etree.ElementTree as ET
from itertools import zip_longest
from typing import Final

import latex2mathml.commands
from ziamath.tex import tex2mml
from ziamath.zmath import Math, loadedfonts

from bot.hosted.pictures.arrays import Rules, remove_rules, set_rules
from bot.hosted.pictures.fonts import mathematical_font
from bot.hosted.pictures.png import INK, on_card, to_png
from bot.hosted.pictures.request import LONGEST_TEX, PictureError
from bot.hosted.pictures.ruled_table import RuledTable

_SIZE: Final = 30.0
"""The size of the letters in pixels: Discord shows a picture pixel by pixel, or smaller."""

_MARGIN_X: Final = 24.0
_MARGIN_TOP: Final = 16.0
_MARGIN_BOTTOM: Final = 26.0
"""Room for Discord's mark of pictures with alt text, in the lower left corner."""

_FONT: Final = "formulas"

_WITHOUT_MEANING: Final = re.compile(
    r"\\(?:label\{[^{}]*\}|(?:nonumber|notag|displaystyle|limits|mathstrut)(?![A-Za-z])"
    r"|math(?:op|bin|rel|ord|open|close|punct|inner)(?![A-Za-z]))"
)
_ROW_SPACE: Final = re.compile(r"\\\\\*?\s*\[[^\[\]]*\]")
_ENVIRONMENT: Final = re.compile(r"\\begin\{([^{}]*)\}")
_ENVIRONMENTS: Final = {
    name.removeprefix("\\").rstrip("*") for name in latex2mathml.commands.MATRICES
} | {"aligned"}
_ALIKE: Final = (
    (re.compile(r"\\begin\{(?:alignat|alignedat)\*?\}\s*\{[^{}]*\}"), r"\\begin{aligned}"),
    (
        re.compile(
            r"\\begin\{(?:align|aligned|equation|gather|gathered|split|multline)\*?\}(?:\[\w\])?"
        ),
        r"\\begin{aligned}",
    ),
    (
        re.compile(
            r"\\end\{(?:align|aligned|equation|gather|gathered|split|multline|alignat|alignedat)"
            r"\*?\}"
        ),
        r"\\end{aligned}",
    ),
    (re.compile(r"\\begin\{eqnarray\*?\}"), r"\\begin{array}{rcl}"),
    (re.compile(r"\\begin\{rcases\}"), r"\\left.\\begin{array}{ll}"),
    (re.compile(r"\\end\{rcases\}"), r"\\end{array}\\right\\rbrace "),
    (re.compile(r"\\begin\{(?:tabular|subarray)\}"), r"\\begin{array}"),
    (re.compile(r"\\end\{(?:eqnarray\*?|tabular|subarray)\}"), r"\\end{array}"),
    (re.compile(r"\\(begin|end)\{dcases\}"), r"\\\1{cases}"),
    (re.compile(r"\\not\s*="), r"\\neq "),
    (re.compile(r"\\[Bb]igg?[lrm]?\s*\\(?=[{}A-Za-z])"), r"\\"),
    (re.compile(r"\\colorbox\{[^{}]*\}\{\$([^$]*)\$\}"), r"{\1}"),
    (re.compile(r"\\(?:newline|par)(?![A-Za-z])"), r"\\\\"),
    (re.compile(r"\\hfill?(?![A-Za-z])"), r"\\quad "),
    (re.compile(r"\{([^{}\\]*)\\choose(?![A-Za-z])([^{}\\]*)\}"), r"\\binom{\1}{\2}"),
)
"""Patterns of TeX that the converter does not read, and TeX with the same meaning."""

_SIGNS: Final = frozenset("-−+±∓")
_RELATIONS: Final = frozenset("=<>≤≥≠≈≡∼≅→←⇌⇒⇔⟶⟵↔")
_BEFORE_SIGNS: Final = _RELATIONS | frozenset("([{,;×·⋅")
_AROUND: Final = "0.28em"
_ROWS: Final = frozenset({"math", "mrow", "mtd", "mstyle", "mpadded"})
_SCRIPTS: Final = {"msub": 1, "msup": 1, "msubsup": 2}
"""The number of subscripts and superscripts in each MathML element that has them."""

_STYLED_TEXT: Final = re.compile(r"\\(?:text|mbox)\{((?:[^{}]|\{[^{}]*\})*)\}")
_AND: Final = re.compile(r"\\?&")
_TEXT_STYLE: Final = re.compile(r"\\(?:text(?:bf|it|rm|sf|tt|up|normal)|emph)\{([^{}]*)\}")
_TEXT: Final = re.compile(r"\\(?:text|mbox|textrm)\{([^{}$]*\$[^{}]*)\}")
_IN_TEXT: Final = re.compile(r"\$([^$]*)\$")
_LIGHT: Final = {
    "red": "#ff7b7b", "blue": "#7fb2ff", "green": "#6fd98f", "purple": "#c79bff",
    "orange": "#ffb45e", "brown": "#d9a066", "cyan": "#6fdede", "magenta": "#ff8be6",
    "violet": "#c79bff", "teal": "#5fd3c4", "gray": "#b0b3b8", "grey": "#b0b3b8",
    "yellow": "#ffe066", "pink": "#ffb0c8",
}  # fmt: skip
"""Colors by name, light enough to be read on the card; all others are left out."""

_ESCAPED: Final = re.compile(r"\\[\\{}]")
_TAG: Final = re.compile(r"\\tag\*?\{([^{}]*)\}")


def draw_formula(tex: str) -> bytes:
    """Return a PNG of a formula; raises ``PictureError`` if the TeX does not parse."""
    if len(tex) > LONGEST_TEX:
        raise PictureError(f"The formula is longer than {LONGEST_TEX} characters.")
    mathml = _mathml(_prepared(tex))
    loadedfonts[_FONT] = mathematical_font()
    assert RuledTable.mtag == "mtable"
    drawn = Math(mathml, size=_SIZE, font=_FONT).svgxml()
    width, height = float(drawn.attrib["width"]), float(drawn.attrib["height"])
    if not (width > 4 and height > 4):
        raise PictureError("The formula shows nothing.")
    drawn.attrib.update({"overflow": "visible", "fill": INK})
    for element in drawn.iter():
        # Some lines above and through letters are black, whatever the formula's colour is.
        for paint in ("stroke", "fill"):
            if element.get(paint) == "black":
                element.set(paint, INK)
    return to_png(on_card(drawn, x=_MARGIN_X, top=_MARGIN_TOP, bottom=_MARGIN_BOTTOM))


def _prepared(tex: str) -> str:
    """Return TeX that the converter understands; raises ``PictureError``."""
    tex = _WITHOUT_MEANING.sub(" ", tex).strip()
    tex = _STYLED_TEXT.sub(lambda found: _TEXT_STYLE.sub(r"\1", found[0]), tex)
    tex = _TEXT.sub(_text_with_formulas, tex)
    tex = _TAG.sub(r"\\qquad (\\text{\1})", tex)
    bare = _ESCAPED.sub("", tex)
    depth = 0
    for each in bare:
        depth += (each == "{") - (each == "}")
        if depth < 0:
            break
    if depth or not tex:
        raise PictureError("Its braces are not balanced." if tex else "The formula is empty.")
    tex = _ROW_SPACE.sub(lambda _: r"\\ ", tex)
    for pattern, meant in _ALIKE:
        tex = pattern.sub(meant, tex)
    for name in _ENVIRONMENT.findall(tex):
        if name.rstrip("*") not in _ENVIRONMENTS:
            raise PictureError(f"There is no environment {name!r}.")
    outside = _STYLED_TEXT.sub("", tex)
    if not _ENVIRONMENT.search(tex) and (r"\\" in tex or re.search(r"(?<!\\)&", outside)):
        tex = rf"\begin{{aligned}}{tex}\end{{aligned}}"
    return tex


def _text_with_formulas(found: re.Match[str]) -> str:
    """Return a text with ``$`` formulas in it as several texts with the formulas between them."""
    parts = _IN_TEXT.split(found[1])
    texts = (rf"\text{{{part}}}" if part else "" for part in parts[::2])
    return " ".join(part for both in zip_longest(texts, parts[1::2], fillvalue="") for part in both)


def _mathml(tex: str) -> ET.Element:
    """Convert TeX to MathML; raises ``PictureError`` where the TeX does not parse."""
    rules: list[Rules] = []
    # The converter does not escape texts for XML.
    tex = _STYLED_TEXT.sub(lambda found: _AND.sub("&amp;", found[0]), remove_rules(tex, rules))
    try:
        root = ET.fromstring(tex2mml(tex))  # noqa: S314 - the converter wrote it, without entities
    except Exception as error:
        # The converter raises errors of many kinds, IndexError and KeyError among them.
        raise PictureError(f"The TeX does not parse: {type(error).__name__}.") from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        # A command that the converter does not know is left as its text.
        if element.text and re.match(r"\\[A-Za-z]", element.text):
            raise PictureError(f"There is no command {element.text}.")
        if color := element.attrib.pop("mathcolor", ""):
            element.set("mathcolor", _LIGHT.get(color.lower(), INK))
        element.attrib.pop("mathbackground", "")
        scripts = _SCRIPTS.get(element.tag, 0)
        if scripts and len(element) > scripts + 1:
            # The converter puts a matrix's parts beside its script: a row joins the parts.
            base = ET.Element("mrow")
            base.extend(element[:-scripts])
            element[:-scripts] = [base]
        if element.tag == "mtable":
            # By default the lines of equations are so near that they touch.
            element.set("rowspacing", "0.5em")
    set_rules(root, rules)
    _space(root)
    root.attrib["mathcolor"] = INK
    return root


def _space(root: ET.Element) -> None:
    """Set signs close to their numbers, and set space around relations with something above.

    ziamath takes every minus between two elements for an operator.
    """
    for parent in root.iter():
        if parent.tag not in _ROWS:
            continue
        before: ET.Element | None = None
        for place, element in reversed(list(enumerate(parent))):
            before = parent[place - 1] if place else None
            if element.tag in ("mover", "munder", "munderover") and _is_relation(element[0]):
                parent.insert(place + 1, ET.Element("mspace", {"width": _AROUND}))
                parent.insert(place, ET.Element("mspace", {"width": _AROUND}))
            elif (
                element.tag == "mo"
                and element.text in _SIGNS
                and before is not None
                and before.tag == "mo"
                and (before.text or "") in _BEFORE_SIGNS
            ):
                element.set("form", "prefix")


def _is_relation(element: ET.Element) -> bool:
    while element.tag == "mrow" and len(element) == 1:
        element = element[0]
    return element.tag == "mo" and (element.text or "") in _RELATIONS
