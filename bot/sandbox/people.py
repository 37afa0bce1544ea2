"""People: what a member of the sandbox's guild can do by hand, as from Discord's own app."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bot.sandbox.backend import Backend
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
    modal_data,
)
from bot.sandbox.backend.messages import components
from bot.sandbox.backend.messages.drafts import Draft, UploadedFile, read_new
from bot.sandbox.backend.state.model import Channel, DiscordMessage, Payload, Role, User
from bot.sandbox.forms import Form

WAIT_SECONDS: Final = 30.0


class Person:
    """A member; ``DiscordError``: Discord refuses; ``NotPossible``: its app hides the control."""

    def __init__(self, backend: Backend, user: User, token: str) -> None:
        self._backend = backend
        self._world = backend.world
        self.user = user
        self.token = token

    def __repr__(self) -> str:
        return f"<Person {self.user.name}>"

    @property
    def id(self) -> int:
        """The user's id."""
        return self.user.id

    @property
    def name(self) -> str:
        """The name shown."""
        return self.user.name

    @property
    def mention(self) -> str:
        """The text that mentions this person."""
        return self.user.mention

    async def say(
        self,
        channel: Channel,
        text: str = "",
        *,
        mention_bot: bool = False,
        reply_to: DiscordMessage | None = None,
        ping_author: bool = True,
        attachments: Sequence[tuple[str, bytes]] = (),
    ) -> DiscordMessage:
        """Post a message; ``attachments`` are pairs of file name and content."""
        if mention_bot:
            text = f"{self._world.bot.mention} {text}".strip()
        body: Payload = {"content": text}
        if reply_to is not None:
            body["message_reference"] = {"message_id": str(reply_to.id)}
            parse = ["users", "roles", "everyone"]
            body["allowed_mentions"] = {"parse": parse, "replied_user": ping_author}
        uploads = {
            number: UploadedFile(name, data, None)
            for number, (name, data) in enumerate(attachments)
        }
        draft = read_new(self._world, channel, Form(body, "say"), uploads)
        return self._backend.messages.post(channel, self.user, draft)

    async def edit(self, message: DiscordMessage, text: str) -> DiscordMessage:
        """Edit one's own message."""
        draft = Draft(content=text.strip())
        return self._backend.messages.edit(message, self.user, draft)

    async def delete(self, message: DiscordMessage) -> None:
        """Delete one's own message, or another's with Manage Messages."""
        self._backend.messages.delete(message, self.user)

    async def react(self, message: DiscordMessage, emoji: str) -> None:
        """Add a reaction."""
        self._backend.reactions.add(message, self.user, emoji)

    async def unreact(self, message: DiscordMessage, emoji: str) -> None:
        """Take one's reaction back."""
        self._backend.reactions.remove(message, self.user, self.user, emoji)

    async def type_in(self, channel: Channel) -> None:
        """Show "… is typing"."""
        self._backend.channels.start_typing(channel, self.user)

    async def open_dm(self) -> Channel:
        """The DM channel with the bot."""
        return self._backend.channels.open_dm(self.user, self._world.bot)

    async def start_thread(self, message: DiscordMessage, name: str) -> Channel:
        """Start a channel thread on a message."""
        form = Form({"name": name}, "start_thread")
        return self._backend.threads.from_message(message, self.user, form)

    async def command(
        self, channel: Channel, path: str, /, *, wait: bool = True, **values: Any
    ) -> Interaction:
        """Use a slash command, subcommands by space; returns once acknowledged or failed.

        Values may be ``User``, ``Role``, ``Channel`` objects where the option takes those, or a
        ``Person``. With ``wait`` false it returns at once.
        """
        interaction = self.begin_command(channel, path, values)
        return await self._settled(interaction) if wait else interaction

    def begin_command(self, channel: Channel, path: str, values: Mapping[str, Any]) -> Interaction:
        """Send a slash command and return at once."""
        command, steps, last = find_command(self._available(channel), path)
        may_use(command, channel, self.user, self._world.now())
        plain = {
            name: value.user if isinstance(value, Person) else value
            for name, value in values.items()
        }
        data = Invocation(self._world, channel).data(command, steps, last, plain)
        return self._backend.interactions.begin(COMMAND, self.user, channel, data)

    async def menu(self, channel: Channel, name: str, target: DiscordMessage | User) -> Interaction:
        """Use a context menu command on a message or a user."""
        kind = commands.MESSAGE if isinstance(target, DiscordMessage) else commands.USER
        command, _, _ = find_command(self._available(channel), name, kind)
        may_use(command, channel, self.user, self._world.now())
        invocation = Invocation(self._world, channel)
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
        interaction = self._backend.interactions.begin(COMMAND, self.user, channel, data)
        return await self._settled(interaction)

    async def autocomplete(
        self,
        channel: Channel,
        path: str,
        *,
        focused: str,
        value: str = "",
        others: Mapping[str, Any] | None = None,
    ) -> list[Payload]:
        """What is offered while typing ``value`` into the option ``focused``: name and value each.

        ``others`` are the values of the other options. Raises ``NotPossible`` where the bot offers
        nothing in time.
        """
        command, steps, last = find_command(self._available(channel), path)
        may_use(command, channel, self.user, self._world.now())
        values = {**(others or {}), focused: value}
        data = Invocation(self._world, channel).data(command, steps, last, values, focused)
        interaction = self._backend.interactions.begin(AUTOCOMPLETE, self.user, channel, data)
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
            if one["type"] != components.BUTTON or "custom_id" not in one:
                return False
            if custom_id is not None:
                return bool(one["custom_id"] == custom_id)
            emoji = one.get("emoji", {}).get("name")
            return label is None or label in (one.get("label"), emoji)

        button = find_component(message, wanted, f"button {label or custom_id!r}")
        data = {
            "component_type": components.BUTTON,
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
            is_select = one["type"] in components.SELECTS
            return is_select and (custom_id is None or one["custom_id"] == custom_id)

        menu = find_component(message, wanted, f"select menu {custom_id or ''}")
        invocation = Invocation(self._world, message.channel)
        chosen = [self._choice(menu, value, invocation) for value in values]
        if not menu["min_values"] <= len(chosen) <= menu["max_values"]:
            least, most = menu["min_values"], menu["max_values"]
            raise NotPossible(f"the menu takes {least} to {most} values, not {len(chosen)}")
        data = {
            "component_type": menu["type"],
            "custom_id": menu["custom_id"],
            "id": menu["id"],
            "values": chosen,
        }
        if menu["type"] != components.STRING_SELECT:
            data["resolved"] = invocation.resolved
        return await self._component(message, data, wait=wait)

    def _choice(
        self, menu: Payload, value: str | User | Role | Channel, invocation: Invocation
    ) -> str:
        if isinstance(value, User):
            return invocation.resolve_user(value)
        if isinstance(value, Role):
            return invocation.resolve_role(value)
        if isinstance(value, Channel):
            return invocation.resolve_channel(value)
        for option in menu.get("options", []):
            if value in (option["value"], option["label"]):
                chosen: str = option["value"]
                return chosen
        raise NotPossible(f"the menu does not offer {value!r}")

    async def submit_modal(
        self, interaction: Interaction, values: Mapping[str, Any], *, wait: bool = True
    ) -> Interaction:
        """Submit the modal an interaction was answered with; ``values`` by custom_id or label."""
        if interaction.modal is None:
            raise NotPossible("the interaction was not answered with a modal")
        data = modal_data(interaction.modal, values)
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
        return self._backend.commands.visible(channel.guild.id if channel.guild else None)

    def _must_see(self, message: DiscordMessage) -> None:
        hidden = message.for_user is not None and message.for_user is not self.user
        if hidden or message.deleted or not self._world.sees(message.channel, self.user):
            raise NotPossible(f"{self.name} does not see that message")
