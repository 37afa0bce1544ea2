"""Names and describes slash commands in every language, from the language files.

The message of the command ``/runs list`` is ``runs-list-command``: its value is the command's name.
Its attributes are ``description``, and for each option ``option`` and ``option-description``. The
choices of an option are attributes of a message such as ``assistant-where-choice``.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Location

from bot.chat.texts.fluent import DEFAULT, Language, language_of, localized_in

Choices = list[app_commands.Choice[str]]

Autocomplete = Callable[[discord.Interaction[Any], str], Coroutine[Any, Any, Choices]]
"""Returns the choices for what a member typed."""

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


def new_group(
    name: str,
    *,
    needs: discord.Permissions | None = None,
    in_dms: bool = True,
    for_users: bool = False,
) -> app_commands.Group:
    """Return a group of commands, described in English.

    ``needs`` are permissions that its members need, unless a server's admins decide otherwise.
    ``for_users`` brings the commands everywhere for those who install the bot to their account.
    """
    return app_commands.Group(
        name=name,
        description=_english(f"{name}-command.description"),
        default_permissions=needs,
        allowed_contexts=_contexts(in_dms=in_dms),
        allowed_installs=_installs(for_users=for_users),
    )


def new_command(
    name: str,
    handler: Callable[..., Coroutine[Any, Any, None]],
    *,
    for_users: bool = False,
    **autocomplete: Autocomplete,
) -> app_commands.Command[Any, ..., None]:
    """Return a command of its own, which everybody has everywhere.

    ``for_users`` and ``autocomplete`` are those of ``new_group`` and ``add_command``.
    """
    command: app_commands.Command[Any, ..., None] = app_commands.Command(
        name=name,
        description=_english(f"{name}-command.description"),
        callback=handler,
        allowed_contexts=_contexts(in_dms=True),
        allowed_installs=_installs(for_users=for_users),
    )
    _describe(command, f"{name}-command", autocomplete)
    return command


def new_menu(
    message_id: str, handler: Callable[..., Coroutine[Any, Any, None]], *, for_users: bool = False
) -> app_commands.ContextMenu:
    """Return an entry of the menu that each message has; ``message_id`` is its name's."""
    return app_commands.ContextMenu(
        name=app_commands.locale_str(_english(message_id), id=message_id),
        callback=handler,
        allowed_contexts=_contexts(in_dms=True),
        allowed_installs=_installs(for_users=for_users),
    )


def add_command(
    group: app_commands.Group,
    name: str,
    handler: Callable[..., Coroutine[Any, Any, None]],
    **autocomplete: Autocomplete,
) -> None:
    """Add a command to a group, with the handler's parameters as its options.

    ``autocomplete`` has the function that completes an option, by the option's name.
    """
    message_id = f"{group.name}-{name}-command"
    command: app_commands.Command[Any, ..., None] = app_commands.Command(
        name=name, description=_english(f"{message_id}.description"), callback=handler, parent=group
    )
    _describe(command, message_id, autocomplete)
    chosen = {
        option.name: [
            _choice(f"{group.name}-{option.name}-choice.{choice.value}", choice.value)
            for choice in option.choices
        ]
        for option in command.parameters
        if option.choices
    }
    if chosen:
        app_commands.choices(**chosen)(command)
    group.add_command(command)


def _describe(
    command: app_commands.Command[Any, ..., None],
    message_id: str,
    autocomplete: Mapping[str, Autocomplete],
) -> None:
    app_commands.describe(
        **{
            option.name: app_commands.locale_str(
                _english(f"{message_id}.{option.name}-description")
            )
            for option in command.parameters
        }
    )(command)
    for option_name, complete in autocomplete.items():
        command.autocomplete(option_name)(complete)


def _contexts(*, in_dms: bool) -> app_commands.AppCommandContext:
    return app_commands.AppCommandContext(guild=True, dm_channel=in_dms, private_channel=in_dms)


def _installs(*, for_users: bool) -> app_commands.AppInstallationType:
    return app_commands.AppInstallationType(guild=True, user=for_users)


class CommandTranslator(app_commands.Translator):
    """Translates what Discord shows of slash commands; English is what it shows by default."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """Return a name or description in a locale; None where it has no language of its own."""
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
