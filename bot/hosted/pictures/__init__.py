"""Draws pictures of untrusted formulas, in a child process with limits."""

from bot.hosted.pictures.painter import Painter
from bot.hosted.pictures.request import FormulaRequest, PictureError

__all__ = ["FormulaRequest", "Painter", "PictureError"]
