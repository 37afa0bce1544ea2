"""Text out of files of many kinds; hostile ones end in an ExtractionError, never in a crash."""

from bot.hosted.extract.limits import ErrorCode, ExtractionError, ExtractionLimits
from bot.hosted.extract.outside import extract_text
from bot.hosted.extract.parsing import extract

__all__ = ["ErrorCode", "ExtractionError", "ExtractionLimits", "extract", "extract_text"]
