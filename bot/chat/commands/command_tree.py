"""Registers the slash commands with Discord, and answers their failures."""

import contextlib
import hashlib
import json
import logging
from collections.abc import Sequence
from typing import Final

import aiohttp
import discord
from discord import app_commands

from bot.chat.commands.command_list import AnyCommand
from bot.chat.commands.interaction_gate import InteractionGate
from bot.chat.commands.localization import CommandTranslator
from bot.chat.texts.fluent import digest as texts_digest
from bot.chat.texts.fluent import localized
from bot.chat.transport.rest_retry import RestRetry
from bot.store.ledger import Ledger

COMMANDS_FACT: Final = "discord.commands"
"""The name of the ledger's fact with the hash of the registered commands."""

_log: Final = logging.getLogger(__name__)


class BotCommandTree(app_commands.CommandTree[discord.Client]):
    """The slash commands, which are registered with Discord after each change.

    With ``guild_id`` the commands exist only in that server, where a change shows at once.
    """

    def __init__(
        self,
        client: discord.Client,
        groups: Sequence[AnyCommand],
        ledger: Ledger,
        rest: RestRetry,
        interaction_gate: InteractionGate,
        *,
        guild_id: int = 0,
    ) -> None:
        super().__init__(client)
        self._guild = discord.Object(guild_id) if guild_id else None
        self._gate = interaction_gate
        self._ledger = ledger
        self._rest = rest
        self._groups = tuple(groups)
        for group in groups:
            self.add_command(group)

    async def register(self) -> None:
        """Register the commands with Discord if they changed; Discord limits how often."""
        await self.set_translator(CommandTranslator())
        fingerprint = self._fingerprint()
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
        """Register the commands, and remove them from the server that had them before."""
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
        """Return whether the interaction gate admits a command or an autocompletion."""
        return await self._gate.admits(interaction)

    async def on_error(
        self,
        interaction: discord.Interaction[discord.Client],
        error: app_commands.AppCommandError,
        /,
    ) -> None:
        """Log the failure of a command, and tell the member that the command failed."""
        _log.error("A command failed", exc_info=error)
        # At a stop aiohttp's session is closed, and says so by a RuntimeError.
        failures = (discord.DiscordException, aiohttp.ClientError, OSError, RuntimeError)
        with contextlib.suppress(*failures):
            if interaction.type is not discord.InteractionType.application_command:
                return
            if interaction.response.is_done():
                await interaction.followup.send(localized("command-failed"), ephemeral=True)
            else:
                await interaction.response.send_message(localized("command-failed"), ephemeral=True)

    def _fingerprint(self) -> str:
        """Return a hash of the commands and language files, and the only server's id if one is set.

        The commands are hashed in English, because translating them is the slowest part of a start.
        """
        commands = [command.to_dict(self) for command in self._groups]
        text = json.dumps([self.client.application_id, commands, texts_digest()], sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return digest if self._guild is None else f"{digest} {self._guild.id}"
