"""The fonts of pictures: the mathematical one, and one for Japanese, which that one lacks."""

import xml.etree.ElementTree as ET
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from ziafont.font import Font
from ziafont.fonttypes import BBox
from ziafont.glyph import SimpleGlyph
from ziamath.mathfont import MathFont
from ziamath.styles import MathVariant

from bot.hosted.pictures.request import PictureError

TEXT_FAMILY: Final = "Noto Sans JP"
BASE_SIZE: Final = 24.0

_ASCENT: Final = 0.88
_DESCENT: Final = -0.12
"""The height of a Japanese character above and below the line, in em."""


@cache
def text_font_file() -> Path:
    """Return the path of the font for text, which has Latin and Japanese characters."""
    with as_file(files("pylopdf_fonts_jp").joinpath("NotoSansJP-Regular.otf")) as path:
        return path


@cache
def mathematical_font() -> MathFont:
    """Return the font of formulas; characters that it lacks are taken from the text font."""
    with as_file(files("ziamath.fonts").joinpath("STIXTwoMath-Regular.ttf")) as path:
        return _FormulaFont(path, BASE_SIZE)


class _FormulaFont(MathFont):
    """The mathematical font with the Japanese characters of the text font."""

    def findglyph(self, char: str, variant: MathVariant) -> SimpleGlyph:
        """Return a character's glyph; raises ``PictureError`` if neither font has one."""
        glyph = super().findglyph(char, variant)
        if glyph.index:
            return glyph
        font = _text_font()
        if not font.glyphindex(char):
            raise PictureError(f"No font has the character {char!r}.")
        return _TextGlyph(font, char)


class _TextFont(Font):
    """The measures of the text font; only resvg draws its outlines.

    ziafont can't read the outlines of a font with CID-keyed glyphs.
    """

    def _readtables(self) -> None:
        super()._readtables()
        del self.tables["CFF "]


@cache
def _text_font() -> _TextFont:
    return _TextFont(text_font_file())


class _TextGlyph(SimpleGlyph):
    """A character that is drawn as text of the text font."""

    def __init__(self, font: _TextFont, char: str) -> None:
        self._char = char
        em = font.info.layout.unitsperem
        index = font.glyphindex(char)
        box = BBox(0, font.advance(index, None), round(_DESCENT * em), round(_ASCENT * em))
        super().__init__(index, [], box, font)
        self.id = f"text_{index}"

    def advance(self, nextchr: SimpleGlyph | None = None) -> int:
        """Return the width in units of the font, without kerning."""
        return int(self.font.advance(self.index, None))

    def place(self, x: float, y: float, point_size: float) -> ET.Element:
        """Return the SVG element of the character at a place."""
        element = ET.Element(
            "text",
            {
                "x": f"{x:.2f}",
                "y": f"{y:.2f}",
                "font-size": f"{point_size:.2f}",
                "font-family": TEXT_FAMILY,
            },
        )
        element.text = self._char
        return element
