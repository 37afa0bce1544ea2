"""Names of uploads, each with a mark of its question and attachment, by which it is found again.

The mark stands behind the file's own name: ``report.pdf~k3f9x2abqrst5.txt``. No two questions share
an upload, so that an upload may leave with its question.
"""

import base64
import hashlib
import re
from typing import Final

_ALPHABET: Final = "a-z2-7"
_OF_QUESTION: Final = 8
_OF_FILE: Final = 5
_MARK: Final = rf"~[{_ALPHABET}]{{{_OF_QUESTION + _OF_FILE}}}\.\w{{1,10}}"
_AT_END: Final = re.compile(rf"{_MARK}\Z")
_IN_TEXT: Final = re.compile(rf"(?<=\w){_MARK}\b")
_LONGEST_NAME: Final = 150
"""The most characters of a file's own name in the name of its upload."""


def upload_name(question_id: int, attachment_id: int, name: str, ending: str) -> str:
    """Return the name of an upload; ``ending`` tells its type."""
    return f"{name[:_LONGEST_NAME]}{upload_mark(question_id, attachment_id)}.{ending}"


def upload_mark(question_id: int, attachment_id: int) -> str:
    """Return what the name of the upload of a question's attachment contains."""
    return f"{question_mark(question_id)}{_coded(attachment_id, _OF_FILE)}"


def question_mark(question_id: int) -> str:
    """Return what the names of all uploads of a question contain."""
    return f"~{_coded(question_id, _OF_QUESTION)}"


def original_name(name: str) -> str:
    """Return the own name of an uploaded file; another name stays as it is."""
    return _AT_END.sub("", name)


def without_marks(text: str) -> str:
    """Return a model's text with the own names of files in place of their uploads' names."""
    return _IN_TEXT.sub("", text)


def _coded(number: int, characters: int) -> str:
    digest = hashlib.blake2b(str(number).encode(), digest_size=5).digest()
    return base64.b32encode(digest).decode().lower()[:characters]
