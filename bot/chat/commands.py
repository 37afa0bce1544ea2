"""The slash commands, as Discord is told of them; each hands on to the desk."""

import hashlib
import json
from typing import Any

import discord
from discord import app_commands

from bot.chat import sentences
from bot.chat.desk import Desk

LongName = app_commands.Range[str, 1, 100]


class RunsCommands(app_commands.Group):
    """``/runs list``, ``/runs show`` and ``/runs cancel``."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(name="runs", description=sentences.RUNS)
        self._desk = desk

    @app_commands.command(name="list", description=sentences.RUNS_LIST)
    @app_commands.describe(page=sentences.RUNS_LIST_PAGE)
    async def list_runs(
        self,
        interaction: discord.Interaction[Any],
        page: app_commands.Range[int, 1, 1_000_000] = 1,
    ) -> None:
        """List runs."""
        await self._desk.list_runs(interaction, page)

    @app_commands.command(name="show", description=sentences.RUNS_SHOW)
    @app_commands.describe(run=sentences.RUNS_SHOW_RUN)
    async def show(self, interaction: discord.Interaction[Any], run: LongName) -> None:
        """Show a run."""
        await self._desk.show_run(interaction, run)

    @app_commands.command(name="cancel", description=sentences.RUNS_CANCEL)
    @app_commands.describe(run=sentences.RUNS_CANCEL_RUN)
    async def cancel(
        self, interaction: discord.Interaction[Any], run: LongName | None = None
    ) -> None:
        """Cancel a run."""
        await self._desk.cancel_run(interaction, run)

    @show.autocomplete("run")
    async def _any_run(
        self, interaction: discord.Interaction[Any], current: str
    ) -> list[app_commands.Choice[str]]:
        found = await self._desk.choices(interaction, current, active=False)
        return [app_commands.Choice(name=label, value=value) for label, value in found]

    @cancel.autocomplete("run")
    async def _active_run(
        self, interaction: discord.Interaction[Any], current: str
    ) -> list[app_commands.Choice[str]]:
        found = await self._desk.choices(interaction, current, active=True)
        return [app_commands.Choice(name=label, value=value) for label, value in found]


def fingerprint(tree: app_commands.CommandTree[Any], application_id: int | None) -> str:
    """Return a hash of the commands as Discord would be told of them."""
    told = [command.to_dict(tree) for command in tree.get_commands()]
    text = json.dumps([application_id, told], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
