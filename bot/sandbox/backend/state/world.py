"""Holds all that exists in the sandbox, and tells sessions and watchers what happens to it."""

from collections.abc import Callable
from typing import Any

from bot.sandbox.backend.messages import render
from bot.sandbox.backend.messages.message_writer import MessageWriter
from bot.sandbox.backend.state import permissions
from bot.sandbox.backend.state.events import Change, ChangeKind, Changes, GatewayEvent, Intent
from bot.sandbox.backend.state.model import (
    Channel,
    DiscordAttachment,
    DiscordMessage,
    Guild,
    Payload,
    User,
)
from bot.sandbox.backend.state.permissions import Permission
from bot.sandbox.clock import SandboxClock
from bot.sandbox.errors import missing_access, unknown_channel, unknown_guild, unknown_message
from bot.sandbox.snowflake import Snowflakes


class World:
    """The state that every operation works on; ``base`` is the address files are served under."""

    def __init__(self, clock: SandboxClock, application_name: str) -> None:
        self.clock = clock
        self.ids = Snowflakes(clock)
        self.users: dict[int, User] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.attachments: dict[int, DiscordAttachment] = {}
        self.bot = User(self.ids.next(), application_name, bot=True)
        self.users[self.bot.id] = self.bot
        self.application_name = application_name
        self.granted_intents: set[str] = {"members", "presences", "message_content"}
        self.identified = 0
        self.changes = Changes()
        self.base = ""
        self.writer = MessageWriter("", self.bot)
        self.listeners: list[Callable[[GatewayEvent], None]] = []

    @property
    def application_id(self) -> int:
        """The application's id, which is the bot user's."""
        return self.bot.id

    def at_address(self, base: str) -> None:
        """Serve files under this address from now on."""
        self.base = base
        self.writer.base = base

    def now(self) -> float:
        """Unix seconds."""
        return self.clock.now()

    def emit(self, event: GatewayEvent) -> None:
        """Send an event to the gateway's sessions."""
        for listener in self.listeners:
            listener(event)

    def publish(
        self,
        kind: ChangeKind,
        *,
        channel: Channel | None = None,
        message: DiscordMessage | None = None,
        detail: Any = None,
    ) -> None:
        """Tell who waits or watches that something changed."""
        if message is not None and channel is None:
            channel = message.channel
        self.changes.publish(Change(kind, self.now(), channel, message, detail))

    def require(self, channel: Channel, user: User, needed: Permission) -> Permission:
        """What the user may do there; raises 50001 or 50013 where ``needed`` lacks."""
        return permissions.require(channel, user, needed, now=self.now())

    def allowed(self, channel: Channel, user: User) -> Permission:
        """What the user may do in a channel."""
        return permissions.in_channel(channel, user, now=self.now())

    def sees(self, channel: Channel, user: User) -> bool:
        """Whether the user can see the channel."""
        return bool(self.allowed(channel, user) & Permission.VIEW_CHANNEL)

    def channel(self, channel_id: int, viewer: User) -> Channel:
        """The channel, for a viewer that can see it; raises 10003 or 50001."""
        found = self.channels.get(channel_id)
        if found is None:
            raise unknown_channel()
        if not self.sees(found, viewer):
            raise missing_access()
        return found

    def guild(self, guild_id: int, viewer: User) -> Guild:
        """The guild, for a member; raises 10004."""
        found = self.guilds.get(guild_id)
        if found is None or viewer.id not in found.members:
            raise unknown_guild()
        return found

    def message(self, channel: Channel, message_id: int) -> DiscordMessage:
        """The message in the channel; raises 10008."""
        found = channel.by_id.get(message_id)
        if found is None:
            raise unknown_message()
        return found

    def emit_message(self, name: str, message: DiscordMessage) -> None:
        """Send MESSAGE_CREATE or MESSAGE_UPDATE to all who may see it, as each may see it."""
        now = self.now()
        full = self.writer.for_gateway(message, self.writer.full(message, None, now))

        def stripped() -> Payload:
            shown = self.writer.for_bot(message, now, content=False)
            return self.writer.for_gateway(message, shown)

        only = None
        if message.for_user is not None:
            only = frozenset({message.for_user.id, message.author.id})
        direct = message.channel.guild is None or message.for_user is not None
        self.emit(
            GatewayEvent(
                name,
                full,
                Intent.DIRECT_MESSAGES if direct else Intent.GUILD_MESSAGES,
                channel=message.channel,
                only=only,
                stripped=stripped,
                guild_id=message.channel.guild.id if message.channel.guild else None,
            )
        )

    def emit_channel(
        self, name: str, channel: Channel, *, only: frozenset[int] | None = None
    ) -> None:
        """Send CHANNEL_… or THREAD_… with the channel as it stands."""
        self.emit(
            GatewayEvent(
                name,
                render.channel(channel),
                Intent.GUILDS,
                channel=channel,
                only=only,
                guild_id=channel.guild.id if channel.guild else None,
            )
        )

    async def until(self, condition: Callable[[], Any], timeout: float) -> None:
        """See ``Changes.until``."""
        await self.changes.until(condition, timeout)
