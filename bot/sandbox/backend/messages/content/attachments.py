"""Reads the files that come with a message: their limits, names, alt text and voice metadata."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from bot.sandbox import errors
from bot.sandbox.backend.messages.content import media
from bot.sandbox.backend.state.model import Channel
from bot.sandbox.backend.state.parts import DiscordAttachment
from bot.sandbox.backend.world import World
from bot.sandbox.forms import Form

MAX_FILES: Final = 10
MAX_ALT_TEXT: Final = 1024
MAX_WAVEFORM: Final = 400
# Bytes by boost level 0 to 3: https://discord.com/developers/docs/reference#file-uploads
FILE_LIMITS: Final = (10 << 20, 10 << 20, 50 << 20, 100 << 20)


@dataclass(slots=True)
class UploadedFile:
    """A file that came with a request."""

    filename: str
    data: bytes
    content_type: str | None


@dataclass(slots=True)
class _Described:
    """What a request says about one file beside its bytes."""

    name: str | None = None
    alt_text: str | None = None
    duration: float | None = None
    waveform: str | None = None


def file_limit(channel: Channel) -> int:
    """Return how many bytes a file may have in the channel."""
    return FILE_LIMITS[0 if channel.guild is None else channel.guild.premium_tier]


def read_attachments(
    world: World,
    channel: Channel,
    form: Form,
    uploads: Mapping[int, UploadedFile],
    earlier: list[DiscordAttachment],
) -> list[DiscordAttachment] | None:
    """Return the files of the message; None where the request does not mention files.

    ``earlier`` are the files of an edited message; the request lists those of them that stay.
    """
    described = form.forms("attachments", most=MAX_FILES)
    if len(uploads) > MAX_FILES:
        form.problem("BASE_TYPE_MAX_LENGTH", f"Must be {MAX_FILES} or fewer in length.", "files")
    kept: list[DiscordAttachment] = []
    by_id = {one.id: one for one in earlier}
    left = dict(uploads)
    for one in described or []:
        one.required("id")
        number = one.snowflake("id")
        about = _Described(
            one.text("filename", most=MAX_ALT_TEXT),
            one.text("description", most=MAX_ALT_TEXT),
            one.number("duration_secs"),
            one.text("waveform", most=MAX_WAVEFORM),
        )
        one.ignore(*one.names)
        if number in by_id:
            # An edit may change the alt text of a file that stays.
            stays = by_id[number]
            if one.given("description"):
                stays = replace(stays, description=about.alt_text)
            kept.append(stays)
        elif number in left:
            kept.append(store(world, channel, left.pop(number), about))
        else:
            one.problem("ATTACHMENT_NOT_FOUND", f"Unknown attachment {number}", "id")
    if described is None and not uploads:
        return None
    if described is None:
        kept = list(earlier)
    kept += [store(world, channel, upload) for upload in left.values()]
    return kept


def store(
    world: World, channel: Channel, upload: UploadedFile, about: _Described | None = None
) -> DiscordAttachment:
    """Return an attachment for the upload.

    Raises Discord's error 40005 (request too large) for a file above the guild's limit.
    """
    about = about or _Described()
    if len(upload.data) > file_limit(channel):
        raise errors.entity_too_large()
    filename = media.clean_filename(about.name or upload.filename)
    attachment = DiscordAttachment(
        world.ids.next(),
        channel.id,
        filename,
        upload.data,
        media.content_type(filename, upload.content_type),
        about.alt_text,
        duration=about.duration,
        waveform=about.waveform,
    )
    size = media.picture_size(upload.data)
    if size is not None:
        attachment.width, attachment.height = size
    return attachment
