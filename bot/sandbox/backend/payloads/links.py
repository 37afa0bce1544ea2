"""Addresses of attachments, signed and valid for a day as those of Discord's CDN are."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from bot.sandbox.backend.state.parts import DiscordAttachment

# Discord signs attachment links and lets them expire after a day, so that a stored link is
# worthless: https://discord.com/developers/docs/reference#signed-attachment-cdn-urls
LINK_LIFETIME: Final = 24 * 3600


def link(attachment: DiscordAttachment, base: str, now: float) -> str:
    """Return a file's address, valid for a day."""
    issued = int(now)
    expires = issued + LINK_LIFETIME
    path = f"attachments/{attachment.channel_id}/{attachment.id}/{quote(attachment.filename)}"
    signature = sign(attachment, expires)
    return f"{base}/{path}?ex={expires:x}&is={issued:x}&hm={signature}&"


def sign(attachment: DiscordAttachment, expires: int) -> str:
    """Return the signature of a link, which makes a link with a changed expiry invalid."""
    return hashlib.sha256(f"{attachment.id}/{expires:x}".encode()).hexdigest()


def relinked(value: Any, files: Mapping[int, DiscordAttachment], base: str, now: float) -> Any:
    """Return a copy of a JSON value in which each link to one of the files is signed anew.

    Discord signs the links in embeds and components again whenever it sends a message. ``files``
    maps the attachment id in an old link to the file that the new link is for, which may be a copy.
    """
    if isinstance(value, dict):
        return {key: relinked(one, files, base, now) for key, one in value.items()}
    if isinstance(value, list):
        return [relinked(one, files, base, now) for one in value]
    if isinstance(value, str) and len(value) <= 20 and value.isdecimal() and int(value) in files:
        return str(files[int(value)].id)  # a medium names its attachment by id, too
    if isinstance(value, str) and base and value.startswith(f"{base}/attachments/"):
        number = value.removeprefix(f"{base}/attachments/").split("/")[1]
        file = files.get(int(number)) if number.isdecimal() else None
        return value if file is None else link(file, base, now)
    return value
