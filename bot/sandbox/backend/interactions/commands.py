"""The application's commands, checked against Discord's rules when they are registered.

Rules and limits: https://discord.com/developers/docs/interactions/application-commands.
"""

import re
from dataclasses import dataclass
from typing import Final

from bot.sandbox import errors
from bot.sandbox.backend.state.parts import Payload
from bot.sandbox.backend.world import World
from bot.sandbox.forms import Form

CHAT_INPUT: Final = 1
USER: Final = 2
MESSAGE: Final = 3
SUBCOMMAND: Final = 1
GROUP: Final = 2
STRING: Final = 3
INTEGER: Final = 4
BOOLEAN: Final = 5
USER_OPTION: Final = 6
CHANNEL: Final = 7
ROLE: Final = 8
MENTIONABLE: Final = 9
NUMBER: Final = 10
ATTACHMENT: Final = 11
CREATES_A_DAY: Final = 200
MAX_CHARACTERS: Final = 8000
_NAME: Final = re.compile(r"[-_'\w]{1,32}\Z")


@dataclass(slots=True, eq=False)
class AppCommand:
    """A registered command; ``payload`` is Discord's object for it."""

    id: int
    kind: int
    name: str
    guild_id: int | None
    payload: Payload

    @property
    def options(self) -> list[Payload]:
        """The command's options, subcommands included."""
        found: list[Payload] = self.payload.get("options", [])
        return found


class CommandRegistry:
    """The application's commands by scope: a guild's id, or None for global commands."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._scopes: dict[int | None, dict[int, AppCommand]] = {}
        self._created: dict[int | None, list[float]] = {}
        self.synced = False
        self.creates_a_day = CREATES_A_DAY

    def all(self, guild_id: int | None) -> list[AppCommand]:
        """Return the commands registered in one scope."""
        return list(self._scopes.get(guild_id, {}).values())

    def visible(self, guild_id: int | None) -> list[AppCommand]:
        """Return the commands shown in a guild; its own hide global commands of the same name."""
        found: dict[tuple[int, str], AppCommand] = {}
        for command in [*self.all(None), *(self.all(guild_id) if guild_id else [])]:
            found[command.kind, command.name] = command
        return list(found.values())

    def get(self, guild_id: int | None, command_id: int) -> AppCommand:
        """Return a command of a scope.

        Raises Discord's error 10063 (unknown command) if the scope does not have it.
        """
        found = self._scopes.get(guild_id, {}).get(command_id)
        if found is None:
            raise errors.unknown_command()
        return found

    def overwrite(self, guild_id: int | None, forms: list[Form]) -> list[AppCommand]:
        """Replace a scope's commands; a command of the same kind and name keeps its id."""
        limits = {CHAT_INPUT: 100, USER: 15, MESSAGE: 15}
        payloads = [_read_command(form) for form in forms]
        for kind, limit in limits.items():
            if sum(1 for payload in payloads if payload["type"] == kind) > limit:
                message = f"Maximum number of application commands reached ({limit})"
                raise errors.DiscordError(400, 30032, message)
        names = [(payload["type"], payload["name"]) for payload in payloads]
        for form, name in zip(forms, names, strict=True):
            if names.count(name) > 1:
                message = "Option names must be unique"
                form.problem("APPLICATION_COMMANDS_DUPLICATE_NAME", message, "name")
        for form in forms:
            form.finish()
        # A command that exists already does not count towards the daily limit.
        old = {(one.kind, one.name): one for one in self.all(guild_id)}
        self._count_creates(guild_id, sum(1 for name in names if name not in old))
        made = [
            self._make(guild_id, payload, old.get((payload["type"], payload["name"])))
            for payload in payloads
        ]
        self._scopes[guild_id] = {command.id: command for command in made}
        self._changed()
        return made

    def create(self, guild_id: int | None, form: Form) -> tuple[AppCommand, bool]:
        """Add a command, or replace the one of the same kind and name.

        The second value returned says whether the command is new.
        """
        payload = _read_command(form)
        form.finish()
        scope = self._scopes.setdefault(guild_id, {})
        old = next(
            (
                one
                for one in scope.values()
                if (one.kind, one.name) == (payload["type"], payload["name"])
            ),
            None,
        )
        if old is None:
            self._count_creates(guild_id, 1)
        made = self._make(guild_id, payload, old)
        scope[made.id] = made
        self._changed()
        return made, old is None

    def edit(self, old: AppCommand, form: Form) -> AppCommand:
        """Change some of a command's fields."""
        merged = {**old.payload, **{key: form.raw(key) for key in form.names}}
        full = Form(merged, form.where)
        full.ignore("guild_id")
        payload = _read_command(full)
        full.finish()
        made = self._make(old.guild_id, payload, old)
        self._scopes[old.guild_id][old.id] = made
        self._changed()
        return made

    def delete(self, guild_id: int | None, command_id: int) -> None:
        """Remove a command of a scope.

        Raises Discord's error 10063 (unknown command) if the scope does not have it.
        """
        self.get(guild_id, command_id)
        del self._scopes[guild_id][command_id]
        self._changed()

    def _make(self, guild_id: int | None, payload: Payload, old: AppCommand | None) -> AppCommand:
        command_id = self._world.ids.next() if old is None else old.id
        # Each change gives a command a new version; the first version is the id.
        version = command_id if old is None else self._world.ids.next()
        full: Payload = {
            "id": str(command_id),
            "application_id": str(self._world.application_id),
            "version": str(version),
            **payload,
        }
        if guild_id is not None:
            full["guild_id"] = str(guild_id)
        return AppCommand(command_id, payload["type"], payload["name"], guild_id, full)

    def _count_creates(self, guild_id: int | None, count: int) -> None:
        now = self._world.now()
        recent = [at for at in self._created.get(guild_id, []) if at > now - 86_400]
        if count and len(recent) + count > self.creates_a_day:
            first = recent[0] if recent else now
            raise errors.too_many_command_creates(first + 86_400 - now)
        self._created[guild_id] = recent + [now] * count

    def _changed(self) -> None:
        self.synced = True
        self._world.publish("commands")


