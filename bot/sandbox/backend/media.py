"""Knows files as far as Discord does: name, type, picture size, links that expire in a day."""

import hashlib
import mimetypes
import re
import struct
from urllib.parse import quote

from bot.sandbox.backend.model import Attachment

LINK_LIFETIME = 24 * 3600
_NOT_KEPT = re.compile(r"[^\w.\-]+")


def clean_filename(name: str) -> str:
    """A file name as Discord keeps it: spaces become underscores, odd characters go."""
    return _NOT_KEPT.sub("", name.strip().replace(" ", "_"))[-100:] or "unknown"


def content_type(filename: str, told: str | None) -> str:
    """The media type of a file, from its name, else from what the sender said."""
    guessed, _ = mimetypes.guess_type(filename)
    kind = guessed or told or "application/octet-stream"
    text = kind.startswith("text/") or kind == "application/json"
    return f"{kind}; charset=utf-8" if text else kind


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels of a PNG, GIF, JPEG or WebP, else None."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    if data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= 10:
        width, height = struct.unpack("<HH", data[6:10])
        return width, height
    if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8X" and len(data) >= 30:
        width = 1 + int.from_bytes(data[24:27], "little")
        return width, 1 + int.from_bytes(data[27:30], "little")
    if data[:2] == b"\xff\xd8":
        return _jpeg_size(data)
    return None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def link(attachment: Attachment, base: str, now: float) -> str:
    """A file's address, valid for a day."""
    issued = int(now)
    expires = issued + LINK_LIFETIME
    path = f"attachments/{attachment.channel_id}/{attachment.id}/{quote(attachment.filename)}"
    signature = sign(attachment, expires)
    return f"{base}/{path}?ex={expires:x}&is={issued:x}&hm={signature}&"


def sign(attachment: Attachment, expires: int) -> str:
    """The signature of a link; it keeps a changed expiry from being believed."""
    return hashlib.sha256(f"{attachment.id}/{expires:x}".encode()).hexdigest()
