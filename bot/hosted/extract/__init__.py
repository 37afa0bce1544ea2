"""Extracts text from files of many kinds; a hostile file raises ExtractionError, never a crash."""

from bot.hosted.extract.extract import extract
from bot.hosted.extract.kinds import is_readable, is_text
from bot.hosted.extract.limits import ExtractionError, ExtractionLimits, ExtractionProblem
from bot.hosted.extract.subprocess import extract_text

__all__ = [
    "ExtractionError",
    "ExtractionLimits",
    "ExtractionProblem",
    "extract",
    "extract_text",
    "is_readable",
    "is_text",
]
