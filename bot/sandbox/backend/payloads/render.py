"""Writes users, guilds, channels and their parts as Discord's JSON objects."""

from bot.sandbox.backend.state.kinds import POST_CHANNELS, ChannelType
from bot.sandbox.backend.state.model import Channel, Guild, Member, Overwrite, Role, User
from bot.sandbox.backend.state.parts import Payload, Sticker
from bot.sandbox.clock import isoformat


def user(subject: User) -> Payload:
    """Return a user as others see it."""
    payload: Payload = {
        "id": str(subject.id),
        "username": subject.username,
        # People have unique user names and the discriminator "0"; bots still have four digits.
        "discriminator": "0000" if subject.bot else "0",
        "global_name": subject.global_name,
        "avatar": None,
        "avatar_decoration_data": None,
        "banner": None,
        "accent_color": None,
        "collectibles": None,
        "primary_guild": None,
        "public_flags": 0,
        "flags": 0,
    }
    if subject.bot:
        payload["bot"] = True
    return payload


def own_user(subject: User) -> Payload:
    """Return a user as it sees itself."""
    return {
        **user(subject),
        "mfa_enabled": False,
        "locale": subject.locale,
        "verified": True,
        "email": None,
        "premium_type": 0,
        "bot": subject.bot,
    }


def member(subject: Member, *, with_user: bool = True) -> Payload:
    """Return a guild member."""
    payload: Payload = {
        "roles": [str(role) for role in sorted(subject.roles)],
        "nick": subject.nick,
        "joined_at": isoformat(subject.joined_at),
        "premium_since": None,
        "avatar": None,
        "banner": None,
        "communication_disabled_until": None
        if subject.timed_out_until is None
        else isoformat(subject.timed_out_until),
        "flags": 0,
        "pending": False,
        "mute": False,
        "deaf": False,
    }
    if with_user:
        payload["user"] = user(subject.user)
    return payload


def role(subject: Role) -> Payload:
    """Return a role."""
    payload: Payload = {
        "id": str(subject.id),
        "name": subject.name,
        "permissions": str(int(subject.permissions)),
        "position": subject.position,
        "color": subject.color,
        "colors": {
            "primary_color": subject.color,
            "secondary_color": None,
            "tertiary_color": None,
        },
        "hoist": subject.hoist,
        "managed": subject.bot_id is not None,
        "mentionable": subject.mentionable,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }
    if subject.bot_id is not None:
        payload["tags"] = {"bot_id": str(subject.bot_id)}
    return payload


def overwrite(subject: Overwrite) -> Payload:
    """Return a channel's permission overwrite."""
    return {
        "id": str(subject.id),
        "type": subject.kind,
        "allow": str(int(subject.allow)),
        "deny": str(int(subject.deny)),
    }


def channel(subject: Channel) -> Payload:
    """Return a channel of any kind, including channel threads."""
    payload: Payload = {
        "id": str(subject.id),
        "type": int(subject.type),
        "flags": int(subject.flags),
    }
    if subject.type is not ChannelType.CATEGORY:
        payload["last_message_id"] = _id(subject.last_message_id)
        payload["last_pin_timestamp"] = (
            None if subject.last_pin_at is None else isoformat(subject.last_pin_at)
        )
    if subject.type is ChannelType.GROUP_DM:
        payload.update(name=subject.name or None, icon=None, owner_id=_id(subject.owner_id))
    if subject.guild is None:
        # Discord lists the people of a DM; the bot itself is left out.
        payload["recipients"] = [user(one) for one in subject.recipients if not one.bot]
        return payload
    payload.update(
        guild_id=str(subject.guild.id),
        name=subject.name,
        parent_id=None if subject.parent is None else str(subject.parent.id),
        rate_limit_per_user=subject.slowmode,
    )
    if subject.thread is None:
        payload.update(
            position=subject.position,
            topic=subject.topic,
            nsfw=subject.nsfw,
            permission_overwrites=[overwrite(one) for one in subject.overwrites.values()],
        )
        if subject.type is not ChannelType.CATEGORY:
            payload["default_auto_archive_duration"] = subject.auto_archive_minutes
            payload["default_thread_rate_limit_per_user"] = subject.thread_slowmode
        if subject.type in POST_CHANNELS:
            payload.update(_forum(subject))
        return payload
    # Discord counts the members of a thread up to 50.
    state = subject.thread
    metadata: Payload = {
        "archived": state.archived,
        "archive_timestamp": isoformat(state.archived_at),
        "auto_archive_duration": state.auto_archive_minutes,
        "locked": state.locked,
        "create_timestamp": isoformat(state.created_at),
    }
    if state.private:
        metadata["invitable"] = state.invitable
    if subject.parent is not None and subject.parent.type in POST_CHANNELS:
        payload["applied_tags"] = [str(one) for one in state.applied_tags]
    payload.update(
        owner_id=str(state.owner_id),
        thread_metadata=metadata,
        message_count=state.message_count,
        member_count=min(50, len(state.members)),
        total_message_sent=state.total_sent,
    )
    return payload


