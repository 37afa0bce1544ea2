"""Names of uploads, with a mark for the question and the attachment, to find an upload again.

The mark stands behind the name of the file: ``report.pdf~k3f9x2abqrst5.txt``. Questions share no
uploads, so an upload can be deleted with its question.
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
"""The most characters of the original name in the name of an upload."""


def upload_name(question_id: int, attachment_id: int, name: str, ending: str) -> str:
    """Return the name of an upload; ``ending`` is its extension, such as ``txt``."""
    return f"{name[:_LONGEST_NAME]}{upload_mark(question_id, attachment_id)}.{ending}"


def upload_mark(question_id: int, attachment_id: int) -> str:
    """Return the mark in the name of an attachment's upload."""
    return f"{question_mark(question_id)}{_coded(attachment_id, _OF_FILE)}"


def question_mark(question_id: int) -> str:
    """Return the beginning of the mark, which all uploads of a question share."""
    return f"~{_coded(question_id, _OF_QUESTION)}"


def original_name(name: str) -> str:
    """Return the original name of an uploaded file; a name without a mark is returned unchanged."""
    return _AT_END.sub("", name)


def without_marks(text: str) -> str:
    """Return a model's text with original file names in place of the names of uploads."""
    return _IN_TEXT.sub("", text)


def _coded(number: int, characters: int) -> str:
    digest = hashlib.blake2b(str(number).encode(), digest_size=5).digest()
    return base64.b32encode(digest).decode().lower()[:characters]
