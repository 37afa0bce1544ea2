"""``/help``: how to ask in this place, and the commands that this member has here."""

from typing import Final

import discord

from bot.chat.commands.interaction_handler import (
    Interaction,
    InteractionHandler,
    admin_permissions,
    answers_privately,
)
from bot.chat.places.places import channel_ids, is_by_user_install, own_guild
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized

_IN_USER_INSTALLS: Final = ("ask", "runs", "thread", "privacy")
"""The commands of those who have installed the bot to their own account."""

_EVERYBODYS: Final = ("ask", "runs", "thread", "schedule", "tools", "usage", "privacy")
_ADMINS: Final = ("assistant", "channel")
_MANAGERS: Final = ("access", "settings", "limits")


class HelpCommand(InteractionHandler):
    """Handles ``/help``."""

    @answers_privately
    async def help(self, interaction: Interaction) -> str:
        """Explain how to ask here and what else there is."""
        everybody = _IN_USER_INSTALLS if is_by_user_install(interaction) else _EVERYBODYS
        shown = [await self._how_to_ask(interaction), localized("help-everybody")]
        shown += map(_line, everybody)
        if own_guild(interaction) is not None:
            if interaction.permissions >= admin_permissions(self._services.settings):
                shown += [localized("help-admins"), *map(_line, _ADMINS)]
            if interaction.permissions.manage_guild:
                shown += [localized("help-managers"), *map(_line, _MANAGERS)]
        return "\n".join(shown)

    async def _how_to_ask(self, interaction: Interaction) -> str:
        guild, guild_id = interaction.guild, interaction.guild_id
        if is_by_user_install(interaction):
            return localized("help-ask-elsewhere")
        if guild_id is None:
            return localized("help-ask-in-dm")
        channel = interaction.channel
        settings = await self._services.channel_settings.of(guild_id, *channel_ids(interaction))
        reads_all = self._client.intents.message_content
        if settings.is_silent:
            return localized("help-ask-people")
        if settings.answer == "never":
            return localized("help-ask-never")
        me = interaction.client.user
        owner_id = channel.owner_id if isinstance(channel, discord.Thread) else None
        is_own = me is not None and owner_id == me.id
        if reads_all and (settings.answer == "every" or is_own):
            return localized("help-ask-every")
        member = None if guild is None else guild.me
        name = "" if me is None else (me.display_name if member is None else member.display_name)
        how = "help-ask-mention"
        if not reads_all and isinstance(channel, discord.Thread):
            how = "help-ask-write"
        elif reads_all and settings.answer == "posts":
            how = "help-ask-posts"
        return localized(how, name=sentences.plain(name))


def _line(command: str) -> str:
    """Return the line about a command or a group of commands."""
    return f"- `/{localized(f'{command}-command')}` {localized(f'help-does.{command}')}"
