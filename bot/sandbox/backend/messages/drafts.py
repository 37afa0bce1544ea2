"""Reads what a request wants a message to say, and checks it against Discord's limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.sandbox import errors
from bot.sandbox.backend.messages import media
from bot.sandbox.backend.messages.components import ComponentReader
from bot.sandbox.backend.messages.embeds import read_embeds
from bot.sandbox.backend.messages.mentions import AllowedMentions, read_allowed_mentions
from bot.sandbox.backend.state.model import Channel, DiscordAttachment, MessageFlag, Payload
from bot.sandbox.backend.state.world import World
from bot.sandbox.forms import Form

MAX_CONTENT: Final = 2000
MAX_FILES: Final = 10
FILE_LIMITS: Final = (10 << 20, 10 << 20, 50 << 20, 100 << 20)
CREATE_FLAGS: Final = (
    MessageFlag.SUPPRESS_EMBEDS
    | MessageFlag.SUPPRESS_NOTIFICATIONS
    | MessageFlag.IS_COMPONENTS_V2
    | MessageFlag.EPHEMERAL
)


@dataclass(slots=True)
class UploadedFile:
    """A file that came with a request."""

    filename: str
    data: bytes
    content_type: str | None


@dataclass(slots=True)
class Draft:
    """What a message shall say; None: leave as it is (or nothing, for a new message)."""

    content: str | None = None
    embeds: list[Payload] | None = None
    components: list[Payload] | None = None
    attachments: list[DiscordAttachment] | None = None
    flags: MessageFlag | None = None
    allowed_mentions: AllowedMentions = field(default_factory=AllowedMentions)
    tts: bool = False
    nonce: str | int | None = None
    enforce_nonce: bool = False
    reply_to: int | None = None
    reply_must_exist: bool = True

    @property
    def says_something(self) -> bool:
        """Whether a message of it would not be empty."""
        v2 = bool((self.flags or MessageFlag(0)) & MessageFlag.IS_COMPONENTS_V2)
        return bool(self.content or self.embeds or self.attachments or (v2 and self.components))

    @property
    def only_flags(self) -> bool:
        """Whether nothing but flags would change."""
        parts = (self.content, self.embeds, self.components, self.attachments)
        return all(part is None for part in parts)


def file_limit(channel: Channel) -> int:
    """The most bytes a file may have there."""
    return FILE_LIMITS[0 if channel.guild is None else channel.guild.premium_tier]


def read_draft(
    world: World,
    channel: Channel,
    form: Form,
    uploads: Mapping[int, UploadedFile],
    *,
    earlier: list[DiscordAttachment] | None = None,
    edited: MessageFlag | None = None,
) -> Draft:
    """The message in a request's form.

    ``uploads`` are the files by their number; ``earlier`` those an edited message has; ``edited``
    its flags (None for a new message). Errors are noted on the form; the caller finishes it.
    """
    draft = Draft(tts=bool(form.boolean("tts", False)))
    text = form.text("content", most=MAX_CONTENT)
    if text is not None:
        draft.content = text.strip()
    elif "content" in form and edited is not None:
        draft.content = ""
    draft.embeds = read_embeds(form)
    if draft.embeds is None and "embeds" in form and edited is not None:
        draft.embeds = []
    flags = form.integer("flags")
    if flags is not None:
        draft.flags = MessageFlag(flags) & CREATE_FLAGS
    v2 = bool((draft.flags or edited or MessageFlag(0)) & MessageFlag.IS_COMPONENTS_V2)
    draft.components = ComponentReader(v2=v2).read(form)
    if draft.components is None and "components" in form and edited is not None:
        draft.components = []
    if v2 and (draft.content or draft.embeds):
        message = "The 'content' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
        form.problem("MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", message, "content")
    allowed = form.form("allowed_mentions")
    draft.allowed_mentions = read_allowed_mentions(allowed)
    if form.raw("sticker_ids"):
        raise errors.Unsupported(f"{form.where}: stickers are not in the sandbox")
    draft.attachments = _read_attachments(world, channel, form, uploads, earlier)
    return draft


def read_new(
    world: World, channel: Channel, form: Form, uploads: Mapping[int, UploadedFile]
) -> Draft:
    """A draft of a new message, with the fields only a new one has; finishes the form."""
    draft = read_draft(world, channel, form, uploads)
    nonce = form.raw("nonce")
    if isinstance(nonce, str) and len(nonce) > 25:
        form.problem("BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.", "nonce")
    if nonce is not None and (isinstance(nonce, bool) or not isinstance(nonce, str | int)):
        form.problem("STRING_TYPE_CONVERT", f'Could not interpret "{nonce}" as string.', "nonce")
    if isinstance(nonce, int) and not -(1 << 63) <= nonce < 1 << 63:
        form.problem("NUMBER_TYPE_MAX", f"int value should be less than {1 << 63}.", "nonce")
    draft.nonce = nonce
    draft.enforce_nonce = bool(form.boolean("enforce_nonce", False))
    reference = form.form("message_reference")
    if reference is not None:
        reference.required("message_id")
        kind = reference.integer("type", 0)
        if kind != 0:
            raise errors.Unsupported(f"{form.where}: forwarding a message is not in the sandbox")
        draft.reply_to = reference.snowflake("message_id")
        draft.reply_must_exist = bool(reference.boolean("fail_if_not_exists", True))
        told = reference.snowflake("channel_id")
        reference.ignore("guild_id")
        if told is not None and told != channel.id:
            message = "Cannot reply to a message in a different channel"
            reference.problem("MESSAGE_REFERENCE_DIFFERENT_CHANNEL", message)
    form.finish()
    return draft


def _read_attachments(
    world: World,
    channel: Channel,
    form: Form,
    uploads: Mapping[int, UploadedFile],
    earlier: list[DiscordAttachment] | None,
) -> list[DiscordAttachment] | None:
    described = form.forms("attachments", most=MAX_FILES)
    if len(uploads) > MAX_FILES:
        form.problem("BASE_TYPE_MAX_LENGTH", f"Must be {MAX_FILES} or fewer in length.", "files")
    kept: list[DiscordAttachment] = []
    by_id = {one.id: one for one in earlier or []}
    left = dict(uploads)
    for one in described or []:
        one.required("id")
        number = one.snowflake("id")
        name = one.text("filename", most=260)
        description = one.text("description", most=1024)
        one.ignore(*one.names)
        if number in by_id:
            kept.append(by_id[number])
        elif number in left:
            kept.append(_store(world, channel, left.pop(number), name, description))
        else:
            message = f"Unknown attachment {number}"
            one.problem("ATTACHMENT_NOT_FOUND", message, "id")
    if described is None and not uploads:
        return None
    if described is None:
        kept = list(earlier or [])
    kept += [_store(world, channel, upload, None, None) for upload in left.values()]
    return kept


def _store(
    world: World, channel: Channel, upload: UploadedFile, name: str | None, description: str | None
) -> DiscordAttachment:
    if len(upload.data) > file_limit(channel):
        raise errors.entity_too_large()
    filename = media.clean_filename(name or upload.filename)
    attachment = DiscordAttachment(
        world.ids.next(),
        channel.id,
        filename,
        upload.data,
        media.content_type(filename, upload.content_type),
        description,
    )
    size = media.picture_size(upload.data)
    if size is not None:
        attachment.width, attachment.height = size
    return attachment
