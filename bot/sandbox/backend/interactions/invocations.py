"""Turns what a person chose into interaction data, refusing what Discord's app would not send."""

from collections.abc import Callable, Mapping
from typing import Any

from bot.sandbox.backend.interactions import commands
from bot.sandbox.backend.interactions.commands import AppCommand
from bot.sandbox.backend.messages import components, render
from bot.sandbox.backend.state import permissions
from bot.sandbox.backend.state.model import Channel, DiscordMessage, Payload, Role, User
from bot.sandbox.backend.state.permissions import Permission
from bot.sandbox.backend.state.world import World


class NotPossible(ValueError):  # noqa: N818 - a person cannot do it; nothing has gone wrong
    """Discord's app would not offer this to the person; the message says why."""


def find_command(
    available: list[AppCommand], path: str, kind: int = commands.CHAT_INPUT
) -> tuple[AppCommand, list[Payload], Payload]:
    """The command of a path as "runs list": it, the subcommands on the way, and the last of them.

    Raises ``NotPossible`` where there is none.
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


def may_use(command: AppCommand, channel: Channel, user: User, now: float) -> None:
    """Raises ``NotPossible`` where the person would not see the command there."""
    contexts = command.payload.get("contexts")
    if channel.guild is None:
        if (contexts is not None and 1 not in contexts) or not command.payload["dm_permission"]:
            raise NotPossible(f"/{command.name} is not for DMs")
        return
    if contexts is not None and 0 not in contexts:
        raise NotPossible(f"/{command.name} is for DMs only")
    rights = permissions.in_channel(channel, user, now=now)
    if not rights & Permission.USE_APPLICATION_COMMANDS:
        raise NotPossible(f"{user.name} may not use application commands here")
    needed = command.payload.get("default_member_permissions")
    if needed is not None and rights != permissions.ALL:
        lacking = int(needed) & ~int(rights)
        if lacking or int(needed) == 0:
            raise NotPossible(f"/{command.name} is not for {user.name}")


class Invocation:
    """Builds the data of a slash command or of one of its autocompletes."""

    def __init__(self, world: World, channel: Channel) -> None:
        self._world = world
        self._channel = channel
        self._resolved: dict[str, dict[str, Payload]] = {}

    def data(
        self,
        command: AppCommand,
        steps: list[Payload],
        last: Payload,
        values: Mapping[str, Any],
        focused: str | None = None,
    ) -> Payload:
        """The ``data`` of the interaction; with ``focused``, that of an autocomplete."""
        options = self._options(last, values, focused)
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
            return self.resolve_channel(value)
        if isinstance(value, Role):
            return self.resolve_role(value)
        raise NotPossible(f"option {option['name']!r} does not take {value!r}")

    def resolve_user(self, user: User) -> str:
        """Add a user (and membership) to what the interaction resolves; returns the id."""
        self._resolved.setdefault("users", {})[str(user.id)] = render.user(user)
        guild = self._channel.guild
        if guild is not None and user.id in guild.members:
            payload = render.member(guild.members[user.id], with_user=False)
            rights = permissions.in_channel(self._channel, user, now=self._world.now())
            payload["permissions"] = str(int(rights))
            self._resolved.setdefault("members", {})[str(user.id)] = payload
        return str(user.id)

    def resolve_channel(self, channel: Channel) -> str:
        """Add a channel to what the interaction resolves; returns the id."""
        payload = render.channel(channel)
        payload["permissions"] = str(int(permissions.ALL))
        self._resolved.setdefault("channels", {})[str(channel.id)] = payload
        return str(channel.id)

    def resolve_role(self, role: Role) -> str:
        """Add a role to what the interaction resolves; returns the id."""
        self._resolved.setdefault("roles", {})[str(role.id)] = render.role(role)
        return str(role.id)

    def resolve_message(self, message: DiscordMessage) -> str:
        """Add a message to what the interaction resolves; returns the id."""
        payload = self._world.writer.full(message, self._world.bot, self._world.now())
        self._resolved.setdefault("messages", {})[str(message.id)] = payload
        return str(message.id)

    @property
    def resolved(self) -> dict[str, dict[str, Payload]]:
        """What has been resolved so far."""
        return self._resolved


def _within(option: Payload, low: str, high: str, value: float) -> None:
    if low in option and value < option[low]:
        raise NotPossible(f"option {option['name']!r} wants at least {option[low]}")
    if high in option and value > option[high]:
        raise NotPossible(f"option {option['name']!r} wants at most {option[high]}")


def find_component(
    message: DiscordMessage, wanted: Callable[[Payload], bool], what: str
) -> Payload:
    """The one component of a message that is wanted; raises ``NotPossible`` if none or disabled."""
    found = [one for one in components.walk(message.components) if wanted(one)]
    if not found:
        raise NotPossible(f"the message has no {what}")
    if found[0].get("disabled"):
        raise NotPossible(f"{what} is disabled")
    return found[0]


def modal_data(modal: Payload, values: Mapping[str, Any]) -> Payload:
    """The data of a submitted modal; ``values`` by custom_id or label. Raises ``NotPossible``."""
    left = dict(values)
    rows: list[Payload] = []
    for row in modal["components"]:
        if row["type"] == components.TEXT_DISPLAY:
            rows.append({"type": row["type"], "id": row["id"]})
            continue
        labelled = row["type"] == components.LABEL
        field = row["component"] if labelled else row["components"][0]
        label = row.get("label") if labelled else field.get("label")
        value = left.pop(field["custom_id"], left.pop(label, None))
        answer = _answer(field, value, str(label))
        row_payload: Payload = {"type": row["type"], "id": row["id"]}
        row_payload.update({"component": answer} if labelled else {"components": [answer]})
        rows.append(row_payload)
    if left:
        raise NotPossible(f"the modal has no field {min(left)!r}")
    return {"custom_id": modal["custom_id"], "components": rows}


def _answer(field: Payload, value: Any, label: str) -> Payload:
    answer: Payload = {"type": field["type"], "id": field["id"], "custom_id": field["custom_id"]}
    if field["type"] in components.SELECTS:
        chosen = [] if value is None else [value] if isinstance(value, str) else list(value)
        if field.get("required", True) and not chosen:
            raise NotPossible(f"field {label!r} is required")
        return {**answer, "values": chosen}
    text = field.get("value", "") if value is None else str(value)
    if field.get("required", True) and not text:
        raise NotPossible(f"field {label!r} is required")
    if text and len(text) < field.get("min_length", 0):
        raise NotPossible(f"field {label!r} wants at least {field['min_length']} characters")
    if len(text) > field.get("max_length", 4000):
        raise NotPossible(f"field {label!r} wants at most {field['max_length']} characters")
    return {**answer, "value": text}