def _read_command(form: Form) -> Payload:
    form.ignore("id", "application_id", "version")
    kind = form.integer("type", CHAT_INPUT, one_of={CHAT_INPUT, USER, MESSAGE}) or CHAT_INPUT
    payload: Payload = {"type": kind}
    form.required("name")
    name = form.text("name", least=1, most=32) or ""
    payload["name"] = name
    if kind == CHAT_INPUT:
        _check_name(form, name)
        form.required("description")
    payload["name_localizations"] = form.words("name_localizations", most=32)
    least = 1 if kind == CHAT_INPUT else 0
    payload["description"] = form.text("description", least=least, most=100) or ""
    if kind != CHAT_INPUT and payload["description"]:
        message = "Context menu commands cannot have description"
        form.problem("APPLICATION_COMMAND_DESCRIPTION_INVALID", message, "description")
    payload["description_localizations"] = form.words("description_localizations", most=100)
    permissions = form.integer("default_member_permissions")
    payload["default_member_permissions"] = None if permissions is None else str(permissions)
    payload["nsfw"] = bool(form.boolean("nsfw", False))
    contexts = form.integers("contexts", {0, 1, 2})
    payload["contexts"] = contexts
    in_dms = bool(form.boolean("dm_permission", True))  # what contexts have taken the place of
    payload["dm_permission"] = in_dms if contexts is None else 1 in contexts
    payload["integration_types"] = form.integers("integration_types", {0, 1}) or [0]
    options = _read_options(form, depth=0)
    if kind == CHAT_INPUT and options:
        payload["options"] = options
    if _characters(payload) > MAX_CHARACTERS:
        message = f"Command exceeds maximum size ({MAX_CHARACTERS})"
        form.problem("APPLICATION_COMMAND_TOO_LARGE", message)
    return payload


