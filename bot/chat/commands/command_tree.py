"""The slash commands; each calls a method of ``InteractionHandlers``."""

import contextlib
import hashlib
import json
import logging
from collections.abc import Sequence
from typing import Final

import aiohttp
import discord
from discord import app_commands

from bot.chat.commands.access import AccessCommands
from bot.chat.commands.assistants import AssistantCommands
from bot.chat.commands.channels import ChannelCommands
from bot.chat.commands.conversations import ConversationCommands
from bot.chat.commands.entrance import Entrance
from bot.chat.commands.localization import CommandTranslator, add_command, new_group
from bot.chat.commands.privacy import PrivacyCommands
from bot.chat.commands.runs import RunCommands
from bot.chat.commands.server_settings import SettingsCommands
from bot.chat.texts.fluent import localized
from bot.chat.transport.rest_retry import RestRetry
from bot.store.ledger import Ledger

COMMANDS_FACT: Final = "discord.commands"
"""The name of the ledger's fact with the hash of the registered commands."""

_MANAGERS: Final = discord.Permissions(manage_guild=True)

_log: Final = logging.getLogger(__name__)


def runs_commands(handlers: RunCommands) -> app_commands.Group:
    """Return ``/runs``, which everybody has everywhere."""
    runs = new_group("runs")
    add_command(runs, "list", handlers.list_runs)
    add_command(runs, "show", handlers.show_run, run=handlers.any_run)
    add_command(runs, "cancel", handlers.cancel_run, run=handlers.active_run)
    add_command(runs, "retry", handlers.retry_run, run=handlers.failed_run)
    return runs


def thread_commands(handlers: ConversationCommands) -> app_commands.Group:
    """Return ``/thread``, which everybody has everywhere."""
    group = new_group("thread")
    add_command(group, "new", handlers.new)
    add_command(group, "info", handlers.info)
    add_command(group, "export", handlers.export)
    add_command(group, "rename", handlers.rename)
    add_command(group, "delete", handlers.delete)
    return group


def assistant_commands(
    handlers: AssistantCommands, needs: discord.Permissions
) -> app_commands.Group:
    """Return ``/assistant``, for members with these permissions in a server."""
    group = new_group("assistant", needs=needs, in_dms=False)
    every, own, models = handlers.all_assistants, handlers.own_assistants, handlers.offered_models
    add_command(group, "list", handlers.list_assistants)
    add_command(group, "show", handlers.show, assistant=every)
    add_command(group, "use", handlers.use, assistant=every)
    add_command(group, "create", handlers.create, model=models)
    add_command(group, "edit", handlers.edit, assistant=own, model=models)
    add_command(group, "delete", handlers.delete, assistant=own)
    return group


def channel_commands(handlers: ChannelCommands, needs: discord.Permissions) -> app_commands.Group:
    """Return ``/channel``, for members with these permissions in a server."""
    group = new_group("channel", needs=needs, in_dms=False)
    add_command(group, "show", handlers.show)
    add_command(group, "set", handlers.set, answered_tag=handlers.tags, people_tag=handlers.tags)
    add_command(group, "reset", handlers.reset)
    return group


def access_commands(handlers: AccessCommands) -> app_commands.Group:
    """Return ``/access``, for members with Manage Server."""
    group = new_group("access", needs=_MANAGERS, in_dms=False)
    add_command(group, "show", handlers.show)
    add_command(group, "allow", handlers.allow)
    add_command(group, "deny", handlers.deny)
    add_command(group, "remove", handlers.remove)
    return group


def settings_commands(handlers: SettingsCommands) -> app_commands.Group:
    """Return ``/settings``, for members with Manage Server."""
    group = new_group("settings", needs=_MANAGERS, in_dms=False)
    add_command(group, "show", handlers.show)
    add_command(group, "set", handlers.set, time_zone=handlers.time_zones)
    add_command(group, "reset", handlers.reset)
    return group


def privacy_commands(handlers: PrivacyCommands) -> app_commands.Group:
    """Return ``/privacy``, for everybody."""
    group = new_group("privacy")
    add_command(group, "show", handlers.show)
    add_command(group, "export", handlers.export)
    add_command(group, "forget", handlers.forget)
    return group


class BotCommandTree(app_commands.CommandTree[discord.Client]):
    """The slash commands: registered with Discord when they changed; failures are answered.

    With ``guild_id`` they exist in that server alone, where a change shows at once.
    """

    def __init__(
        self,
        client: discord.Client,
        groups: Sequence[app_commands.Group],
        ledger: Ledger,
        rest: RestRetry,
        entrance: Entrance,
        *,
        guild_id: int = 0,
    ) -> None:
        super().__init__(client)
        self._guild = discord.Object(guild_id) if guild_id else None
        self._entrance = entrance
        self._ledger = ledger
        self._rest = rest
        self._groups = tuple(groups)
        for group in groups:
            self.add_command(group)

    async def register(self) -> None:
        """Register the commands with Discord where they changed: registering has its own limit."""
        await self.set_translator(CommandTranslator())
        fingerprint = await self._fingerprint()
        known = await self._ledger.fact(COMMANDS_FACT) or ""
        if known == fingerprint:
            return
        try:
            old_guild = known.partition(" ")[2]
            await self._register(int(old_guild) if old_guild.isdecimal() else 0)
        except discord.HTTPException as error:
            _log.warning("Discord refused the slash commands (%s); the old ones stay", error)
        else:
            await self._ledger.set_fact(COMMANDS_FACT, fingerprint)

    async def _register(self, old_guild_id: int) -> None:
        """Register the commands, and remove those that were registered elsewhere before."""
        if self._guild is not None:
            self.copy_global_to(guild=self._guild)
            await self._rest.call(lambda: self.sync(guild=self._guild))
            self.clear_commands(guild=None)
        await self._rest.call(self.sync)
        if old_guild_id and (self._guild is None or self._guild.id != old_guild_id):
            old = discord.Object(old_guild_id)
            self.clear_commands(guild=old)
            await self._rest.call(lambda: self.sync(guild=old))

    async def interaction_check(self, interaction: discord.Interaction[discord.Client], /) -> bool:
        """Take a command or an autocompletion through the entrance."""
        return await self._entrance.enter(interaction)

    async def on_error(
        self,
        interaction: discord.Interaction[discord.Client],
        error: app_commands.AppCommandError,
        /,
    ) -> None:
        """Tell the member that the command failed."""
        _log.error("A command failed", exc_info=error)
        with contextlib.suppress(discord.DiscordException, aiohttp.ClientError, OSError):
            if interaction.type is not discord.InteractionType.application_command:
                return
            if interaction.response.is_done():
                await interaction.followup.send(localized("command-failed"), ephemeral=True)
            else:
                await interaction.response.send_message(localized("command-failed"), ephemeral=True)

    async def _fingerprint(self) -> str:
        """Return a hash of the commands as they would be registered, and their one server."""
        translator = CommandTranslator()
        commands = [
            await command.get_translated_payload(self, translator) for command in self._groups
        ]
        text = json.dumps([self.client.application_id, commands], sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return digest if self._guild is None else f"{digest} {self._guild.id}"
