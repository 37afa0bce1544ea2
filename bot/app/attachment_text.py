"""Extracts the text of attachments, with the reader that ``file_search`` uses."""

import asyncio
from typing import Final

from bot.chat.threads.message_builder import UnreadableError
from bot.hosted.extract import ExtractionError, ExtractionLimits, extract_text, is_text

_AT_ONCE: Final = 2
"""The maximum number of child processes that read attachments."""

_LIMITS: Final = ExtractionLimits(seconds=20.0, memory_bytes=512 * 2**20)


class AttachmentText:
    """Reads text files in child processes, a few at a time."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def is_text(self, name: str) -> bool:
        """Return whether a file name means a text file."""
        return is_text(name)

    async def read(self, name: str, data: bytes) -> str:
        """Return a file's decoded text, HTML and JSON as source; raises ``UnreadableError``."""
        async with self._slots:
            try:
                return await extract_text(name, data, limits=_LIMITS, keep_source=True)
            except ExtractionError as error:
                sentence = str(error).rstrip(".")
                raise UnreadableError(sentence[:1].lower() + sentence[1:]) from error
