"""Extracts the text of attachments, with the reader that ``file_search`` uses."""

import asyncio
from collections.abc import Mapping
from typing import Final

from bot.chat.texts.unread_files import UnreadReason
from bot.chat.threads.messages.message_builder import UnreadableError
from bot.hosted.extract import (
    ExtractionError,
    ExtractionLimits,
    ExtractionProblem,
    extract_text,
    is_readable,
    is_text,
)

_AT_ONCE: Final = 2
"""The maximum number of child processes that read attachments."""

_LIMITS: Final = ExtractionLimits(seconds=20.0, memory_bytes=512 * 2**20)

_REASONS: Final[Mapping[ExtractionProblem, UnreadReason]] = {
    "unsupported": "unsupported",
    "broken": "broken",
    "locked": "locked",
    "no_text": "no_text",
    "too_large": "too_much",
}


class AttachmentText:
    """Reads documents in child processes, a few at a time."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def is_text(self, name: str) -> bool:
        """Return whether the name's extension is that of a plain text file."""
        return is_text(name)

    def is_document(self, name: str) -> bool:
        """Return whether the text of a file with this extension can be extracted."""
        return is_readable(name)

    async def read(self, name: str, data: bytes) -> str:
        """Return a file's text, HTML and JSON as source; raises ``UnreadableError``."""
        async with self._slots:
            try:
                return await extract_text(name, data, limits=_LIMITS, keep_source=True)
            except ExtractionError as error:
                sentence = str(error).rstrip(".")
                clause = sentence[:1].lower() + sentence[1:]
                raise UnreadableError(_REASONS[error.problem], clause) from error
