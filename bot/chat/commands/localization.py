"""Names and describes slash commands in every language, from the language files.

The message of the command ``/runs list`` is ``runs-list-command``: its value is the command's name.
Its attributes are ``description``, and for each option ``option`` and ``option-description``. The
choices of an option are attributes of a message such as ``assistant-where-choice``.
"""

from collections.abc import Callable, Coroutine, Iterable, Mapping
from itertools import islice
from typing import Any, Final, NamedTuple

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Location

from bot.chat.texts.fluent import DEFAULT, Language, language_of, localized_in
from bot.chat.texts.sentences import shortened

Choices = list[app_commands.Choice[str]]

LocalizedCommand = app_commands.Command[Any, ..., None]

Handler = Callable[..., Coroutine[Any, Any, None]]

Autocomplete = Callable[[discord.Interaction[Any], str], Coroutine[Any, Any, Choices]]
"""Returns the choices for what a member typed."""

MOST_CHOICES: Final = 25
_LONGEST_CHOICE: Final = 100
"""The most characters of a choice's name and of its value (Discord's limits)."""

_OF_COMMAND: Final = {
    Location.command_name: "",
    Location.command_description: ".description",
    Location.group_name: "",
    Location.group_description: ".description",
}

_TRANSLATED: Final[dict[discord.Locale, Language]] = {
    locale: language
    for locale in discord.Locale
    if (language := language_of(locale.value)) is not None and language != DEFAULT
}
"""The languages other than English, by Discord's locale."""


def matching(typed: str, named: Iterable[tuple[str, str]]) -> Choices:
    """Return the choices whose name contains ``typed``, as many as Discord shows.

    ``named`` are names and values. A long name is cut; a choice with a long value is left out.
    """
    found = (
        app_commands.Choice(name=shortened(name, _LONGEST_CHOICE), value=value)
        for name, value in named
        if typed.casefold() in name.casefold() and len(value) <= _LONGEST_CHOICE
    )
    return list(islice(found, MOST_CHOICES))


class Subcommand(NamedTuple):
    """A command of a group, with the functions that complete its options, by their names."""

    name: str
    handler: Handler
    autocomplete: Mapping[str, Autocomplete]


def subcommand(name: str, handler: Handler, **autocomplete: Autocomplete) -> Subcommand:
    """Return a command of a group, with the handler's parameters as its options."""
    return Subcommand(name, handler, autocomplete)


def new_group(
    name: str,
    *commands: Subcommand,
    needs: discord.Permissions | None = None,
    for_users: bool = False,
) -> app_commands.Group:
    """Return a group of commands, described in English.

    A group with ``needs`` exists only in servers, for members with these permissions, unless a
    server's admins decide otherwise. ``for_users`` brings the commands everywhere for those who
    install the bot to their account.
    """
    group = app_commands.Group(
        name=name,
        description=_english(f"{name}-command.description"),
        default_permissions=needs,
        allowed_contexts=_contexts(in_dms=needs is None),
        allowed_installs=_installs(for_users=for_users),
    )
    for each in commands:
        message_id = f"{name}-{each.name}-command"
        command: LocalizedCommand = app_commands.Command(
            name=each.name,
            description=_english(f"{message_id}.description"),
            callback=each.handler,
            parent=group,
        )
        _describe(command, message_id, each.autocomplete)
        group.add_command(command)
    return group


def new_command(
    name: str, handler: Handler, *, for_users: bool = False, **autocomplete: Autocomplete
) -> LocalizedCommand:
    """Return a command without a group, which everybody has everywhere.

    ``for_users`` and ``autocomplete`` are those of ``new_group`` and ``subcommand``.
    """
    message_id = f"{name}-command"
    command: LocalizedCommand = app_commands.Command(
        name=name,
        description=_english(f"{message_id}.description"),
        callback=handler,
        allowed_contexts=_contexts(in_dms=True),
        allowed_installs=_installs(for_users=for_users),
    )
    _describe(command, message_id, autocomplete)
    return command


def new_menu(
    message_id: str, handler: Handler, *, for_users: bool = False
) -> app_commands.ContextMenu:
    """Return an entry of the menu of messages, named by the message ``message_id``."""
    return app_commands.ContextMenu(
        name=app_commands.locale_str(_english(message_id), id=message_id),
        callback=handler,
        allowed_contexts=_contexts(in_dms=True),
        allowed_installs=_installs(for_users=for_users),
    )


def _describe(
    command: LocalizedCommand, message_id: str, autocomplete: Mapping[str, Autocomplete]
) -> None:
    """Describe a command's options, name their choices, and set their autocompletion."""
    descriptions, choices = {}, {}
    for option in command.parameters:
        description = _english(f"{message_id}.{option.name}-description")
        # discord.py translates only a ``locale_str``.
        descriptions[option.name] = app_commands.locale_str(description)
        if option.choices and command.parent is not None:
            names = f"{command.parent.name}-{option.name}-choice"
            choices[option.name] = [
                _choice(f"{names}.{choice.value}", choice.value) for choice in option.choices
            ]
    app_commands.describe(**descriptions)(command)
    if choices:
        app_commands.choices(**choices)(command)
    for option_name, complete in autocomplete.items():
        command.autocomplete(option_name)(complete)


def _contexts(*, in_dms: bool) -> app_commands.AppCommandContext:
    return app_commands.AppCommandContext(guild=True, dm_channel=in_dms, private_channel=in_dms)


def _installs(*, for_users: bool) -> app_commands.AppInstallationType:
    return app_commands.AppInstallationType(guild=True, user=for_users)


class CommandTranslator(app_commands.Translator):
    """Translates names and descriptions of slash commands; Discord shows English otherwise."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """Return a name or description in a locale; None for a locale that is not translated."""
        # discord.py asks for each text in some thirty locales.
        language = _TRANSLATED.get(locale)
        if language is None:
            return None
        data: Any = context.data
        if isinstance(data, app_commands.ContextMenu):
            return localized_in(language, string.extras["id"])
        if context.location in _OF_COMMAND:
            return localized_in(language, _id_of(data) + _OF_COMMAND[context.location])
        if context.location is Location.parameter_name:
            return localized_in(language, f"{_id_of(data.command)}.{data.name}")
        if context.location is Location.parameter_description:
            return localized_in(language, f"{_id_of(data.command)}.{data.name}-description")
        return localized_in(language, string.extras["id"])


def _choice(message_id: str, value: str | int | float) -> app_commands.Choice[str | int | float]:
    name = app_commands.locale_str(_english(message_id), id=message_id)
    return app_commands.Choice(name=name, value=value)


def _id_of(command: app_commands.Command[Any, ..., Any] | app_commands.Group) -> str:
    return f"{command.qualified_name.replace(' ', '-')}-command"


def _english(message_id: str) -> str:
    return localized_in(DEFAULT, message_id)
