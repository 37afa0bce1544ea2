"""The bot's account over HTTP alone, for ``init`` and ``check``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import discord

from bot.chat.texts.fluent import localized, localized_in
from bot.chat.texts.locales import language_of_guild
from bot.chat.transport import dpy_internals
from bot.chat.transport.login import LoginError, invite_url, login_errors, own_user
from bot.config import DiscordSettings

_NEEDED_TO_ANSWER: Final = {
    "view_channel": "View Channel",
    "send_messages": "Send Messages",
    "read_message_history": "Read Message History",
    "create_public_threads": "Create Public Threads",
    "send_messages_in_threads": "Send Messages in Threads",
}


class GreetingError(Exception):
    """The greeting was not sent; the text tells the operator why."""


@dataclass(frozen=True)
class BotProfile:
    """The bot as Discord knows it; ``invite_url`` adds it to a server with its permissions.

    ``reads_messages`` is True where the Message Content intent is on, ``is_approved`` where Discord
    has approved the intent for a bot of any size. ``reachable`` is about how many people share a
    server with the bot or have installed it; a member of two servers counts twice.
    """

    name: str
    reads_messages: bool
    is_approved: bool
    guilds: int
    reachable: int
    invite_url: str


@dataclass(frozen=True)
class JoinedServer:
    """A server that the bot is in."""

    id: int
    name: str


@dataclass(frozen=True)
class OfferedChannel:
    """A text channel; ``missing`` are Discord's names of permissions that the bot lacks there."""

    id: int
    name: str
    missing: tuple[str, ...]


class SetupSession:
    """A login without the gateway; every method raises ``LoginError``."""

    def __init__(self, client: discord.Client, api_url: str) -> None:
        self._client = client
        self._api_url = api_url

    @classmethod
    @asynccontextmanager
    async def open(cls, token: str, api_url: str) -> AsyncIterator["SetupSession"]:
        """Log in with a token; raises ``LoginError``."""
        client = discord.Client(intents=discord.Intents.none())
        try:
            with login_errors(api_url):
                dpy_internals.use_api(api_url)
                dpy_internals.check(client)
                await client.login(token)
            yield cls(client, api_url)
        finally:
            await client.close()

    async def profile(self, settings: DiscordSettings) -> BotProfile:
        """Return the bot as Discord knows it now, with the invite link for these settings."""
        with login_errors(self._api_url):
            application = await self._client.application_info()
            guilds = [
                guild async for guild in self._client.fetch_guilds(limit=None, with_counts=True)
            ]
        members = sum(guild.approximate_member_count or 0 for guild in guilds)
        flags = application.flags
        return BotProfile(
            name=str(self._client.user),
            reads_messages=flags.gateway_message_content or flags.gateway_message_content_limited,
            is_approved=flags.gateway_message_content,
            guilds=len(guilds),
            reachable=members + (application.approximate_user_install_count or 0),
            invite_url=invite_url(application.id, settings),
        )

    async def servers(self) -> list[JoinedServer]:
        """Return the servers that the bot is in."""
        with login_errors(self._api_url):
            found = self._client.fetch_guilds(limit=200, with_counts=False)
            return [JoinedServer(guild.id, guild.name) async for guild in found]

    async def channels(self, server_id: int) -> list[OfferedChannel]:
        """Return a server's text channels in Discord's order."""
        with login_errors(self._api_url):
            guild = await self._client.fetch_guild(server_id, with_counts=False)
            me = await guild.fetch_member(own_user(self._client).id)
            channels = await guild.fetch_channels()
        texts = [each for each in channels if isinstance(each, discord.TextChannel)]
        return [
            OfferedChannel(
                channel.id,
                channel.name,
                tuple(
                    label
                    for name, label in _NEEDED_TO_ANSWER.items()
                    if not getattr(channel.permissions_for(me), name)
                ),
            )
            for channel in sorted(texts, key=lambda each: (each.position, each.id))
        ]

    async def greet(self, server_id: int, channel_id: int) -> None:
        """Say hello in a channel, in the server's language; raises ``GreetingError``."""
        with login_errors(self._api_url):
            try:
                guild = await self._client.fetch_guild(server_id, with_counts=False)
                me = await guild.fetch_member(own_user(self._client).id)
                text = localized_in(
                    language_of_guild(guild),
                    "hello",
                    name=discord.utils.escape_markdown(me.display_name),
                    mention=me.mention,
                )
                channel = self._client.get_partial_messageable(channel_id, guild_id=server_id)
                await channel.send(text, allowed_mentions=discord.AllowedMentions.none())
            except (discord.Forbidden, discord.NotFound) as error:
                raise GreetingError(f"Discord refuses the message: {error.text}.") from error

    async def write_and_delete(self, channel_id: int) -> None:
        """Send a message to a channel, edit it and delete it.

        The ``LoginError`` tells the operator which permission the bot lacks.
        """
        channel = self._client.get_partial_messageable(channel_id)
        with login_errors(self._api_url):
            try:
                message = await channel.send(localized("check-message"))
                try:
                    await message.edit(content=localized("check-message-edited"))
                finally:
                    await message.delete()
            except discord.Forbidden as error:
                raise LoginError(
                    f"Discord does not let the bot write in channel {channel_id} ({error.text}). "
                    "Give its role the permissions to view the channel and to send messages there."
                ) from None
            except discord.NotFound:
                raise LoginError(
                    f"There is no channel {channel_id}. Copy the id of a channel in which the bot "
                    "may write (Discord's settings, Developer Mode, then Copy Channel ID)."
                ) from None