def _check_name(form: Form, name: str) -> None:
    if not _NAME.match(name) or name != name.lower():
        message = "Command name is invalid"
        form.problem("APPLICATION_COMMAND_INVALID_NAME", message, "name")


def _read_options(form: Form, depth: int) -> list[Payload]:
    found: list[Payload] = []
    optional_before = False
    for option in form.forms("options", most=25) or []:
        payload = _read_option(option, depth)
        if payload.get("required") and optional_before:
            message = "Required options must be placed before non-required options"
            option.problem("APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message, "required")
        optional_before = optional_before or not payload.get("required")
        if any(payload["name"] == other["name"] for other in found):
            message = "Option names must be unique"
            option.problem("APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", message, "name")
        found.append(payload)
    kinds = {payload["type"] in (SUBCOMMAND, GROUP) for payload in found}
    if len(kinds) > 1:
        message = "Sub-command and sub-command group option types are mutually exclusive to others"
        form.problem("APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message, "options")
    return found


def _read_option(form: Form, depth: int) -> Payload:
    form.required("type")
    kind = form.integer("type", least=1, most=11) or STRING
    form.required("name")
    form.required("description")
    name = form.text("name", least=1, most=32) or ""
    _check_name(form, name)
    payload: Payload = {
        "type": kind,
        "name": name,
        "description": form.text("description", least=1, most=100) or "",
    }
    for key, most in (("name_localizations", 32), ("description_localizations", 100)):
        words = form.words(key, most=most)
        if words:
            payload[key] = words
    if kind in (SUBCOMMAND, GROUP):
        form.ignore("required")
        if depth == 2 or (kind == GROUP and depth == 1):
            message = "Invalid nesting of sub-commands"
            form.problem("APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message, "type")
        payload["options"] = _read_options(form, depth + 1)
        return payload
    payload["required"] = bool(form.boolean("required", False))
    if form.boolean("autocomplete", False):
        payload["autocomplete"] = True
    choices = form.forms("choices", most=25)
    if choices:
        payload["choices"] = [_read_choice(choice, kind) for choice in choices]
        if payload.get("autocomplete"):
            message = "Autocomplete options cannot have choices"
            form.problem("APPLICATION_COMMAND_OPTIONS_CHOICES_INVALID", message, "choices")
    if kind in (INTEGER, NUMBER):
        bounds = {key: form.number(key) for key in ("min_value", "max_value")}
    elif kind == STRING:
        bounds = {
            "min_length": form.integer("min_length", least=0, most=6000),
            "max_length": form.integer("max_length", least=1, most=6000),
        }
    else:
        bounds = {}
    payload.update({key: value for key, value in bounds.items() if value is not None})
    if kind == CHANNEL:
        kinds = form.integers("channel_types", set(range(17)))
        if kinds:
            payload["channel_types"] = kinds
    form.ignore("options")
    return payload


def _read_choice(form: Form, kind: int) -> Payload:
    form.required("name")
    form.required("value")
    wanted = {STRING: str, INTEGER: int}.get(kind, int | float)
    value = form.raw("value")
    if value is not None and (isinstance(value, bool) or not isinstance(value, wanted)):
        form.problem("BASE_TYPE_CHOICES", "The value does not fit the option's type.", "value")
    payload: Payload = {
        "name": form.text("name", least=1, most=100) or "",
        "value": value,
    }
    localized = form.words("name_localizations", most=100)
    if localized:
        payload["name_localizations"] = localized
    return payload


def _characters(payload: Payload) -> int:
    """Return the number of a command's characters that count towards Discord's limit.

    Of a text with localizations the longest counts.
    """
    total = _longest(payload, "name") + _longest(payload, "description")
    for option in payload.get("options", []):
        total += _characters(option)
    for choice in payload.get("choices", []):
        total += _longest(choice, "name") + len(str(choice["value"]))
    return total


def _longest(payload: Payload, field: str) -> int:
    localized = payload.get(f"{field}_localizations") or {}
    return max(map(len, (payload.get(field) or "", *localized.values())))
