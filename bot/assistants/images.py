"""Recognizes images by their first bytes: file names and media types are often wrong."""

import re
from typing import Final, Literal

ImageKind = Literal["png", "jpeg", "gif", "webp"]

_BEGINNINGS: Final[tuple[tuple[ImageKind, re.Pattern[bytes]], ...]] = (
    ("png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("jpeg", re.compile(rb"\xff\xd8\xff")),
    ("gif", re.compile(rb"GIF8[79]a")),
    ("webp", re.compile(rb"RIFF....WEBP", re.DOTALL)),
)


def image_kind(data: bytes) -> ImageKind | None:
    """Return the media subtype of an image that models accept; None for anything else."""
    return next((kind for kind, beginning in _BEGINNINGS if beginning.match(data)), None)
