"""Computes what a user may do in a channel, from roles and overwrites, as Discord documents it."""

from enum import IntFlag
from typing import TYPE_CHECKING, Final

from bot.sandbox.errors import missing_access, missing_permissions

if TYPE_CHECKING:
    from bot.sandbox.backend.state.model import Channel, Guild, User


class Permission(IntFlag):
    """Discord's permission bits, those that the sandbox checks or hands out."""

    CREATE_INSTANT_INVITE = 1 << 0
    KICK_MEMBERS = 1 << 1
    BAN_MEMBERS = 1 << 2
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    SEND_TTS_MESSAGES = 1 << 12
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    CHANGE_NICKNAME = 1 << 26
    MANAGE_ROLES = 1 << 28
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    SEND_MESSAGES_IN_THREADS = 1 << 38
    MODERATE_MEMBERS = 1 << 40
    PIN_MESSAGES = 1 << 51


ALL: Final = Permission((1 << 53) - 1)

EVERYONE: Final = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.CREATE_PRIVATE_THREADS
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.ADD_REACTIONS
    | Permission.READ_MESSAGE_HISTORY
    | Permission.USE_EXTERNAL_EMOJIS
    | Permission.USE_APPLICATION_COMMANDS
    | Permission.CHANGE_NICKNAME
    | Permission.CREATE_INSTANT_INVITE
)

IN_A_DM: Final = (
    EVERYONE & ~(Permission.CREATE_PUBLIC_THREADS | Permission.CREATE_PRIVATE_THREADS)
    | Permission.PIN_MESSAGES
)

TIMED_OUT: Final = Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY


def in_guild(guild: "Guild", user: "User", *, now: float = 0.0) -> Permission:
    """What the user's roles alone allow; nothing for a stranger."""
    member = guild.members.get(user.id)
    if member is None:
        return Permission(0)
    if guild.owner_id == user.id:
        return ALL
    allowed = Permission(guild.roles[guild.id].permissions)
    for role_id in member.roles:
        allowed |= guild.roles[role_id].permissions
    if allowed & Permission.ADMINISTRATOR:
        return ALL
    if member.timed_out_until is not None and member.timed_out_until > now:
        allowed &= TIMED_OUT
    return allowed


def in_channel(channel: "Channel", user: "User", *, now: float = 0.0) -> Permission:
    """What the user may do in the channel; nothing where it cannot be seen."""
    if channel.guild is None:
        recipients = {recipient.id for recipient in channel.recipients}
        return IN_A_DM if user.id in recipients else Permission(0)
    member = channel.guild.members.get(user.id)
    allowed = in_guild(channel.guild, user, now=now)
    if member is None or allowed == ALL:
        return allowed
    place = channel.parent if channel.thread is not None and channel.parent else channel
    overwrites = place.overwrites
    if (everyone := overwrites.get(channel.guild.id)) is not None:
        allowed = allowed & ~everyone.deny | everyone.allow
    allow = deny = Permission(0)
    for role_id in member.roles:
        if (role := overwrites.get(role_id)) is not None:
            allow |= role.allow
            deny |= role.deny
    allowed = allowed & ~deny | allow
    if (own := overwrites.get(user.id)) is not None:
        allowed = allowed & ~own.deny | own.allow
    if member.timed_out_until is not None and member.timed_out_until > now:
        allowed &= TIMED_OUT
    if not allowed & Permission.VIEW_CHANNEL or not _sees_thread(channel, user, allowed):
        return Permission(0)
    return allowed


def _sees_thread(channel: "Channel", user: "User", allowed: Permission) -> bool:
    """A private thread is seen by who is in it and by who manages threads."""
    if channel.thread is None or not channel.thread.private:
        return True
    return user.id in channel.thread.members or bool(allowed & Permission.MANAGE_THREADS)


def require(
    channel: "Channel", user: "User", needed: Permission, *, now: float = 0.0
) -> Permission:
    """Return the user's permissions; raise 50001 if unseen, 50013 without ``needed``."""
    allowed = in_channel(channel, user, now=now)
    if not allowed & Permission.VIEW_CHANNEL:
        raise missing_access()
    if needed & ~allowed:
        raise missing_permissions()
    return allowed
