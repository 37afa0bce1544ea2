"""``/help``: how to ask in this place, and the commands that this member has here."""

from typing import Any

import discord

from bot.chat.commands.interaction import AcknowledgedInteraction
from bot.chat.places.channel_rules import RuleBook
from bot.chat.places.places import channel_ids
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.chat.transport.rest_retry import RestRetry


class HelpCommand:
    """Handles ``/help``; ``admins`` are the permissions that managing assistants needs."""

    def __init__(self, rest: RestRetry, rules: RuleBook, admins: discord.Permissions) -> None:
        self._rest = rest
        self._rules = rules
        self._admins = admins

    async def help(self, interaction: discord.Interaction[Any]) -> None:
        """Explain how to ask here and what else there is."""
        async with AcknowledgedInteraction(interaction, self._rest, ephemeral=True) as response:
            shown = [await self._how_to_ask(interaction), localized("help-commands")]
            if interaction.guild_id is not None:
                if interaction.permissions >= self._admins:
                    shown.append(localized("help-admin-commands"))
                if interaction.permissions.manage_guild:
                    shown.append(localized("help-manager-commands"))
            await response.show("\n".join(shown))

    async def _how_to_ask(self, interaction: discord.Interaction[Any]) -> str:
        guild, guild_id = interaction.guild, interaction.guild_id
        if guild_id is None:
            return localized("help-ask-in-dm")
        channel = interaction.channel
        rules = await self._rules.of(guild_id, *channel_ids(interaction))
        if rules.is_silent:
            return localized("help-ask-people")
        if rules.answer == "never":
            return localized("help-ask-never")
        me = interaction.client.user
        owner_id = channel.owner_id if isinstance(channel, discord.Thread) else None
        if rules.answer == "every" or (me is not None and owner_id == me.id):
            return localized("help-ask-every")
        member = None if guild is None else guild.me
        name = "" if me is None else (me.display_name if member is None else member.display_name)
        if rules.answer == "posts":
            return localized("help-ask-posts", name=sentences.plain(name))
        return localized("help-ask-mention", name=sentences.plain(name))