def _forum(subject: Channel) -> Payload:
    emoji_name = subject.default_emoji
    return {
        "available_tags": [
            {
                "id": str(tag.id),
                "name": tag.name,
                "moderated": tag.moderated,
                "emoji_id": None,
                "emoji_name": tag.emoji,
            }
            for tag in subject.available_tags
        ],
        "default_reaction_emoji": None
        if emoji_name is None
        else {"emoji_id": None, "emoji_name": emoji_name},
        "default_sort_order": subject.sort_order,
        "default_forum_layout": subject.layout,
    }


def thread_for(subject: Channel, viewer: User) -> Payload:
    """Return a channel thread with the viewer's own membership, where there is one."""
    payload = channel(subject)
    if subject.thread is not None and viewer.id in subject.thread.members:
        payload["member"] = thread_member(subject, viewer.id)
    return payload


def thread_member(subject: Channel, user_id: int) -> Payload:
    """Return a membership of a channel thread."""
    return {
        "id": str(subject.id),
        "user_id": str(user_id),
        "join_timestamp": isoformat(subject.thread_state.members[user_id]),
        "flags": 0,
    }


def guild(subject: Guild) -> Payload:
    """Return a guild without its members and channels."""
    return {
        "id": str(subject.id),
        "name": subject.name,
        "icon": None,
        "description": None,
        "home_header": None,
        "splash": None,
        "discovery_splash": None,
        "features": subject.features,
        "banner": None,
        "owner_id": str(subject.owner_id),
        "application_id": None,
        "region": "deprecated",
        "afk_channel_id": None,
        "afk_timeout": 300,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "widget_enabled": False,
        "widget_channel_id": None,
        "verification_level": 0,
        "roles": [role(one) for one in subject.roles.values()],
        "default_message_notifications": 1,
        "mfa_level": 0,
        "explicit_content_filter": 0,
        "max_presences": None,
        "max_members": 500_000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "vanity_url_code": None,
        "premium_tier": subject.premium_tier,
        "premium_subscription_count": (0, 2, 7, 14)[subject.premium_tier],
        "preferred_locale": subject.locale,
        "rules_channel_id": None,
        "safety_alerts_channel_id": None,
        "public_updates_channel_id": None,
        "premium_progress_bar_enabled": False,
        "nsfw": False,
        "nsfw_level": 0,
        "emojis": [],
        "stickers": [sticker(one) for one in subject.stickers.values()],
        "incidents_data": None,
    }


def sticker(subject: Sticker) -> Payload:
    """Return a sticker of a guild."""
    return {
        "id": str(subject.id),
        "name": subject.name,
        "tags": subject.tags,
        "type": 2,
        "format_type": subject.format,
        "description": subject.description,
        "available": True,
        "guild_id": str(subject.guild_id),
    }


def emoji(emoji_id: int | None, name: str) -> Payload:
    """Return an emoji as reactions name it."""
    return {"id": _id(emoji_id), "name": name}


def _id(value: int | None) -> str | None:
    return None if value is None else str(value)
