"""Writes messages as Discord's JSON objects: whole, or without what the bot may not read."""

from bot.sandbox.backend.messages.media import link
from bot.sandbox.backend.messages.render import channel, emoji, member, user
from bot.sandbox.backend.state.model import (
    DiscordAttachment,
    DiscordMessage,
    Payload,
    Reaction,
    User,
)
from bot.sandbox.clock import isoformat


def attachment(subject: DiscordAttachment, base: str, now: float) -> Payload:
    """A file, with a link that expires as Discord's do."""
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
    return payload


class MessageWriter:
    """Writes messages; ``base`` is the address under which files are served."""

    def __init__(self, base: str, bot: User) -> None:
        self.base = base
        self._bot = bot

    def full(self, subject: DiscordMessage, viewer: User | None, now: float) -> Payload:
        """A message with all its content."""
        return self._write(subject, viewer, now, private=True)

    def for_bot(self, subject: DiscordMessage, now: float, *, content: bool) -> Payload:
        """A message as the bot gets it; ``content``: with its privileged content."""
        return self._write(subject, self._bot, now, private=content)

    def _readable(self, subject: DiscordMessage) -> bool:
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
        shown = private or self._readable(subject)
        payload: Payload = {
            "id": str(subject.id),
            "channel_id": str(subject.channel.id),
            "type": int(subject.type),
            "content": subject.content if shown else "",
            "author": user(subject.author),
            "timestamp": isoformat(subject.created_at),
            "edited_timestamp": None if subject.edited_at is None else isoformat(subject.edited_at),
            "tts": subject.tts,
            "mention_everyone": subject.mention_everyone,
            "mentions": [user(one) for one in subject.mentions],
            "mention_roles": [str(one) for one in subject.mention_roles],
            "attachments": [
                attachment(one, self.base, now) for one in (subject.attachments if shown else [])
            ],
            "embeds": subject.embeds if shown else [],
            "components": subject.components if shown else [],
            "pinned": subject.pinned_at is not None,
            "flags": int(subject.flags),
        }
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
        if subject.thread is not None and deep:
            payload["thread"] = channel(subject.thread)
        if subject.reference is not None:
            payload["message_reference"] = {
                "type": 0,
                "channel_id": str(subject.reference.channel_id),
                **_optional_id("message_id", subject.reference.message_id),
                **_optional_id("guild_id", subject.reference.guild_id),
            }
            if deep and subject.type in (19, 21):
                earlier = subject.referenced
                payload["referenced_message"] = (
                    None
                    if earlier is None or earlier.deleted
                    else self._write(earlier, viewer, now, private=private, deep=False)
                )
        return payload

    def for_gateway(self, subject: DiscordMessage, payload: Payload) -> Payload:
        """The same message with what only gateway events carry: guild, member, channel type."""
        guild_ = subject.channel.guild
        payload = {**payload, "channel_type": int(subject.channel.type)}
        payload.pop("reactions", None)
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
