"""The limits and the error of text extraction."""

import io
from dataclasses import dataclass
from typing import Literal

ErrorCode = Literal["unsupported_file", "invalid_file"]

ExtractionProblem = Literal[
    "unsupported",  # a kind of file that can't be read
    "broken",  # damaged, cut off, or not what its name says
    "locked",  # encrypted or protected by a password
    "no_text",  # empty, or only pictures
    "too_large",  # the file, its unpacked content or its text is above a limit
]


class ExtractionError(Exception):
    """Extraction failed; the message is for people."""

    def __init__(self, problem: ExtractionProblem, message: str) -> None:
        super().__init__(message)
        self.problem: ExtractionProblem = problem

    @property
    def code(self) -> ErrorCode:
        """The code of the file's ``last_error``."""
        return "unsupported_file" if self.problem == "unsupported" else "invalid_file"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionLimits:
    """Limits of one extraction; a file above a limit is an ``invalid_file``.

    ``file_bytes``: the file; ``unpacked_bytes``: an unpacked Office file; ``characters``: the
    text; ``pages``: a PDF. ``seconds`` and ``memory_bytes`` limit the child process.
    """

    file_bytes: int = 128 * 2**20
    unpacked_bytes: int = 256 * 2**20
    characters: int = 20_000_000
    pages: int = 5000
    seconds: float = 60.0
    memory_bytes: int = 1024 * 2**20


class Collector:
    """Collects text; raises ExtractionError above the limit of characters."""

    def __init__(self, limits: ExtractionLimits) -> None:
        self._most = limits.characters
        self._pieces = io.StringIO(newline="")
        self._length = 0

    @property
    def text(self) -> str:
        """The collected text."""
        return self._pieces.getvalue()

    def add(self, piece: str) -> None:
        """Append ``piece``."""
        self._length += len(piece)
        if self._length > self._most:
            raise ExtractionError(
                "too_large",
                f"The file has more than {self._most:,} characters of text. Split it.",
            )
        self._pieces.write(piece)
