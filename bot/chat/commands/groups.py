"""The slash commands of the bot, by group; each calls a method of the group's handlers."""

from dataclasses import dataclass
from typing import Any, Final, Self

import discord
from discord import app_commands

from bot.chat.access.budgets import Budgets
from bot.chat.access.gate import AccessGate
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
from bot.chat.commands.localization import add_command, new_command, new_group, new_menu
from bot.chat.places.channel_rules import RuleBook
from bot.chat.texts.locales import Locales
from bot.chat.transport.rest_retry import RestRetry
from bot.config import DiscordSettings
from bot.runtime.clock import Clock
from bot.store.ledger import Ledger

_MANAGERS: Final = discord.Permissions(manage_guild=True)

AnyCommand = app_commands.Group | app_commands.Command[Any, ..., Any] | app_commands.ContextMenu


@dataclass(frozen=True, kw_only=True)
class ServerCommands:
    """What handles the rules, settings, limits and sums of servers."""

    channels: ChannelCommands
    access: AccessCommands
    settings: SettingsCommands
    usage: UsageCommands
    limits: LimitCommands

    @classmethod
    def build(
        cls,
        client: discord.Client,
        ledger: Ledger,
        rest: RestRetry,
        clock: Clock,
        locales: Locales,
        rules: RuleBook,
        gate: AccessGate,
        budgets: Budgets,
        settings: DiscordSettings,
    ) -> Self:
        """Build the handlers."""
        return cls(
            channels=ChannelCommands(client, ledger, rest, rules),
            access=AccessCommands(ledger, rest, gate),
            settings=SettingsCommands(ledger, rest, clock, locales, settings.time_zone),
            usage=UsageCommands(ledger, rest, budgets),
            limits=LimitCommands(rest, budgets),
        )


@dataclass(frozen=True, kw_only=True)
class CommandHandlers:
    """What handles each group of commands."""

    help: HelpCommand
    asks: AskCommands
    runs: RunCommands
    conversations: ConversationCommands
    privacy: PrivacyCommands
    schedules: ScheduleCommands
    tools: ToolCommands
    assistants: AssistantCommands
    servers: ServerCommands


def command_groups(
    handlers: CommandHandlers, admins: discord.Permissions, *, for_users: bool
) -> tuple[AnyCommand, ...]:
    """Return all commands; ``admins`` are the permissions that managing assistants needs.

    ``for_users`` brings questions and one's own conversations, runs and data to those who install
    the bot to their account.
    """
    asks, servers = handlers.asks, handlers.servers
    return (
        new_command("help", handlers.help.help, for_users=for_users),
        new_command("ask", asks.ask, for_users=for_users, assistant=asks.assistants),
        new_menu("ask-about-this-menu", asks.about, for_users=for_users),
        new_menu("explain-this-menu", asks.explain, for_users=for_users),
        new_menu("translate-this-menu", asks.translate, for_users=for_users),
        _runs_commands(handlers.runs, for_users=for_users),
        _thread_commands(handlers.conversations, for_users=for_users),
        _privacy_commands(handlers.privacy, for_users=for_users),
        _schedule_commands(handlers.schedules),
        _tools_commands(handlers.tools),
        _assistant_commands(handlers.assistants, admins),
        _channel_commands(servers.channels, admins),
        _access_commands(servers.access),
        _settings_commands(servers.settings),
        _usage_commands(servers.usage),
        _limit_commands(servers.limits),
    )


def _runs_commands(handlers: RunCommands, *, for_users: bool) -> app_commands.Group:
    """Return ``/runs``, which everybody has everywhere."""
    runs = new_group("runs", for_users=for_users)
    add_command(runs, "list", handlers.list_runs)
    add_command(runs, "show", handlers.show_run, run=handlers.any_run)
    add_command(runs, "cancel", handlers.cancel_run, run=handlers.active_run)
    add_command(runs, "retry", handlers.retry_run, run=handlers.failed_run)
    return runs


