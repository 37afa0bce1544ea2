"""The places whose settings apply to a channel, from the channel thread to the server."""

from typing import Any

import discord

from bot.chat.texts.fluent import RefusalError, localized


def places_of(
    client: discord.Client, guild_id: int, channel_id: int, parent_id: int | None
) -> tuple[int, ...]:
    """Return the places whose settings apply to a channel, the nearest first.

    ``parent_id`` is the channel of a channel thread; else None or the channel itself.
    """
    holder = parent_id or channel_id
    places = (channel_id, holder, category_of(client, holder), guild_id)
    return tuple(dict.fromkeys(place for place in places if place is not None))


def category_of(client: discord.Client, channel_id: int) -> int | None:
    """Return the category of a channel that is no channel thread; None without one."""
    category_id: int | None = getattr(client.get_channel(channel_id), "category_id", None)
    return category_id


def channel_ids(interaction: discord.Interaction[Any]) -> tuple[int, int | None]:
    """Return the channel of an interaction and, for a channel thread, the thread's channel."""
    channel = interaction.channel
    parent_id = channel.parent_id if isinstance(channel, discord.Thread) else None
    return interaction.channel_id or 0, parent_id


def is_by_user_install(interaction: discord.Interaction[Any]) -> bool:
    """Return whether only the person's own installation of the app brought the interaction here."""
    if interaction.guild_id is None:
        return interaction.context.private_channel is True
    return interaction.is_user_integration() and not interaction.is_guild_integration()


def own_guild(interaction: discord.Interaction[Any]) -> int | None:
    """Return the server of an interaction; None outside of the servers that have the bot."""
    return None if is_by_user_install(interaction) else interaction.guild_id


def guild_of(interaction: discord.Interaction[Any]) -> int:
    """Return the server of a command that exists only in servers."""
    assert interaction.guild_id is not None
    return interaction.guild_id


def place_id_of(client: discord.Client, interaction: discord.Interaction[Any], place: str) -> int:
    """Return the id of a place: ``here``, the ``channel``, the ``category`` or the ``server``.

    ``here`` is the channel thread, or the channel outside of threads. Raises ``RefusalError`` for a
    channel without a category.
    """
    channel_id, parent_id = channel_ids(interaction)
    holder = parent_id or channel_id
    ids = {
        "here": channel_id,
        "channel": holder,
        "category": category_of(client, holder),
        "server": interaction.guild_id,
    }
    place_id = ids[place]
    if place_id is None:
        raise RefusalError(localized("place-no-category"))
    return place_id


def named_place(place_id: int, guild_id: int) -> str:
    """Return a place as members read it."""
    return localized("this-server") if place_id == guild_id else f"<#{place_id}>"


def can_write(permissions: discord.Permissions, *, in_thread: bool) -> bool:
    """Return whether somebody with these permissions sees a channel and can write there."""
    writes = permissions.send_messages_in_threads if in_thread else permissions.send_messages
    return permissions.view_channel and writes
