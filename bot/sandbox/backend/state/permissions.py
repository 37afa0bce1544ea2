"""Computes a user's permissions in a channel from roles and overwrites.

The order of the steps is that of
https://discord.com/developers/docs/topics/permissions#permission-overwrites.
"""

from bot.sandbox.backend.state.model import Channel, Guild, User
from bot.sandbox.backend.state.permission_bits import ALL, IN_A_DM, TIMED_OUT, Permission
from bot.sandbox.errors import missing_access, missing_permissions


def in_guild(guild: Guild, user: User, *, now: float = 0.0) -> Permission:
    """Return the permissions that the user's roles give; none for a non-member."""
    member = guild.members.get(user.id)
    if member is None:
        return Permission(0)
    # The owner and administrators pass every check, also those of overwrites.
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


def in_channel(channel: Channel, user: User, *, now: float = 0.0) -> Permission:
    """Return the user's permissions in the channel; none where they do not see it."""
    if channel.guild is None:
        recipients = {recipient.id for recipient in channel.recipients}
        return IN_A_DM if user.id in recipients else Permission(0)
    member = channel.guild.members.get(user.id)
    allowed = in_guild(channel.guild, user, now=now)
    if member is None or allowed == ALL:
        return allowed
    # A thread has no overwrites of its own.
    place = channel.parent if channel.thread is not None and channel.parent else channel
    overwrites = place.overwrites
    # Overwrites apply in this order: @everyone, all roles together, the member.
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
    # Without View Channel, Discord denies all other permissions too.
    if not allowed & Permission.VIEW_CHANNEL or not _sees_thread(channel, user, allowed):
        return Permission(0)
    return allowed


def _sees_thread(channel: Channel, user: User, allowed: Permission) -> bool:
    """Return whether the user sees the thread: a private one is for members and moderators."""
    if channel.thread is None or not channel.thread.private:
        return True
    return user.id in channel.thread.members or bool(allowed & Permission.MANAGE_THREADS)


def require(channel: Channel, user: User, needed: Permission, *, now: float = 0.0) -> Permission:
    """Return the user's permissions in the channel.

    Raises Discord's error 50001 (missing access) where the user does not see the channel, 50013
    (missing permissions) without a needed permission.
    """
    allowed = in_channel(channel, user, now=now)
    if not allowed & Permission.VIEW_CHANNEL:
        raise missing_access()
    if needed & ~allowed:
        raise missing_permissions()
    return allowed
