"""Writes messages as Discord's JSON objects, with or without privileged content."""

from bot.sandbox.backend.payloads.links import link, relinked
from bot.sandbox.backend.payloads.render import channel, emoji, member, user
from bot.sandbox.backend.state.kinds import MessageFlag
from bot.sandbox.backend.state.model import DiscordMessage, Snapshot, User
from bot.sandbox.backend.state.parts import (
    DiscordAttachment,
    DiscordPoll,
    Payload,
    Reaction,
    Sticker,
)
from bot.sandbox.clock import isoformat


def attachment(subject: DiscordAttachment, base: str, now: float) -> Payload:
    """Return an attachment's JSON object; its link expires after a day."""
    url = link(subject, base, now)
    payload: Payload = {
        "id": str(subject.id),
        "filename": subject.filename,
        "size": len(subject.data),
        "url": url,
        "proxy_url": url,
        "content_type": subject.content_type,
        "flags": 0,
    }
    if subject.width is not None and subject.height is not None:
        payload.update(width=subject.width, height=subject.height)
    if subject.description:
        payload["description"] = subject.description
    if subject.ephemeral:
        payload["ephemeral"] = True
    if subject.duration is not None and subject.waveform is not None:
        payload.update(duration_secs=subject.duration, waveform=subject.waveform)
    return payload


class MessageWriter:
    """Writes messages; ``base`` is the address that serves their files."""

    def __init__(self, base: str, bot: User) -> None:
        self.base = base
        self._bot = bot

    def full(self, subject: DiscordMessage, viewer: User | None, now: float) -> Payload:
        """Return a message with all its content, as ``viewer`` sees its reactions and votes."""
        return self._write(subject, viewer, now, private=True)

    def for_bot(self, subject: DiscordMessage, now: float, *, content: bool) -> Payload:
        """Return a message as the bot gets it; ``content`` false removes privileged content."""
        return self._write(subject, self._bot, now, private=content)

    def readable(self, subject: DiscordMessage) -> bool:
        """Return whether the bot reads the content even without the message content intent.

        https://discord.com/developers/docs/events/gateway#message-content-intent
        """
        return (
            subject.channel.guild is None
            or subject.author is self._bot
            or self._bot in subject.mentions
            or subject.for_user is not None
        )

    def _write(
        self,
        subject: DiscordMessage,
        viewer: User | None,
        now: float,
        *,
        private: bool,
        deep: bool = True,
    ) -> Payload:
        shown = private or self.readable(subject)
        payload: Payload = {
            "id": str(subject.id),
            "channel_id": str(subject.channel.id),
            "author": user(subject.author),
            "tts": subject.tts,
            "mention_everyone": subject.mention_everyone,
            "pinned": subject.pinned_at is not None,
            **self._content(subject, shown_embeds(subject), now, shown=shown),
        }
        if subject.poll is not None and shown:
            payload["poll"] = poll(subject.poll, viewer)
        if subject.snapshots:
            payload["message_snapshots"] = [
                # Discord sends neither the author nor the id of a forwarded message.
                {"message": self._content(one, one.embeds, now, shown=shown)}
                for one in subject.snapshots
            ]
        if subject.reactions:
            payload["reactions"] = [_reaction(one, viewer) for one in subject.reactions]
        if subject.nonce is not None:
            payload["nonce"] = subject.nonce
        if subject.position is not None:
            payload["position"] = subject.position
        if subject.webhook_id is not None:
            payload["webhook_id"] = str(subject.webhook_id)
        if subject.application_id is not None:
            payload["application_id"] = str(subject.application_id)
        if subject.interaction_metadata is not None:
            payload["interaction_metadata"] = subject.interaction_metadata
        if subject.legacy_interaction is not None:
            payload["interaction"] = subject.legacy_interaction
        # A message inside another one shows neither its thread nor its own reference.
        if subject.thread is not None and deep:
            payload["thread"] = channel(subject.thread)
        if subject.reference is not None:
            payload["message_reference"] = {
                "type": int(subject.reference.forward),
                "channel_id": str(subject.reference.channel_id),
                **_optional_id("message_id", subject.reference.message_id),
                **_optional_id("guild_id", subject.reference.guild_id),
            }
            if deep and subject.type in (19, 21):
                earlier = subject.referenced
                # Null means deleted; the field is absent where there is no reference to resolve.
                payload["referenced_message"] = (
                    None
                    if earlier is None or earlier.deleted
                    else self._write(earlier, viewer, now, private=private, deep=False)
                )
        return payload

    def _fresh(
        self, parts: list[Payload], subject: DiscordMessage | Snapshot, now: float
    ) -> list[Payload]:
        """Return embeds or components with new links to the files that they show."""
        if not subject.shown or not parts:
            return parts
        files = {file.id: file for file in subject.files}
        found: list[Payload] = relinked(parts, files, self.base, now)
        return found

    def _content(
        self,
        subject: DiscordMessage | Snapshot,
        embeds: list[Payload],
        now: float,
        *,
        shown: bool,
    ) -> Payload:
        """Return the fields that a message and a snapshot share; ``shown`` includes the content."""
        payload: Payload = {
            "type": int(subject.type),
            "content": subject.content if shown else "",
            "timestamp": isoformat(subject.created_at),
            "edited_timestamp": None if subject.edited_at is None else isoformat(subject.edited_at),
            "flags": int(subject.flags),
            "mentions": [user(one) for one in subject.mentions],
            "mention_roles": [str(one) for one in subject.mention_roles],
            "attachments": [
                attachment(one, self.base, now) for one in (subject.attachments if shown else [])
            ],
            "embeds": self._fresh(embeds, subject, now) if shown else [],
            "components": self._fresh(subject.components, subject, now) if shown else [],
        }
        if subject.stickers:
            payload["sticker_items"] = [sticker_item(one) for one in subject.stickers]
        return payload

    def for_gateway(self, subject: DiscordMessage, payload: Payload) -> Payload:
        """Return the payload with the fields that only gateway events have, such as ``member``."""
        guild_ = subject.channel.guild
        payload = {**payload, "channel_type": int(subject.channel.type)}
        # Gateway events of messages carry no reactions; those have events of their own.
        payload.pop("reactions", None)
        # Discord sends an ephemeral message without its guild.
        if guild_ is None or subject.for_user is not None:
            return payload
        payload["guild_id"] = str(guild_.id)
        if subject.author.id in guild_.members:
            payload["member"] = member(guild_.members[subject.author.id], with_user=False)
        payload["mentions"] = [
            {**user(one), "member": member(guild_.members[one.id], with_user=False)}
            if one.id in guild_.members
            else user(one)
            for one in subject.mentions
        ]
        return payload


