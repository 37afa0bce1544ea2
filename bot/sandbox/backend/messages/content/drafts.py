"""Reads the content of a new or edited message from a request and checks Discord's limits.

Fields and limits: https://discord.com/developers/docs/resources/message#create-message.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.sandbox import errors
from bot.sandbox.backend.messages.content.attachments import UploadedFile, read_attachments
from bot.sandbox.backend.messages.content.components import ComponentReader
from bot.sandbox.backend.messages.content.embeds import read_embeds
from bot.sandbox.backend.messages.content.media import REFERENCE, media_places, named_file
from bot.sandbox.backend.messages.mentions import AllowedMentions, read_allowed_mentions
from bot.sandbox.backend.messages.polls import read_poll
from bot.sandbox.backend.state.kinds import NO_FLAGS, MessageFlag
from bot.sandbox.backend.state.model import Channel, DiscordMessage
from bot.sandbox.backend.state.parts import (
    DiscordAttachment,
    DiscordPoll,
    Payload,
    Sticker,
)
from bot.sandbox.backend.world import World
from bot.sandbox.forms import Form

MAX_CONTENT: Final = 2000
MAX_STICKERS: Final = 3
REPLY: Final = 0
FORWARD: Final = 1
CREATE_FLAGS: Final = (
    MessageFlag.SUPPRESS_EMBEDS
    | MessageFlag.SUPPRESS_NOTIFICATIONS
    | MessageFlag.IS_VOICE_MESSAGE
    | MessageFlag.IS_COMPONENTS_V2
    | MessageFlag.EPHEMERAL
)


@dataclass(slots=True)
class Draft:
    """The content of a message to post or to change.

    None leaves a part of an edited message as it is, and a new message without that part.

    ``forward`` is the channel and the id of the message to forward.
    """

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
    forward: tuple[int, int] | None = None
    poll: DiscordPoll | None = None
    stickers: list[Sticker] = field(default_factory=list)

    @property
    def says_something(self) -> bool:
        """Whether the draft makes a message that is not empty."""
        if self.v2:
            return bool(self.components)
        parts = (self.content, self.embeds, self.attachments, self.poll, self.stickers)
        return any((*parts, self.components, self.forward))

    @property
    def only_flags(self) -> bool:
        """Whether an edit by this draft changes only flags."""
        parts = (self.content, self.embeds, self.components, self.attachments)
        return all(part is None for part in parts)

    @property
    def v2(self) -> bool:
        """Whether the draft sets the flag for Components V2."""
        return bool((self.flags or NO_FLAGS) & MessageFlag.IS_COMPONENTS_V2)

    @property
    def voice(self) -> bool:
        """Whether the draft sets the flag for a voice message."""
        return bool((self.flags or NO_FLAGS) & MessageFlag.IS_VOICE_MESSAGE)


def read_draft(
    world: World,
    channel: Channel,
    form: Form,
    uploads: Mapping[int, UploadedFile],
    *,
    edited: DiscordMessage | None = None,
) -> Draft:
    """Return the draft in a request's form.

    ``uploads`` are the files by their number in the request; ``edited`` is the message that an edit
    changes (None for a new one). Errors are noted on the form; the caller calls ``form.finish``.
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
    v2 = draft.v2 or (edited is not None and edited.v2)
    draft.components = ComponentReader(v2=v2).read(form)
    if draft.components is None and "components" in form and edited is not None:
        draft.components = []
    draft.allowed_mentions = read_allowed_mentions(form.form("allowed_mentions"))
    earlier = edited.files if edited is not None else []
    draft.attachments = read_attachments(world, channel, form, uploads, earlier)
    draft.poll = read_poll(form.form("poll"))
    draft.stickers = _read_stickers(channel, form)
    if v2:
        _check_v2(form, draft, edited)
    if draft.voice and edited is None:
        _check_voice(draft)
    return draft


def read_new(
    world: World, channel: Channel, form: Form, uploads: Mapping[int, UploadedFile]
) -> Draft:
    """Return the draft of a new message, with the fields that edits lack; finish the form."""
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
        _read_reference(channel, reference, draft)
    form.finish()
    return draft


def _read_reference(channel: Channel, form: Form, draft: Draft) -> None:
    form.required("message_id")
    kind = form.integer("type", REPLY, one_of={REPLY, FORWARD})
    message_id = form.snowflake("message_id")
    told = form.snowflake("channel_id")
    form.ignore("guild_id")
    if kind == FORWARD:
        form.ignore("fail_if_not_exists")
        form.required("channel_id")
        if told is not None and message_id is not None:
            draft.forward = (told, message_id)
        if any((draft.content, draft.embeds, draft.attachments, draft.stickers, draft.poll)):
            message = "A forwarded message cannot have content of its own"
            form.problem("MESSAGE_FORWARD_WITH_CONTENT", message)
        return
    draft.reply_to = message_id
    draft.reply_must_exist = bool(form.boolean("fail_if_not_exists", True))
    if told is not None and told != channel.id:
        message = "Cannot reply to a message in a different channel"
        form.problem("MESSAGE_REFERENCE_DIFFERENT_CHANNEL", message)


def _read_stickers(channel: Channel, form: Form) -> list[Sticker]:
    ids = form.snowflakes("sticker_ids", most=MAX_STICKERS) or []
    known = channel.guild.stickers if channel.guild is not None else {}
    if any(one not in known for one in ids):
        raise errors.invalid_sticker()
    return [known[one] for one in dict.fromkeys(ids)]


def _check_v2(form: Form, draft: Draft, edited: DiscordMessage | None) -> None:
    """Note errors on the form for fields and files that Components V2 does not allow.

    An edit that sets the flag has to clear the old fields in the same request:
    https://discord.com/developers/docs/components/reference#component-reference.
    """

    def result(new: object, old: object) -> object:
        return old if new is None else new

    legacy = {
        "content": result(draft.content, edited.content if edited else None),
        "embeds": result(draft.embeds, edited.embeds if edited else None),
        "sticker_ids": draft.stickers or (edited is not None and edited.stickers),
        "poll": draft.poll or (edited is not None and edited.poll),
    }
    for name, value in legacy.items():
        if value:
            message = f"The '{name}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
            form.problem("MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", message, name)
    components = draft.components
    if components is None:
        components = edited.components if edited else []
    files = draft.attachments
    if files is None:
        files = edited.files if edited else []
    shown: set[int] = set()
    for place, key in media_places(components):
        found = named_file(place[key], files)
        if found is not None:
            shown.add(found.id)
        elif (place[key].get("url") or "").startswith(REFERENCE):
            message = "The referenced attachment was not found in the request."
            code = "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND"
            form.problem(code, message, "components")
    # Discord documents only that such a file is not shown. The sandbox refuses it: a file that
    # nobody sees is a mistake that a test should notice.
    for file in files:
        if file.id not in shown:
            message = f"Attachment {file.filename!r} is shown by no component."
            form.problem("ATTACHMENT_NOT_SHOWN", message, "attachments")


def _check_voice(draft: Draft) -> None:
    """Check a voice message: one recording with metadata and nothing else.

    Raises Discord's errors 50159 (other content), 50160 (not exactly one audio file) or 50161 (no
    duration or waveform).

    https://discord.com/developers/docs/resources/message#voice-messages
    """
    if any((draft.content, draft.embeds, draft.components, draft.stickers, draft.poll)):
        raise errors.voice_message_with_content()
    files = draft.attachments or []
    if len(files) != 1 or not files[0].content_type.startswith("audio/"):
        raise errors.voice_message_without_audio()
    if files[0].duration is None or not files[0].waveform:
        raise errors.voice_message_without_metadata()
