"""The slash commands; each calls a method of ``InteractionHandlers``."""

import contextlib
import hashlib
import json
import logging
from typing import Any, Final

import aiohttp
import discord
from discord import app_commands

from bot.chat.commands.handlers import InteractionHandlers
from bot.chat.texts import sentences
from bot.chat.transport.rest_retry import RestRetry
from bot.store.ledger import Ledger

COMMANDS_FACT: Final = "discord.commands"
"""The name of the ledger's fact with the hash of the registered commands."""

LongName = app_commands.Range[str, 1, 100]

_log: Final = logging.getLogger(__name__)


class RunsCommands(app_commands.Group):
    """``/runs list``, ``/runs show`` and ``/runs cancel``."""

    def __init__(self, handlers: InteractionHandlers) -> None:
        super().__init__(name="runs", description=sentences.RUNS)
        self._handlers = handlers

    @app_commands.command(name="list", description=sentences.RUNS_LIST)
    @app_commands.describe(page=sentences.RUNS_LIST_PAGE)
    async def list_runs(
        self,
        interaction: discord.Interaction[Any],
        page: app_commands.Range[int, 1, 1_000_000] = 1,
    ) -> None:
        """List runs."""
        await self._handlers.list_runs(interaction, page)

    @app_commands.command(name="show", description=sentences.RUNS_SHOW)
    @app_commands.describe(run=sentences.RUNS_SHOW_RUN)
    async def show(self, interaction: discord.Interaction[Any], run: LongName) -> None:
        """Show a run."""
        await self._handlers.show_run(interaction, run)

    @app_commands.command(name="cancel", description=sentences.RUNS_CANCEL)
    @app_commands.describe(run=sentences.RUNS_CANCEL_RUN)
    async def cancel(
        self, interaction: discord.Interaction[Any], run: LongName | None = None
    ) -> None:
        """Cancel a run."""
        await self._handlers.cancel_run(interaction, run)

    @show.autocomplete("run")
    async def _any_run(
        self, interaction: discord.Interaction[Any], current: str
    ) -> list[app_commands.Choice[str]]:
        found = await self._handlers.choices(interaction, current, active=False)
        return [app_commands.Choice(name=label, value=value) for label, value in found]

    @cancel.autocomplete("run")
    async def _active_run(
        self, interaction: discord.Interaction[Any], current: str
    ) -> list[app_commands.Choice[str]]:
        found = await self._handlers.choices(interaction, current, active=True)
        return [app_commands.Choice(name=label, value=value) for label, value in found]


class BotCommandTree(app_commands.CommandTree[discord.Client]):
    """The slash commands: registered with Discord when they changed; failures are answered."""

    def __init__(
        self,
        client: discord.Client,
        handlers: InteractionHandlers,
        ledger: Ledger,
        rest: RestRetry,
    ) -> None:
        super().__init__(client)
        self._ledger = ledger
        self._rest = rest
        self.add_command(RunsCommands(handlers))

    async def register(self) -> None:
        """Register the commands with Discord where they changed: registering has its own limit."""
        fingerprint = self._fingerprint()
        if await self._ledger.fact(COMMANDS_FACT) == fingerprint:
            return
        try:
            await self._rest.call(self.sync)
        except discord.HTTPException as error:
            _log.warning("Discord refused the slash commands (%s); the old ones stay", error)
        else:
            await self._ledger.set_fact(COMMANDS_FACT, fingerprint)

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
                await interaction.followup.send(sentences.COMMAND_FAILED, ephemeral=True)
            else:
                await interaction.response.send_message(sentences.COMMAND_FAILED, ephemeral=True)

    def _fingerprint(self) -> str:
        """Return a hash of the commands as they would be registered."""
        commands = [command.to_dict(self) for command in self.get_commands()]
        text = json.dumps([self.client.application_id, commands], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
