"""Who may cancel, retry and see a turn: its askers, and members who may manage messages there."""

import logging
from typing import Final

import discord

from bot.store.ledger import Scope, Turn

_log: Final = logging.getLogger(__name__)


def may_act_on(turn: Turn, interaction: discord.Interaction) -> bool:
    """Return whether this member may cancel or retry a turn."""
    if turn.asked_by(interaction.user.id):
        return True
    if turn.channel_id == interaction.channel_id:
        return interaction.permissions.manage_messages
    permissions = _permissions(turn.parent_id, turn.guild_id, interaction)
    return permissions is not None and permissions.manage_messages


def may_see(turn: Turn, interaction: discord.Interaction, *, private: bool) -> bool:
    """Return whether this member may see a turn: it is in this channel, or in one they can read."""
    if turn.channel_id == interaction.channel_id or turn.asked_by(interaction.user.id):
        return True
    if private:
        return False
    permissions = _permissions(turn.parent_id, turn.guild_id, interaction)
    return permissions is not None and permissions.view_channel


def scope_of(interaction: discord.Interaction, *, asker_id: int | None = None) -> Scope:
    """Return the scope of the turns that this member may see from this channel."""
    guild, member = interaction.guild, interaction.user
    readable: tuple[int, ...] = ()
    if guild is not None and isinstance(member, discord.Member):
        readable = tuple(
            channel.id
            for channel in guild.channels
            if (permissions := _permissions_in(channel, member)) and permissions.view_channel
        )
    return Scope(
        channel_id=interaction.channel_id or 0,
        guild_id=interaction.guild_id,
        readable=readable,
        asker_id=asker_id,
    )


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
