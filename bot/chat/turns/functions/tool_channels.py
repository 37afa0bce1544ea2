"""Reads Discord messages for functions: only channels that each reader of the answer may read."""

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import discord

from bot.chat.intake.question_text import whole_text
from bot.chat.transport import dpy_internals
from bot.chat.transport.message_history import newest_page
from bot.chat.transport.rest_retry import RestRetry
from bot.runtime.clock import Clock
from bot.store.ledger import Turn
from bot.tools import ToolError
from bot.tools.context import FoundMessage

T = TypeVar("T")

MOST_FOUND: Final = 25
"""The most messages of one call, as many as one page of Discord's search has."""

_SECONDS: Final = 10.0
_INDEX_TRIES: Final = 3
_LONGEST_INDEX_WAIT: Final = 5.0
_INDEX_NOT_READY: Final = 110_000
_READ_PERMISSIONS: Final = ("view_channel", "read_message_history")
_ID: Final = re.compile(r"<?#?(\d{15,20})>?")

_log: Final = logging.getLogger(__name__)

GuildChannel = discord.abc.GuildChannel | discord.Thread


class TurnChannels:
    """The channels that a function of one turn may read."""

    def __init__(self, client: discord.Client, rest: RestRetry, clock: Clock, turn: Turn) -> None:
        self._client = client
        self._rest = rest
        self._clock = clock
        self._turn = turn
        self._guild = None if turn.guild_id is None else client.get_guild(turn.guild_id)

    async def recent(self, channel: str, count: int) -> list[FoundMessage]:
        """Return a channel's newest messages, oldest first; raises ``ToolError``."""
        found = None if not channel else self._named(channel)
        channel_id = self._turn.place_id if found is None else found.id
        source = self._client.get_partial_messageable(channel_id, guild_id=self._turn.guild_id)
        page = await self._ask(lambda: newest_page(source))
        return [self._shown(each) for each in page.messages[: min(count, MOST_FOUND)][::-1]]

    async def search(self, text: str, channel: str, count: int) -> list[FoundMessage]:
        """Return the server's newest messages with a text, newest first; raises ``ToolError``."""
        guild = self._guild
        if guild is None:
            raise ToolError("There is no server here to search.")
        channel_id = self._named(channel).id if channel else None
        for _ in range(_INDEX_TRIES):
            data = await self._ask(
                lambda: dpy_internals.search_guild(
                    self._client, guild.id, text, channel_id=channel_id, limit=MOST_FOUND
                )
            )
            if data.get("code") != _INDEX_NOT_READY:
                break
            await self._clock.sleep(min(float(data.get("retry_after") or 1), _LONGEST_INDEX_WAIT))
        else:
            raise ToolError("Discord is still building its index of this server. Try again later.")
        readable = [
            message
            for message in dpy_internals.found_messages(self._client, guild, data)
            if self._may_read(guild.get_channel_or_thread(message.channel.id))
        ]
        return [self._shown(each) for each in readable[:count]]

    async def _ask(self, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await self._rest.call(call, within=_SECONDS)
        except Exception as error:
            _log.info("A function can't read messages: %s", error)
            raise ToolError("Discord does not let these messages be read now.") from error

    def _named(self, name: str) -> GuildChannel:
        """Return a channel by name, id or mention; raises ``ToolError``, also for a hidden one."""
        channels = [] if self._guild is None else _channels(self._guild)
        found_id = _ID.fullmatch(name.strip())
        wanted = name.strip().removeprefix("#").casefold()
        for each in channels:
            is_named = each.id == int(found_id[1]) if found_id else each.name.casefold() == wanted
            if is_named and self._may_read(each):
                return each
        raise ToolError(
            f"There is no channel {name!r} that everybody here may read, so it can't be read."
        )

    def _may_read(self, channel: GuildChannel | None) -> bool:
        """Return whether each reader of the answering channel, and the bot, may read a channel."""
        guild = self._guild
        if channel is None or guild is None:
            return False
        if channel.id == self._turn.place_id:
            return True
        if isinstance(channel, discord.Thread) and channel.is_private():
            return False
        source = channel.parent if isinstance(channel, discord.Thread) else channel
        answering = guild.get_channel(self._turn.parent_id)
        if source is None or answering is None:
            return False
        held = source.permissions_for(guild.me)
        if not (held.view_channel and held.read_message_history):
            return False
        if source.id == answering.id:
            return True
        if getattr(source, "nsfw", False) and not getattr(answering, "nsfw", False):
            return False
        return _is_open(source) or _overwrites(source) == _overwrites(answering)

    def _shown(self, message: discord.Message) -> FoundMessage:
        guild, channel_id = self._guild, message.channel.id
        channel = None if guild is None else guild.get_channel_or_thread(channel_id)
        return FoundMessage(
            author=message.author.display_name,
            sent_at=f"{message.created_at:%Y-%m-%d %H:%M} UTC",
            text=whole_text(message),
            channel="" if channel is None else channel.name,
            link=message.jump_url,
        )


def _channels(guild: discord.Guild) -> list[GuildChannel]:
    """Return text channels, voice channels and channel threads, in Discord's order."""
    kinds = discord.TextChannel, discord.VoiceChannel
    found = [channel for channel in guild.channels if isinstance(channel, kinds)]
    # guild.text_channels raises an error for a channel without a position.
    found.sort(key=lambda each: (kinds.index(type(each)), each.position or 0, each.id))
    return [*found, *guild.threads]


def _is_open(channel: discord.abc.GuildChannel) -> bool:
    """Return whether every member of the server may read a channel."""
    everyone = channel.guild.default_role
    permissions = channel.permissions_for(everyone)
    return all(getattr(permissions, bit) for bit in _READ_PERMISSIONS) and not any(
        getattr(overwrite, bit) is False
        for target, overwrite in channel.overwrites.items()
        for bit in _READ_PERMISSIONS
        if target.id != everyone.id
    )


def _overwrites(channel: discord.abc.GuildChannel) -> dict[int, tuple[bool | None, ...]]:
    """Return the overwrites that decide who reads a channel, to compare two channels' readers."""
    found = {
        target.id: tuple(getattr(overwrite, bit) for bit in _READ_PERMISSIONS)
        for target, overwrite in channel.overwrites.items()
    }
    return {target: bits for target, bits in found.items() if any(bit is not None for bit in bits)}
