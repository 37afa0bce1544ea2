"""A discord.py bot with commands, buttons, a menu and a modal, for tests of the sandbox."""

import asyncio
from typing import Any

import discord
from discord import app_commands

from tests.support.eventually import PATIENCE


class Confirm(discord.ui.View):
    """A button that updates, one that is disabled, and a menu."""

    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(label="Confirm", custom_id="confirm", style=discord.ButtonStyle.green)
    async def confirm(
        self, interaction: discord.Interaction, _button: discord.ui.Button[Any]
    ) -> None:
        await interaction.response.edit_message(content="confirmed", view=None)

    @discord.ui.button(label="Ask", custom_id="ask")
    async def ask(self, interaction: discord.Interaction, _button: discord.ui.Button[Any]) -> None:
        await interaction.response.send_modal(Feedback())

    @discord.ui.button(label="Never", custom_id="never", disabled=True)
    async def never(
        self, interaction: discord.Interaction, _button: discord.ui.Button[Any]
    ) -> None:
        raise AssertionError("a disabled button was pressed")

    @discord.ui.select(
        custom_id="colour",
        options=[discord.SelectOption(label=name.title(), value=name) for name in ("red", "blue")],
    )
    async def colour(
        self, interaction: discord.Interaction, select: discord.ui.Select[Any]
    ) -> None:
        await interaction.response.defer()
        await interaction.followup.send(f"you chose {select.values[0]}", ephemeral=True)


class Feedback(discord.ui.Modal, title="Feedback"):
    """A modal with one long and one optional field."""

    said: discord.ui.TextInput[Any] = discord.ui.TextInput(
        label="What happened?", custom_id="said", style=discord.TextStyle.paragraph, max_length=50
    )
    name: discord.ui.TextInput[Any] = discord.ui.TextInput(
        label="Name", custom_id="name", required=False
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"noted: {self.said.value}", ephemeral=True)


class Runs(app_commands.Group):
    """A command group with options and autocomplete."""

    def __init__(self) -> None:
        super().__init__(name="runs", description="Runs of this channel")

    @app_commands.command(name="list", description="Lists the runs")
    async def show(self, interaction: discord.Interaction, page: int = 1) -> None:
        await interaction.response.send_message(f"page {page}", view=Confirm())

    @app_commands.command(description="Cancels a run")
    async def cancel(self, interaction: discord.Interaction, run: str) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await interaction.followup.send(f"cancelled {run}")

    @cancel.autocomplete("run")
    async def runs(
        self, interaction: discord.Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        names = ["abacus", "abbey", "zebra"]
        return [
            app_commands.Choice(name=name, value=name) for name in names if name.startswith(current)
        ]


class Bot(discord.Client):
    """Keeps received messages in `heard` and all events, with their names, in `events`."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("intents", discord.Intents.all())
        options.setdefault("guild_ready_timeout", 0.05)  # how long it waits for further guilds
        super().__init__(**options)
        self.tree = app_commands.CommandTree(self)
        self.heard: list[discord.Message] = []
        self.edited: list[discord.RawMessageUpdateEvent] = []
        self.events: list[tuple[str, Any]] = []
        self.something = asyncio.Event()
        self.tree.add_command(Runs())
        self.tree.add_command(
            app_commands.Command(name="sleep", description="Never answers", callback=_sleep)
        )
        self.tree.add_command(
            app_commands.Command(name="who", description="Says who is asked for", callback=_who)
        )
        self.tree.add_command(app_commands.ContextMenu(name="Quote", callback=_quote))

    async def setup_hook(self) -> None:
        self.add_view(Confirm())
        await self.tree.sync()

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        self.events.append((event, args))
        if event == "message":
            self.heard.append(args[0])
        if event == "raw_message_edit":
            self.edited.append(args[0])
        self.something.set()
        super().dispatch(event, *args, **kwargs)

    def named(self, event: str) -> list[Any]:
        """Return the arguments of each event of that name so far."""
        return [args for name, args in self.events if name == event]

    async def until(self, condition: Any, timeout: float = PATIENCE) -> None:
        """Wait until the condition holds; it is checked after each event."""
        async with asyncio.timeout(timeout):
            while not condition():
                self.something.clear()
                await self.something.wait()


async def _sleep(interaction: discord.Interaction) -> None:
    del interaction


async def _who(interaction: discord.Interaction, member: discord.Member) -> None:
    permissions = member.resolved_permissions
    manages = permissions is not None and permissions.manage_messages
    await interaction.response.send_message(f"{member.display_name} {manages}")


async def _quote(interaction: discord.Interaction, message: discord.Message) -> None:
    await interaction.response.send_message(f"> {message.content}")
