"""Turns SVG into PNG, within a bound of pixels, with the project's colours and fonts."""

import xml.etree.ElementTree as ET
from typing import Final

import resvg_py

from bot.hosted.pictures.fonts import text_font_file
from bot.hosted.pictures.request import PictureError

PAPER: Final = "#1e1f22"
INK: Final = "#f2f3f5"
"""The card's colours: a dark card stands out on a light background, and blends into a dark one."""

MOST_PIXELS: Final = 4_000_000
_LONGEST_SIDE: Final = 4_000
_RADIUS: Final = "8"


def on_card(drawing: ET.Element, *, x: float, top: float, bottom: float) -> ET.Element:
    """Return a drawing on a card with margins, in pixels, and round corners."""
    width, height = float(drawing.attrib["width"]), float(drawing.attrib["height"])
    size = {"width": f"{width + 2 * x:.0f}", "height": f"{height + top + bottom:.0f}"}
    card = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **size})
    ET.SubElement(card, "rect", {**size, "rx": _RADIUS, "fill": PAPER})
    drawing.attrib.update({"x": str(x), "y": str(top)})
    card.append(drawing)
    return card


def to_png(svg: ET.Element) -> bytes:
    """Return an SVG as PNG; raises ``PictureError`` if the picture is too large."""
    width, height = float(svg.attrib["width"]), float(svg.attrib["height"])
    if max(width, height) > _LONGEST_SIDE or width * height > MOST_PIXELS:
        raise PictureError(f"The picture would have {width:.0f} × {height:.0f} pixels.")
    has_text = svg.find(".//text") is not None
    return resvg_py.svg_to_bytes(
        svg_string=ET.tostring(svg, encoding="unicode"),
        skip_system_fonts=True,
        font_files=[str(text_font_file())] if has_text else None,
    )
