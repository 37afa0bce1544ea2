"""Who may cancel, retry and see a turn: its askers, and members who may manage messages there."""

import logging
from typing import Final

import discord

from bot.chat.reply.buttons import RunFilter
from bot.store.ledger import Personal, Scope, Turn

_log: Final = logging.getLogger(__name__)


def may_act_on(turn: Turn, interaction: discord.Interaction) -> bool:
    """Return whether this member may cancel or retry a turn."""
    if turn.asked_by(interaction.user.id):
        return True
    if turn.personal is not None and (turn.personal.ephemeral or turn.personal.external):
        return False
    if turn.place_id == interaction.channel_id:
        return interaction.permissions.manage_messages
    permissions = _permissions(turn.parent_id, turn.guild_id, interaction)
    return permissions is not None and permissions.manage_messages


def may_see(turn: Turn, interaction: discord.Interaction, *, private: bool) -> bool:
    """Return whether this member may see a turn: in this channel, or in one that they can read.

    ``private`` tells that the turn's channel is hidden from the readers of its parent. In direct
    messages a member sees their own turns. A question by command is shown to its asker, and to
    moderators of the channel unless the answer is ephemeral.
    """
    if turn.personal is not None:
        return _may_see_personal(turn, turn.personal, interaction)
    if turn.guild_id is None:
        return turn.channel_id == interaction.channel_id or turn.asked_by(interaction.user.id)
    if turn.channel_id == interaction.channel_id:
        return _may_read(interaction.permissions)
    permissions = _permissions(turn.parent_id, turn.guild_id, interaction)
    if permissions is None or not _may_read(permissions):
        return False
    return permissions.manage_threads or not private


def _may_see_personal(turn: Turn, personal: Personal, interaction: discord.Interaction) -> bool:
    is_own = personal.owner_id == interaction.user.id
    if is_own and personal.place_id == interaction.channel_id:
        return interaction.guild_id is None or _may_read(interaction.permissions)
    permissions = _permissions(turn.parent_id, turn.guild_id, interaction)
    if permissions is None or not _may_read(permissions):
        return False
    return is_own or (permissions.manage_threads and not personal.ephemeral)


def scope_of(interaction: discord.Interaction, chosen: RunFilter | None = None) -> Scope:
    """Return the ledger's scope of the turns that a member may see here, as ``chosen`` filters."""
    chosen = chosen or RunFilter()
    guild, member = interaction.guild, interaction.user
    readable: list[int] = []
    moderated: list[int] = []
    if guild is not None and isinstance(member, discord.Member):
        for channel in guild.channels:
            permissions = _permissions_in(channel, member)
            if permissions is not None and _may_read(permissions):
                readable.append(channel.id)
                if permissions.manage_threads:
                    moderated.append(channel.id)
    is_readable = interaction.guild_id is None or _may_read(interaction.permissions)
    return Scope(
        channel_id=(interaction.channel_id or 0) if is_readable else 0,
        viewer_id=member.id,
        guild_id=interaction.guild_id,
        readable=tuple(readable),
        moderated=tuple(moderated),
        state=chosen.state,
        asker_id=chosen.member_id,
        in_channel_id=chosen.channel_id,
    )


def _may_read(permissions: discord.Permissions) -> bool:
    return permissions.view_channel and permissions.read_message_history


def _permissions(
    channel_id: int, guild_id: int | None, interaction: discord.Interaction
) -> discord.Permissions | None:
    guild, member = interaction.guild, interaction.user
    if guild is None or guild.id != guild_id or not isinstance(member, discord.Member):
        return None
    channel = guild.get_channel(channel_id)
    return None if channel is None else _permissions_in(channel, member)


def _permissions_in(
    channel: discord.abc.GuildChannel, member: discord.Member
) -> discord.Permissions | None:
    """Return a member's permissions in a channel; None where discord.py can't compute them."""
    try:
        return channel.permissions_for(member)
    except Exception as error:  # noqa: BLE001 - one broken channel must not hide the runs of others
        _log.warning("The permissions in channel %d can't be computed: %r", channel.id, error)
        return None
