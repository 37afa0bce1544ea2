"""Draws pictures of untrusted formulas and charts, in a child process with limits."""

from bot.hosted.pictures.painter import Painter
from bot.hosted.pictures.request import (
    ChartKind,
    ChartRequest,
    FormulaRequest,
    PictureError,
    Series,
)

__all__ = ["ChartKind", "ChartRequest", "FormulaRequest", "Painter", "PictureError", "Series"]
