"""What extraction may take, and how it says no."""

import io
from dataclasses import dataclass
from typing import Literal

ErrorCode = Literal["unsupported_file", "invalid_file"]


class ExtractionError(Exception):
    """No text could be had: ``code`` as in a file's last_error, the message for people."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code: ErrorCode = code


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionLimits:
    """Bounds of one extraction; what goes beyond is an ``invalid_file``.

    ``file_bytes`` of the file, ``unpacked_bytes`` of what an Office file unpacks to, ``characters``
    of text handed back, ``pages`` of a PDF. A child process has ``seconds`` and ``memory_bytes``.
    """

    file_bytes: int = 128 * 2**20
    unpacked_bytes: int = 256 * 2**20
    characters: int = 20_000_000
    pages: int = 5000
    seconds: float = 60.0
    memory_bytes: int = 1024 * 2**20


class Collector:
    """Gathers text and stops with an ExtractionError where it gets longer than allowed."""

    def __init__(self, limits: ExtractionLimits) -> None:
        self._most = limits.characters
        self._pieces = io.StringIO(newline="")
        self._length = 0

    @property
    def text(self) -> str:
        """All that was added."""
        return self._pieces.getvalue()

    def add(self, piece: str) -> None:
        """Append ``piece``."""
        self._length += len(piece)
        if self._length > self._most:
            raise ExtractionError(
                "invalid_file",
                f"The file has more than {self._most:,} characters of text. Split it.",
            )
        self._pieces.write(piece)
