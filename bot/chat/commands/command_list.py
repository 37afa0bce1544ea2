"""All slash commands and menus of the bot, with the handler of each and who has them.

A handler's parameters are the options of its command. The functions beside a handler complete
options while a member types.
"""

from typing import Any, Final

import discord
from discord import app_commands

from bot.chat.commands.handlers.access import AccessCommands
from bot.chat.commands.handlers.ask import AskCommands
from bot.chat.commands.handlers.assistants import AssistantCommands
from bot.chat.commands.handlers.channels import ChannelCommands
from bot.chat.commands.handlers.conversations import ConversationCommands
from bot.chat.commands.handlers.help import HelpCommand
from bot.chat.commands.handlers.limits import LimitCommands
from bot.chat.commands.handlers.privacy import PrivacyCommands
from bot.chat.commands.handlers.runs import RunCommands
from bot.chat.commands.handlers.schedules import ScheduleCommands
from bot.chat.commands.handlers.server_settings import SettingsCommands
from bot.chat.commands.handlers.tools import ToolCommands
from bot.chat.commands.handlers.usage import UsageCommands
from bot.chat.commands.interaction_handler import CommandServices, admin_permissions
from bot.chat.commands.localization import new_command, new_group, new_menu, subcommand

_MANAGERS: Final = discord.Permissions(manage_guild=True)

AnyCommand = app_commands.Group | app_commands.Command[Any, ..., Any] | app_commands.ContextMenu


class CommandHandlers:
    """The handlers of all slash commands and menus."""

    def __init__(self, services: CommandServices) -> None:
        self.help: Final = HelpCommand(services)
        self.asks: Final = AskCommands(services)
        self.runs: Final = RunCommands(services)
        self.conversations: Final = ConversationCommands(services)
        self.privacy: Final = PrivacyCommands(services)
        self.schedules: Final = ScheduleCommands(services)
        self.tools: Final = ToolCommands(services)
        self.assistants: Final = AssistantCommands(services)
        self.channels: Final = ChannelCommands(services)
        self.access: Final = AccessCommands(services)
        self.settings: Final = SettingsCommands(services)
        self.usage: Final = UsageCommands(services)
        self.limits: Final = LimitCommands(services)
        self._admins: Final = admin_permissions(services.settings)

    def commands(self, *, for_users: bool) -> tuple[AnyCommand, ...]:
        """Return the commands to register with Discord.

        ``for_users`` brings questions and a member's own conversations, runs and data to everybody
        who installs the bot to their account.
        """
        return (
            new_command("help", self.help.help, for_users=for_users),
            *self._asking(for_users=for_users),
            *self._of_everybody(for_users=for_users),
            *self._of_admins(),
            *self._of_managers(),
        )

    def _asking(self, *, for_users: bool) -> tuple[AnyCommand, ...]:
        """Return ``/ask`` and the menus of messages."""
        asks = self.asks
        return (
            new_command("ask", asks.ask, for_users=for_users, assistant=asks.assistants),
            new_menu("ask-about-this-menu", asks.about, for_users=for_users),
            new_menu("explain-this-menu", asks.explain, for_users=for_users),
            new_menu("translate-this-menu", asks.translate, for_users=for_users),
        )

    def _of_everybody(self, *, for_users: bool) -> tuple[AnyCommand, ...]:
        """Return the groups for everybody; some of their commands refuse all but managers."""
        runs, threads, schedules = self.runs, self.conversations, self.schedules
        own = schedules.own_schedule
        return (
            new_group(
                "runs",
                subcommand("list", runs.list_runs),
                subcommand("show", runs.show_run, run=runs.any_run),
                subcommand("cancel", runs.cancel_run, run=runs.active_run),
                subcommand("retry", runs.retry_run, run=runs.failed_run),
                for_users=for_users,
            ),
            new_group(
                "thread",
                subcommand("new", threads.new),
                subcommand("info", threads.info),
                subcommand("export", threads.export),
                subcommand("rename", threads.rename),
                subcommand("delete", threads.delete),
                subcommand("handover", threads.handover),
                subcommand("resume", threads.resume),
                for_users=for_users,
            ),
            new_group(
                "privacy",
                subcommand("show", self.privacy.show),
                subcommand("export", self.privacy.export),
                subcommand("forget", self.privacy.forget),
                for_users=for_users,
            ),
            new_group(
                "schedule",
                subcommand("add", schedules.add),
                subcommand("remind", schedules.remind),
                subcommand("list", schedules.list_schedules),
                subcommand("run", schedules.run, schedule=own),
                subcommand("pause", schedules.pause, schedule=own),
                subcommand("delete", schedules.delete, schedule=own),
            ),
            new_group(
                "tools",
                subcommand("list", self.tools.list_tools),
                subcommand("log", self.tools.log),
            ),
            new_group(
                "usage",
                subcommand("me", self.usage.me),
                subcommand("server", self.usage.server),
            ),
        )

    def _of_admins(self) -> tuple[AnyCommand, ...]:
        """Return the groups for members with the permission that the operator chose."""
        assistants, channels = self.assistants, self.channels
        every, own = assistants.all_assistants, assistants.own_assistants
        models, functions = assistants.offered_models, assistants.offered_functions
        return (
            new_group(
                "assistant",
                subcommand("list", assistants.list_assistants),
                subcommand("show", assistants.show, assistant=every),
                subcommand("use", assistants.use, assistant=every),
                subcommand("create", assistants.create, model=models, functions=functions),
                subcommand(
                    "edit", assistants.edit, assistant=own, model=models, functions=functions
                ),
                subcommand("delete", assistants.delete, assistant=own),
                needs=self._admins,
            ),
            new_group(
                "channel",
                subcommand("show", channels.show),
                subcommand(
                    "set", channels.set, answered_tag=channels.tags, people_tag=channels.tags
                ),
                subcommand("reset", channels.reset),
                needs=self._admins,
            ),
        )

    def _of_managers(self) -> tuple[AnyCommand, ...]:
        """Return the groups for members with Manage Server."""
        access, settings, limits = self.access, self.settings, self.limits
        return (
            new_group(
                "access",
                subcommand("show", access.show),
                subcommand("allow", access.allow),
                subcommand("deny", access.deny),
                subcommand("remove", access.remove),
                needs=_MANAGERS,
            ),
            new_group(
                "settings",
                subcommand("show", settings.show),
                subcommand("set", settings.set, time_zone=settings.time_zones),
                subcommand("reset", settings.reset),
                needs=_MANAGERS,
            ),
            new_group(
                "limits",
                subcommand("show", limits.show),
                subcommand("set", limits.set),
                subcommand("lift", limits.lift),
                needs=_MANAGERS,
            ),
        )
