"""Files as Discord knows them: name, media type, picture size, and where a message shows them."""

import mimetypes
import re
import struct
from collections.abc import Iterator
from typing import Final

from bot.sandbox.backend.messages.content.component_kinds import FILE, walk
from bot.sandbox.backend.payloads.links import link
from bot.sandbox.backend.state.model import DiscordMessage
from bot.sandbox.backend.state.parts import DiscordAttachment, Payload

REFERENCE: Final = "attachment://"
_NOT_KEPT: Final = re.compile(r"[^\w.\-]+")


def clean_filename(name: str) -> str:
    """Return a file name as Discord stores it: underscores for spaces, no odd characters."""
    return _NOT_KEPT.sub("", name.strip().replace(" ", "_"))[-100:] or "unknown"


def content_type(filename: str, told: str | None) -> str:
    """Return the media type of a file by its name, or else as the sender declares."""
    guessed, _ = mimetypes.guess_type(filename)
    kind = guessed or told or "application/octet-stream"
    text = kind.startswith("text/") or kind == "application/json"
    return f"{kind}; charset=utf-8" if text else kind


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels of a PNG, GIF, JPEG or WebP; None for other files."""
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
    """Replace ``attachment://name`` in embeds and components by links to the message's files.

    Sets ``message.shown`` to the files that an embed or component shows.
    """
    message.shown = set()
    for embed in message.embeds:
        for key in ("image", "thumbnail"):
            found = named_file(embed.get(key), message.files)
            if found is not None:
                url = link(found, base, now)
                embed[key] = {"url": url, "proxy_url": url, **_size(found)}
                message.shown.add(found.id)
    for place, key in media_places(message.components):
        found = named_file(place[key], message.files)
        if found is not None:
            message.shown.add(found.id)
        _resolve_media(message, place, key, found, link(found, base, now) if found else "")


def media_places(components: list[Payload]) -> Iterator[tuple[Payload, str]]:
    """Yield each object in a tree of components that shows a file, and the file's key in it."""
    for component in walk(components):
        for place in (component, *component.get("items", [])):
            for key in ("media", "file"):
                if key in place:
                    yield place, key


def named_file(media: Payload | None, files: list[DiscordAttachment]) -> DiscordAttachment | None:
    """Return which of ``files`` a media object names; None for none of them.

    Its ``url`` is ``attachment://name``, or an earlier link to the file.
    """
    url = "" if media is None else media.get("url") or ""
    if url.startswith(REFERENCE):
        return next((one for one in files if one.filename == url.removeprefix(REFERENCE)), None)
    # An edit often sends back what the message said before, where the name has become a link.
    return next((one for one in files if f"/{one.channel_id}/{one.id}/" in url), None)


def _resolve_media(
    message: DiscordMessage, place: Payload, key: str, found: DiscordAttachment | None, url: str
) -> None:
    if found is None:
        url = place[key]["url"]
        place[key] = {"id": str(message.id), "url": url, "proxy_url": url}
        return
    place[key] = {
        "id": str(found.id),
        "url": url,
        "proxy_url": url,
        "content_type": found.content_type,
        "attachment_id": str(found.id),
        **_size(found),
    }
    # A file's own alt text stands where the component gives none.
    if key == "media" and found.description and not place.get("description"):
        place["description"] = found.description
    if place.get("type") == FILE:
        place.update(name=found.filename, size=len(found.data))


def _size(attachment: DiscordAttachment) -> Payload:
    if attachment.width is None:
        return {}
    return {"width": attachment.width, "height": attachment.height}
