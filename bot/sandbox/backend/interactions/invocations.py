"""Builds the data of interactions from a person's choices; refuses what Discord's app refuses."""

from collections.abc import Callable, Mapping
from typing import Any

from bot.sandbox.backend.interactions import commands
from bot.sandbox.backend.interactions.commands import AppCommand
from bot.sandbox.backend.interactions.installs import IN_GUILD, context_of, owners_of
from bot.sandbox.backend.messages.content import component_kinds as kinds
from bot.sandbox.backend.messages.content.attachments import UploadedFile, store
from bot.sandbox.backend.payloads import render
from bot.sandbox.backend.payloads.message_writer import attachment
from bot.sandbox.backend.state import permissions
from bot.sandbox.backend.state.model import Channel, DiscordMessage, Role, User
from bot.sandbox.backend.state.parts import Payload
from bot.sandbox.backend.state.permission_bits import ALL, Permission
from bot.sandbox.backend.world import World


class NotPossible(ValueError):  # noqa: N818 - a person cannot do it; nothing has gone wrong
    """Discord's app does not offer this to the person; the message says why."""


def find_command(
    available: list[AppCommand], path: str, kind: int = commands.CHAT_INPUT
) -> tuple[AppCommand, list[Payload], Payload]:
    """Return the command of a path such as "runs list", and the subcommands on the path.

    The third value returned is the object with the options: the last subcommand, or the command.
    Raises ``NotPossible`` where there is no such command.
    """
    if kind == commands.CHAT_INPUT:
        name, *rest = path.removeprefix("/").split() or [""]
    else:
        name, rest = path, []
    command = next((one for one in available if (one.kind, one.name) == (kind, name)), None)
    if command is None:
        known = ", ".join(sorted(one.name for one in available)) or "none"
        raise NotPossible(f"there is no command {name!r} (known: {known})")
    steps: list[Payload] = []
    here = command.payload
    for part in rest:
        options = here.get("options", [])
        step = next((one for one in options if one["name"] == part and one["type"] in (1, 2)), None)
        if step is None:
            raise NotPossible(f"command {here['name']!r} has no subcommand {part!r}")
        steps.append(step)
        here = step
    if any(option["type"] in (1, 2) for option in here.get("options", [])):
        raise NotPossible(f"command {path!r} wants one of its subcommands")
    return command, steps, here


def may_use(command: AppCommand, channel: Channel, user: User, world: World) -> Payload:
    """Return the installations through which the person has the command in the channel.

    Raises ``NotPossible`` where Discord's app would not show it.
    """
    contexts = command.payload.get("contexts")
    context = context_of(world, channel)
    if context != IN_GUILD and contexts is None and not command.payload["dm_permission"]:
        raise NotPossible(f"/{command.name} is not for DMs")
    if contexts is not None and context not in contexts:
        only = "for DMs only" if context == IN_GUILD else "not for DMs"
        raise NotPossible(f"/{command.name} is {only}")
    owners = owners_of(world, channel, user, command.payload["integration_types"])
    if not owners:
        raise NotPossible(f"/{command.name} is not installed here for {user.name}")
    if channel.guild is None:
        return owners
    rights = permissions.in_channel(channel, user, now=world.now())
    if not rights & Permission.USE_APPLICATION_COMMANDS:
        raise NotPossible(f"{user.name} may not use application commands here")
    needed = command.payload.get("default_member_permissions")
    # An administrator has every command. A mask of 0 hides the command from everybody else:
    # https://discord.com/developers/docs/interactions/application-commands#permissions
    if needed is not None and rights != ALL:
        lacking = int(needed) & ~int(rights)
        if lacking or int(needed) == 0:
            raise NotPossible(f"/{command.name} is not for {user.name}")
    return owners


