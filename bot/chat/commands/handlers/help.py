"""``/help``: how to ask in this place, and the commands that this member has here."""

from typing import Any, Final

import discord

from bot.chat.access.visitors import is_by_user_install
from bot.chat.commands.interaction import AcknowledgedInteraction
from bot.chat.places.channel_rules import RuleBook
from bot.chat.places.places import channel_ids
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.chat.transport.rest_retry import RestRetry

_IN_USER_INSTALLS: Final = ("ask", "runs", "thread", "privacy")
"""The commands of those who have installed the bot to their own account."""

_EVERYBODYS: Final = ("ask", "runs", "thread", "schedule", "tools", "usage", "privacy")
_ADMINS: Final = ("assistant", "channel")
_MANAGERS: Final = ("access", "settings", "limits")


class HelpCommand:
    """Handles ``/help``; ``admins`` are the permissions that managing assistants needs."""

    def __init__(self, rest: RestRetry, rules: RuleBook, admins: discord.Permissions) -> None:
        self._rest = rest
        self._rules = rules
        self._admins = admins

    async def help(self, interaction: discord.Interaction[Any]) -> None:
        """Explain how to ask here and what else there is."""
        async with AcknowledgedInteraction(interaction, self._rest, ephemeral=True) as response:
            everybody = _IN_USER_INSTALLS if is_by_user_install(interaction) else _EVERYBODYS
            shown = [await self._how_to_ask(interaction), localized("help-everybody")]
            shown += map(_line, everybody)
            if interaction.guild_id is not None and not is_by_user_install(interaction):
                if interaction.permissions >= self._admins:
                    shown += [localized("help-admins"), *map(_line, _ADMINS)]
                if interaction.permissions.manage_guild:
                    shown += [localized("help-managers"), *map(_line, _MANAGERS)]
            await response.show("\n".join(shown))

    async def _how_to_ask(self, interaction: discord.Interaction[Any]) -> str:
        guild, guild_id = interaction.guild, interaction.guild_id
        if is_by_user_install(interaction):
            return localized("help-ask-elsewhere")
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
        is_own = me is not None and owner_id == me.id
        reads_all = interaction.client.intents.message_content
        if reads_all and (rules.answer == "every" or is_own):
            return localized("help-ask-every")
        member = None if guild is None else guild.me
        name = "" if me is None else (me.display_name if member is None else member.display_name)
        how = "help-ask-mention"
        if not reads_all and isinstance(channel, discord.Thread):
            how = "help-ask-write"
        elif reads_all and rules.answer == "posts":
            how = "help-ask-posts"
        return localized(how, name=sentences.plain(name))


def _line(command: str) -> str:
    """Return the line about a command; the members' picker shows its subcommands."""
    return f"- `/{localized(f'{command}-command')}` {localized(f'help-does.{command}')}"
