"""Holds all users, guilds, channels and messages, and sends events to sessions and watchers."""

from collections.abc import Callable
from typing import Any

from bot.sandbox.backend.payloads import render
from bot.sandbox.backend.payloads.message_writer import MessageWriter
from bot.sandbox.backend.state import permissions
from bot.sandbox.backend.state.events import Change, ChangeKind, Changes, GatewayEvent, Intent
from bot.sandbox.backend.state.model import Channel, DiscordMessage, Guild, User
from bot.sandbox.backend.state.parts import DiscordAttachment, Payload, Sticker
from bot.sandbox.backend.state.permission_bits import Permission
from bot.sandbox.clock import SandboxClock
from bot.sandbox.errors import missing_access, unknown_channel, unknown_guild, unknown_message
from bot.sandbox.snowflake import Snowflakes


class World:
    """The state of the sandbox; ``base`` is the address that serves files."""

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
        self.user_installs: set[int] = set()
        self.granted_intents: set[str] = {"members", "presences", "message_content"}
        self.identified = 0
        self.changes = Changes()
        self.base = ""
        self.writer = MessageWriter("", self.bot)
        self.listeners: list[Callable[[GatewayEvent], None]] = []

    @property
    def application_id(self) -> int:
        """The application's id; a new application's bot user has the same one."""
        return self.bot.id

    def at_address(self, base: str) -> None:
        """Set the address that serves files."""
        self.base = base
        self.writer.base = base

    def now(self) -> float:
        """Return the sandbox's time in Unix seconds."""
        return self.clock.now()

    def emit(self, event: GatewayEvent) -> None:
        """Send an event to the gateway sessions."""
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
        """Send a change to everybody who waits or watches."""
        if message is not None and channel is None:
            channel = message.channel
        self.changes.publish(Change(kind, self.now(), channel, message, detail))

    def require(self, channel: Channel, user: User, needed: Permission) -> Permission:
        """Return the user's permissions in the channel.

        Raises Discord's error 50001 (missing access) or 50013 (missing permissions).
        """
        return permissions.require(channel, user, needed, now=self.now())

    def allowed(self, channel: Channel, user: User) -> Permission:
        """Return the user's permissions in the channel."""
        return permissions.in_channel(channel, user, now=self.now())

    def sees(self, channel: Channel, user: User) -> bool:
        """Return whether the user can see the channel."""
        return bool(self.allowed(channel, user) & Permission.VIEW_CHANNEL)

    def channel(self, channel_id: int, viewer: User) -> Channel:
        """Return the channel.

        Raises Discord's error 10003 (unknown channel), or 50001 (missing access) where the viewer
        does not see the channel.
        """
        found = self.channels.get(channel_id)
        if found is None:
            raise unknown_channel()
        if not self.sees(found, viewer):
            raise missing_access()
        return found

    def guild(self, guild_id: int, viewer: User) -> Guild:
        """Return the guild.

        Raises Discord's error 10004 (unknown guild), also where the viewer is not a member.
        """
        found = self.guilds.get(guild_id)
        if found is None or viewer.id not in found.members:
            raise unknown_guild()
        return found

    def sticker(self, sticker_id: int) -> Sticker | None:
        """Return the sticker of that id, of whatever guild."""
        for guild in self.guilds.values():
            if sticker_id in guild.stickers:
                return guild.stickers[sticker_id]
        return None

    def message(self, channel: Channel, message_id: int) -> DiscordMessage:
        """Return the message in the channel; raises Discord's error 10008 (unknown message)."""
        found = channel.by_id.get(message_id)
        if found is None:
            raise unknown_message()
        return found

    def bot_reads(self, message: DiscordMessage) -> bool:
        """Return whether the bot may read the message's content."""
        return "message_content" in self.granted_intents or self.writer.readable(message)

    def emit_message(self, name: str, message: DiscordMessage) -> None:
        """Send a message event to all who see the channel, with the content that each may read."""
        now = self.now()
        full = self.writer.for_gateway(message, self.writer.full(message, None, now))

        def stripped() -> Payload:
            shown = self.writer.for_bot(message, now, content=False)
            return self.writer.for_gateway(message, shown)

        only = None
        if message.for_user is not None:
            seen_by = {message.for_user.id}
            # An application that is not in the guild gets no events of its channels.
            if self.sees(message.channel, message.author):
                seen_by.add(message.author.id)
            only = frozenset(seen_by)
        # Discord sends ephemeral messages under the intent for direct messages.
        direct = message.channel.guild is None or message.for_user is not None
        self.emit(
            GatewayEvent(
                name,
                full,
                Intent.DIRECT_MESSAGES if direct else Intent.GUILD_MESSAGES,
                channel=message.channel,
                only=only,
                stripped=stripped,
            )
        )

    def emit_channel(self, name: str, channel: Channel) -> None:
        """Send a CHANNEL_ or THREAD_ event with the channel's present state."""
        self.emit(GatewayEvent(name, render.channel(channel), Intent.GUILDS, channel=channel))

    async def until(self, condition: Callable[[], Any], timeout: float) -> None:
        """Wait until ``condition()`` is true, as ``Changes.until`` does."""
        await self.changes.until(condition, timeout)