def _thread_commands(handlers: ConversationCommands, *, for_users: bool) -> app_commands.Group:
    """Return ``/thread``, which everybody has everywhere."""
    group = new_group("thread", for_users=for_users)
    add_command(group, "new", handlers.new)
    add_command(group, "info", handlers.info)
    add_command(group, "export", handlers.export)
    add_command(group, "rename", handlers.rename)
    add_command(group, "delete", handlers.delete)
    add_command(group, "handover", handlers.handover)
    add_command(group, "resume", handlers.resume)
    return group


def _schedule_commands(handlers: ScheduleCommands) -> app_commands.Group:
    """Return ``/schedule``, which everybody has everywhere."""
    group = new_group("schedule")
    own = handlers.own_schedule
    add_command(group, "add", handlers.add)
    add_command(group, "remind", handlers.remind)
    add_command(group, "list", handlers.list_schedules)
    add_command(group, "run", handlers.run, schedule=own)
    add_command(group, "pause", handlers.pause, schedule=own)
    add_command(group, "delete", handlers.delete, schedule=own)
    return group


def _tools_commands(handlers: ToolCommands) -> app_commands.Group:
    """Return ``/tools``, which everybody has everywhere; the log is for managers."""
    group = new_group("tools")
    add_command(group, "list", handlers.list_tools)
    add_command(group, "log", handlers.log)
    return group


def _assistant_commands(
    handlers: AssistantCommands, needs: discord.Permissions
) -> app_commands.Group:
    """Return ``/assistant``, for members with these permissions in a server."""
    group = new_group("assistant", needs=needs, in_dms=False)
    every, own, models = handlers.all_assistants, handlers.own_assistants, handlers.offered_models
    add_command(group, "list", handlers.list_assistants)
    add_command(group, "show", handlers.show, assistant=every)
    add_command(group, "use", handlers.use, assistant=every)
    names = handlers.offered_functions
    add_command(group, "create", handlers.create, model=models, functions=names)
    add_command(group, "edit", handlers.edit, assistant=own, model=models, functions=names)
    add_command(group, "delete", handlers.delete, assistant=own)
    return group


def _channel_commands(handlers: ChannelCommands, needs: discord.Permissions) -> app_commands.Group:
    """Return ``/channel``, for members with these permissions in a server."""
    group = new_group("channel", needs=needs, in_dms=False)
    add_command(group, "show", handlers.show)
    add_command(group, "set", handlers.set, answered_tag=handlers.tags, people_tag=handlers.tags)
    add_command(group, "reset", handlers.reset)
    return group


def _access_commands(handlers: AccessCommands) -> app_commands.Group:
    """Return ``/access``, for members with Manage Server."""
    group = new_group("access", needs=_MANAGERS, in_dms=False)
    add_command(group, "show", handlers.show)
    add_command(group, "allow", handlers.allow)
    add_command(group, "deny", handlers.deny)
    add_command(group, "remove", handlers.remove)
    return group


def _settings_commands(handlers: SettingsCommands) -> app_commands.Group:
    """Return ``/settings``, for members with Manage Server."""
    group = new_group("settings", needs=_MANAGERS, in_dms=False)
    add_command(group, "show", handlers.show)
    add_command(group, "set", handlers.set, time_zone=handlers.time_zones)
    add_command(group, "reset", handlers.reset)
    return group


def _usage_commands(handlers: UsageCommands) -> app_commands.Group:
    """Return ``/usage``; its part for managers checks who uses it."""
    group = new_group("usage")
    add_command(group, "me", handlers.me)
    add_command(group, "server", handlers.server)
    return group


def _limit_commands(handlers: LimitCommands) -> app_commands.Group:
    """Return ``/limits``, for members with Manage Server."""
    group = new_group("limits", needs=_MANAGERS, in_dms=False)
    add_command(group, "show", handlers.show)
    add_command(group, "set", handlers.set)
    add_command(group, "lift", handlers.lift)
    return group


def _privacy_commands(handlers: PrivacyCommands, *, for_users: bool) -> app_commands.Group:
    """Return ``/privacy``, for everybody."""
    group = new_group("privacy", for_users=for_users)
    add_command(group, "show", handlers.show)
    add_command(group, "export", handlers.export)
    add_command(group, "forget", handlers.forget)
    return group
