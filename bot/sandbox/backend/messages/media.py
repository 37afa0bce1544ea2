"""Knows files as far as Discord does: name, type, picture size, links that expire in a day."""

import hashlib
import mimetypes
import re
import struct
from typing import Final
from urllib.parse import quote

from bot.sandbox.backend.messages.components import FILE, walk
from bot.sandbox.backend.state.model import DiscordAttachment, DiscordMessage, Payload

LINK_LIFETIME: Final = 24 * 3600
_NOT_KEPT: Final = re.compile(r"[^\w.\-]+")


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


def resolve(message: DiscordMessage, base: str, now: float) -> None:
    """Put links to the message's files where its embeds and components say ``attachment://name``.

    A file that an embed shows is not listed beside it.
    """
    by_name = {one.filename: one for one in message.attachments}
    shown: set[int] = set()
    for embed in message.embeds:
        for key in ("image", "thumbnail"):
            found = _named(embed.get(key), by_name)
            if found is not None:
                url = link(found, base, now)
                embed[key] = {"url": url, "proxy_url": url, **_size(found)}
                shown.add(found.id)
    for component in walk(message.components):
        places = [component, *component.get("items", [])]
        for place in places:
            for key in ("media", "file"):
                if key in place:
                    _resolve_media(message, place, key, by_name, base, now)
    message.attachments = [one for one in message.attachments if one.id not in shown]


def _resolve_media(
    message: DiscordMessage,
    place: Payload,
    key: str,
    by_name: dict[str, DiscordAttachment],
    base: str,
    now: float,
) -> None:
    found = _named(place[key], by_name)
    if found is None:
        url = place[key]["url"]
        place[key] = {"id": str(message.id), "url": url, "proxy_url": url}
        return
    url = link(found, base, now)
    place[key] = {
        "id": str(found.id),
        "url": url,
        "proxy_url": url,
        "content_type": found.content_type,
        "attachment_id": str(found.id),
        **_size(found),
    }
    if place.get("type") == FILE:
        place.update(name=found.filename, size=len(found.data))


def _named(
    media: Payload | None, by_name: dict[str, DiscordAttachment]
) -> DiscordAttachment | None:
    url = "" if media is None else media.get("url") or ""
    return by_name.get(url.removeprefix("attachment://")) if "attachment://" in url else None


def _size(attachment: DiscordAttachment) -> Payload:
    if attachment.width is None:
        return {}
    return {"width": attachment.width, "height": attachment.height}


def link(attachment: DiscordAttachment, base: str, now: float) -> str:
    """A file's address, valid for a day."""
    issued = int(now)
    expires = issued + LINK_LIFETIME
    path = f"attachments/{attachment.channel_id}/{attachment.id}/{quote(attachment.filename)}"
    signature = sign(attachment, expires)
    return f"{base}/{path}?ex={expires:x}&is={issued:x}&hm={signature}&"


def sign(attachment: DiscordAttachment, expires: int) -> str:
    """The signature of a link; it keeps a changed expiry from being believed."""
    return hashlib.sha256(f"{attachment.id}/{expires:x}".encode()).hexdigest()