def _reaction(subject: Reaction, viewer: User | None) -> Payload:
    return {
        "emoji": emoji(subject.emoji_id, subject.emoji_name),
        "count": len(subject.users),
        "count_details": {"burst": 0, "normal": len(subject.users)},
        "burst_colors": [],
        "me_burst": False,
        "me": viewer is not None and viewer.id in subject.users,
    }


def _optional_id(key: str, value: int | None) -> Payload:
    return {} if value is None else {key: str(value)}


def shown_embeds(subject: DiscordMessage) -> list[Payload]:
    """Return a message's embeds and link previews; none where they are suppressed."""
    if subject.flags & MessageFlag.SUPPRESS_EMBEDS:
        return []
    return [*subject.embeds, *subject.previews]


def sticker_item(subject: Sticker) -> Payload:
    """Return a sticker as it stands in a message."""
    return {"id": str(subject.id), "name": subject.name, "format_type": subject.format}


def poll(subject: DiscordPoll, viewer: User | None) -> Payload:
    """Return a poll with its votes; ``viewer`` decides ``me_voted``."""

    def media(text: str, emoji_name: str | None = None) -> Payload:
        return {"text": text, **({"emoji": emoji(None, emoji_name)} if emoji_name else {})}

    return {
        "question": media(subject.question),
        "answers": [
            {"answer_id": one.id, "poll_media": media(one.text, one.emoji)}
            for one in subject.answers
        ],
        "expiry": isoformat(subject.ends_at),
        "allow_multiselect": subject.multiselect,
        "layout_type": 1,
        "results": {
            "is_finalized": subject.final,
            "answer_counts": [
                {
                    "id": one.id,
                    "count": len(one.voters),
                    "me_voted": viewer is not None and viewer.id in one.voters,
                }
                for one in subject.answers
            ],
        },
    }