class Invocation:
    """Builds the data of a slash command or of an autocomplete, with the objects it refers to."""

    def __init__(self, world: World, channel: Channel, user: User) -> None:
        self._world = world
        self._channel = channel
        self._user = user
        self._resolved: dict[str, dict[str, Payload]] = {}

    def data(
        self,
        command: AppCommand,
        steps: list[Payload],
        last: Payload,
        values: Mapping[str, Any],
        focused: str | None = None,
    ) -> Payload:
        """Return the ``data`` of the interaction; ``find_command`` returns ``steps`` and ``last``.

        ``focused`` is the option that an autocomplete is for.
        """
        options = self._options(last, values, focused)
        # Discord nests the options inside their subcommand, so the innermost one comes first.
        for step in reversed(steps):
            options = [{"name": step["name"], "type": step["type"], "options": options}]
        payload: Payload = {
            "id": str(command.id),
            "name": command.name,
            "type": command.kind,
            "options": options,
        }
        if command.guild_id is not None:
            payload["guild_id"] = str(command.guild_id)
        if self._resolved:
            payload["resolved"] = self._resolved
        return payload

    def _options(
        self, last: Payload, values: Mapping[str, Any], focused: str | None
    ) -> list[Payload]:
        known = {option["name"]: option for option in last.get("options", [])}
        for name in values:
            if name not in known:
                raise NotPossible(f"{last['name']!r} has no option {name!r}")
        found: list[Payload] = []
        for name, option in known.items():
            value = values.get(name)
            if value is None:
                if option.get("required") and focused is None:
                    raise NotPossible(f"option {name!r} is required")
                continue
            # The focused value is what the person has typed so far, so it need not fit the option.
            if name == focused:
                if not option.get("autocomplete"):
                    raise NotPossible(f"option {name!r} has no autocomplete")
                found.append(
                    {"name": name, "type": option["type"], "value": value, "focused": True}
                )
                continue
            checked = self._value(option, value)
            found.append({"name": name, "type": option["type"], "value": checked})
        if focused is not None and focused not in known:
            raise NotPossible(f"{last['name']!r} has no option {focused!r}")
        return found

    def _value(self, option: Payload, value: Any) -> Any:
        kind = option["type"]
        choices = option.get("choices")
        if choices:
            for choice in choices:
                if value in (choice["value"], choice["name"]):
                    return choice["value"]
            raise NotPossible(f"option {option['name']!r} does not offer {value!r}")
        if kind == commands.STRING:
            _within(option, "min_length", "max_length", len(str(value)))
            return str(value)
        if kind in (commands.INTEGER, commands.NUMBER):
            wanted = int if kind == commands.INTEGER else int | float
            if isinstance(value, bool) or not isinstance(value, wanted):
                raise NotPossible(f"option {option['name']!r} takes a number, not {value!r}")
            _within(option, "min_value", "max_value", value)
            return value
        if kind == commands.BOOLEAN:
            return bool(value)
        if isinstance(value, User):
            return self.resolve_user(value)
        if isinstance(value, Channel):
            kinds = option.get("channel_types")
            if kinds and int(value.type) not in kinds:
                raise NotPossible(f"option {option['name']!r} does not offer #{value.name}")
            return self.resolve_channel(value)
        if isinstance(value, Role):
            return self.resolve_role(value)
        if kind == commands.ATTACHMENT and isinstance(value, tuple):
            return self.resolve_file(value)
        raise NotPossible(f"option {option['name']!r} does not take {value!r}")

    def resolve_user(self, user: User) -> str:
        """Add a user, and their membership, to the resolved objects; return the id."""
        self._resolved.setdefault("users", {})[str(user.id)] = render.user(user)
        guild = self._channel.guild
        if guild is not None and user.id in guild.members:
            payload = render.member(guild.members[user.id], with_user=False)
            rights = permissions.in_channel(self._channel, user, now=self._world.now())
            payload["permissions"] = str(int(rights))
            self._resolved.setdefault("members", {})[str(user.id)] = payload
        return str(user.id)

    def resolve_channel(self, channel: Channel) -> str:
        """Add a channel to the resolved objects; return the id."""
        payload = render.channel(channel)
        # These are the permissions of the person who uses the command.
        rights = permissions.in_channel(channel, self._user, now=self._world.now())
        payload["permissions"] = str(int(rights))
        self._resolved.setdefault("channels", {})[str(channel.id)] = payload
        return str(channel.id)

    def resolve_role(self, role: Role) -> str:
        """Add a role to the resolved objects; return the id."""
        self._resolved.setdefault("roles", {})[str(role.id)] = render.role(role)
        return str(role.id)

    def resolve_message(self, message: DiscordMessage) -> str:
        """Add a message to the resolved objects; return the id."""
        payload = self._world.writer.full(message, self._world.bot, self._world.now())
        self._resolved.setdefault("messages", {})[str(message.id)] = payload
        return str(message.id)

    def resolve_file(self, file: tuple[str, bytes]) -> str:
        """Upload a file and add it to the resolved objects; return the attachment's id.

        Only the application sees the file, so Discord marks the attachment as ephemeral.
        """
        upload = UploadedFile(file[0], file[1], None)
        stored = store(self._world, self._channel, upload)
        stored.ephemeral = True
        self._world.attachments[stored.id] = stored
        payload = attachment(stored, self._world.base, self._world.now())
        self._resolved.setdefault("attachments", {})[str(stored.id)] = payload
        return str(stored.id)

    @property
    def resolved(self) -> dict[str, dict[str, Payload]]:
        """The objects that the data refers to: by kind, then by id."""
        return self._resolved


def _within(option: Payload, low: str, high: str, value: float) -> None:
    if low in option and value < option[low]:
        raise NotPossible(f"option {option['name']!r} wants at least {option[low]}")
    if high in option and value > option[high]:
        raise NotPossible(f"option {option['name']!r} wants at most {option[high]}")


def find_component(
    message: DiscordMessage, wanted: Callable[[Payload], bool], what: str
) -> Payload:
    """Return the first component that ``wanted`` accepts; ``what`` names it in errors.

    Raises ``NotPossible`` where there is none or it is disabled.
    """
    found = [one for one in kinds.walk(message.components) if wanted(one)]
    if not found:
        raise NotPossible(f"the message has no {what}")
    if found[0].get("disabled"):
        raise NotPossible(f"{what} is disabled")
    return found[0]
