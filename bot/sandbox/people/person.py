"""A person: a participant who also uses commands, buttons, menus and modals."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from bot.sandbox.backend.interactions import commands
from bot.sandbox.backend.interactions.interactions import (
    AUTOCOMPLETE,
    COMMAND,
    COMPONENT,
    MODAL_SUBMIT,
    Interaction,
)
from bot.sandbox.backend.interactions.invocations import (
    Invocation,
    NotPossible,
    find_command,
    find_component,
    may_use,
)
from bot.sandbox.backend.interactions.modal_answers import ModalAnswers
from bot.sandbox.backend.messages.content import component_kinds as kinds
from bot.sandbox.backend.state.model import Channel, DiscordMessage, Role, User
from bot.sandbox.backend.state.parts import Payload
from bot.sandbox.people.participant import Participant

# Real seconds; far longer than Discord's three, which run on the sandbox's clock.
WAIT_SECONDS: Final = 30.0


class Person(Participant):
    """A member who uses Discord's app; ``Participant`` says what the methods raise."""

    async def command(
        self, channel: Channel, path: str, /, *, wait: bool = True, **values: Any
    ) -> Interaction:
        """Use a slash command such as "runs list"; return once it is acknowledged or has failed.

        Values may be ``User``, ``Role``, ``Channel`` objects where the option takes those, or a
        ``Person``. With ``wait`` false it returns at once.
        """
        interaction = self.begin_command(channel, path, values)
        return await self._settled(interaction) if wait else interaction

    def begin_command(self, channel: Channel, path: str, values: Mapping[str, Any]) -> Interaction:
        """Send a slash command and return at once."""
        command, steps, last = find_command(self._available(channel), path)
        owners = may_use(command, channel, self.user, self._world)
        plain = {
            name: value.user if isinstance(value, Person) else value
            for name, value in values.items()
        }
        data = Invocation(self._world, channel, self.user).data(command, steps, last, plain)
        return self._backend.interactions.begin(COMMAND, self.user, channel, data, owners=owners)

    def message_menus(self, channel: Channel) -> list[str]:
        """Return the names of the context menu commands that the person has for messages there."""
        found = []
        for command in self._available(channel):
            if command.kind == commands.MESSAGE:
                with suppress(NotPossible):
                    may_use(command, channel, self.user, self._world)
                    found.append(command.name)
        return found

    async def menu(
        self, channel: Channel, name: str, target: DiscordMessage | User, *, wait: bool = True
    ) -> Interaction:
        """Use a context menu command on a message or a user."""
        kind = commands.MESSAGE if isinstance(target, DiscordMessage) else commands.USER
        command, _, _ = find_command(self._available(channel), name, kind)
        owners = may_use(command, channel, self.user, self._world)
        invocation = Invocation(self._world, channel, self.user)
        if isinstance(target, DiscordMessage):
            target_id = invocation.resolve_message(target)
        else:
            target_id = invocation.resolve_user(target)
        data = {
            "id": str(command.id),
            "name": command.name,
            "type": kind,
            "target_id": target_id,
            "resolved": invocation.resolved,
        }
        interaction = self._backend.interactions.begin(
            COMMAND, self.user, channel, data, owners=owners
        )
        return await self._settled(interaction) if wait else interaction

    async def autocomplete(
        self,
        channel: Channel,
        path: str,
        *,
        focused: str,
        value: str = "",
        others: Mapping[str, Any] | None = None,
    ) -> list[Payload]:
        """Return the choices for ``value`` typed into the option ``focused``, by name and value.

        ``others`` are the values of the other options. Raises ``NotPossible`` if the bot offers no
        choices in time.
        """
        command, steps, last = find_command(self._available(channel), path)
        owners = may_use(command, channel, self.user, self._world)
        values = {**(others or {}), focused: value}
        data = Invocation(self._world, channel, self.user).data(
            command, steps, last, values, focused
        )
        interaction = self._backend.interactions.begin(
            AUTOCOMPLETE, self.user, channel, data, owners=owners
        )
        await self._settled(interaction)
        if interaction.choices is None:
            raise NotPossible("loading options failed")
        return interaction.choices

    async def click(
        self,
        message: DiscordMessage,
        label: str | None = None,
        *,
        custom_id: str | None = None,
        wait: bool = True,
    ) -> Interaction:
        """Press a button by its label or custom_id; returns once acknowledged or failed."""
        self._must_see(message)

        def wanted(one: Payload) -> bool:
            if one["type"] != kinds.BUTTON or "custom_id" not in one:
                return False
            if custom_id is not None:
                return bool(one["custom_id"] == custom_id)
            emoji = one.get("emoji", {}).get("name")
            return label is None or label in (one.get("label"), emoji)

        button = find_component(message, wanted, f"button {label or custom_id!r}")
        data = {
            "component_type": kinds.BUTTON,
            "custom_id": button["custom_id"],
            "id": button["id"],
        }
        return await self._component(message, data, wait=wait)

    async def select(
        self,
        message: DiscordMessage,
        *values: str | User | Role | Channel,
        custom_id: str | None = None,
        wait: bool = True,
    ) -> Interaction:
        """Choose in a select menu: option values or labels, or users, roles, channels."""
        self._must_see(message)

        def wanted(one: Payload) -> bool:
            is_select = one["type"] in kinds.SELECTS
            return is_select and (custom_id is None or one["custom_id"] == custom_id)

        menu = find_component(message, wanted, f"select menu {custom_id or ''}")
        invocation = Invocation(self._world, message.channel, self.user)
        answers = ModalAnswers(invocation)
        chosen = [answers.choice(menu, value, "the menu") for value in values]
        if not menu["min_values"] <= len(chosen) <= menu["max_values"]:
            least, most = menu["min_values"], menu["max_values"]
            raise NotPossible(f"the menu takes {least} to {most} values, not {len(chosen)}")
        data = {
            "component_type": menu["type"],
            "custom_id": menu["custom_id"],
            "id": menu["id"],
            "values": chosen,
        }
        if menu["type"] != kinds.STRING_SELECT:
            data["resolved"] = invocation.resolved
        return await self._component(message, data, wait=wait)

    async def submit_modal(
        self, interaction: Interaction, values: Mapping[str, Any], *, wait: bool = True
    ) -> Interaction:
        """Submit the modal that answered an interaction; ModalAnswers.data describes ``values``."""
        if interaction.modal is None:
            raise NotPossible("the interaction was not answered with a modal")
        answers = ModalAnswers(Invocation(self._world, interaction.channel, self.user))
        data = answers.data(interaction.modal, values)
        submitted = self._backend.interactions.begin(
            MODAL_SUBMIT,
            self.user,
            interaction.channel,
            data,
            message=interaction.message,
            parent=interaction,
        )
        return await self._settled(submitted) if wait else submitted

    async def _component(
        self, message: DiscordMessage, data: Payload, *, wait: bool
    ) -> Interaction:
        interaction = self._backend.interactions.begin(
            COMPONENT, self.user, message.channel, data, message=message
        )
        return await self._settled(interaction) if wait else interaction

    async def _settled(self, interaction: Interaction) -> Interaction:
        await self._world.until(lambda: interaction.state != "waiting", WAIT_SECONDS)
        return interaction

    def _available(self, channel: Channel) -> list[commands.AppCommand]:
        return self._backend.commands.visible(channel.guild_id)

    def _must_see(self, message: DiscordMessage) -> None:
        hidden = message.for_user is not None and message.for_user is not self.user
        if hidden or message.deleted or not self._world.sees(message.channel, self.user):
            raise NotPossible(f"{self.name} does not see that message")
