"""Finds the channels that have, or may have, messages from the time while the bot was away.

A channel with a gap is marked as behind before its history is requested from Discord.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import discord
from msgspec import Struct

from bot.chat.catch_up.read_markers import ReadMarkers
from bot.chat.intake.question_text import is_post
from bot.chat.transport.rest_retry import RestRetry
from bot.runtime.clock import Clock
from bot.store.ledger import Ledger, ReadMarker

MOST_AGE: Final = 3 * 86_400.0
"""The age up to which a missed question is still answered, in seconds."""

GuildChannel = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread
"""The kinds of channels with messages in a guild."""

_ARCHIVE_PAGE: Final = 100

_log: Final = logging.getLogger(__name__)


class Gap(Struct, frozen=True, kw_only=True):
    """A channel that has, or may have, messages after its read marker.

    ``newest`` is the id of the newest message; the marker's id where Discord names no message.
    """

    channel: discord.abc.Messageable
    mark: ReadMarker
    newest: int

    @property
    def is_sure(self) -> bool:
        """Whether the channel has new messages for certain."""
        return self.newest > self.mark.message_id


class Archive(Struct, frozen=True, kw_only=True):
    """A text channel with linked channel threads that were archived long ago."""

    parent: discord.TextChannel
    read_markers: tuple[ReadMarker, ...]


class MissedMessages(Struct, frozen=True, kw_only=True):
    """The channels to read, and the archives in which more channels to read are looked up."""

    gaps: tuple[Gap, ...] = ()
    archives: tuple[Archive, ...] = ()


class GapFinder:
    """Finds gaps, and marks the channels that have gaps as behind."""

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        read_markers: ReadMarkers,
        rest: RestRetry,
        clock: Clock,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._read_markers = read_markers
        self._rest = rest
        self._clock = clock

    def oldest_answered(self) -> int:
        """Return the snowflake of the oldest message still answered (now − ``MOST_AGE``)."""
        oldest = datetime.fromtimestamp(self._clock.now() - MOST_AGE, UTC)
        return discord.utils.time_snowflake(oldest)

    async def direct(self) -> MissedMessages:
        """Return every DM with a conversation; Discord does not say which have new messages."""
        read_markers = await self._ledger.read_markers.of_guild(None)
        gaps = tuple(self._unread_gap(mark) for mark in read_markers if mark.linked)
        self._read_markers.set_behind(None, [gap.mark.channel_id for gap in gaps])
        return MissedMessages(gaps=gaps)

    async def in_guild(self, guild: discord.Guild) -> MissedMessages:
        """Return the channels of a guild with new messages since their read markers."""
        read_markers = {
            mark.channel_id: mark for mark in await self._ledger.read_markers.of_guild(guild.id)
        }
        new_here = not read_markers
        gaps: list[Gap] = []
        first_markers: list[ReadMarker] = []
        readable = _readable(guild)
        for channel in readable:
            newest = max(channel.last_message_id or 0, channel.id)
            # A forum post begins with a message of its own id, which is read too.
            first = channel.id - (1 if is_post(channel) else 0)
            begin = ReadMarker(channel_id=channel.id, guild_id=guild.id, message_id=first)
            mark = read_markers.pop(channel.id, None)
            if new_here or (mark is None and channel.last_message_id is None):
                # No question was asked before the bot joined the guild.
                first_markers.append(
                    ReadMarker(channel_id=channel.id, guild_id=guild.id, message_id=newest)
                )
            elif mark is None or mark.message_id < newest:
                gaps.append(Gap(channel=channel, mark=mark or begin, newest=newest))
        # Channel threads that are archived now; messages may have come before they were archived.
        hidden = [
            mark
            for mark in read_markers.values()
            if mark.linked and guild.get_channel_or_thread(mark.channel_id) is None
        ]
        oldest = self.oldest_answered()
        gaps += [self._unread_gap(mark) for mark in hidden if mark.message_id > oldest]
        archives = _archives(readable, [mark for mark in hidden if mark.message_id <= oldest])
        if first_markers:
            await self._ledger.read_markers.advance(first_markers)
        behind = [gap.mark.channel_id for gap in gaps]
        behind += [mark.channel_id for archive in archives for mark in archive.read_markers]
        self._read_markers.set_behind(guild.id, behind)
        return MissedMessages(gaps=tuple(gaps), archives=archives)

    async def in_archive(self, archive: Archive) -> tuple[Gap, ...]:
        """Return the gaps of an archive's channel threads.

        Raises ``discord.HTTPException``.
        """
        read_markers = {mark.channel_id: mark for mark in archive.read_markers}
        gaps: list[Gap] = []
        for thread in await self._rest.call(lambda: _archived(archive.parent)):
            mark = read_markers.get(thread.id)
            newest = thread.last_message_id or 0
            if mark is not None and mark.message_id < newest:
                gaps.append(Gap(channel=thread, mark=mark, newest=newest))
        return tuple(gaps)

    def _unread_gap(self, mark: ReadMarker) -> Gap:
        channel = self._client.get_partial_messageable(mark.channel_id, guild_id=mark.guild_id)
        return Gap(channel=channel, mark=mark, newest=mark.message_id)


async def _archived(parent: discord.TextChannel) -> list[discord.Thread]:
    # The channel threads that were archived last come first: new messages are in these.
    return [thread async for thread in parent.archived_threads(limit=_ARCHIVE_PAGE)]


def _archives(
    readable: Sequence[GuildChannel], read_markers: Sequence[ReadMarker]
) -> tuple[Archive, ...]:
    by_parent: dict[int, list[ReadMarker]] = {}
    for mark in read_markers:
        if mark.parent_id is not None:
            by_parent.setdefault(mark.parent_id, []).append(mark)
    return tuple(
        Archive(parent=channel, read_markers=tuple(by_parent[channel.id]))
        for channel in readable
        if isinstance(channel, discord.TextChannel) and channel.id in by_parent
    )


def _readable(guild: discord.Guild) -> list[GuildChannel]:
    """Return the channels whose history the bot may read; skip those with unknown permissions."""
    readable: list[GuildChannel] = []
    skipped: list[int] = []
    # guild.text_channels sorts by position, and raises for a channel without one.
    for channel in (*guild.channels, *guild.threads):
        try:
            if isinstance(channel, GuildChannel) and may_read(channel, guild):
                readable.append(channel)
        except Exception as error:  # noqa: BLE001 - one broken channel must not hide the others
            if not skipped:
                _log.warning("Channel %d of guild %d is skipped: %r", channel.id, guild.id, error)
            skipped.append(channel.id)
    if len(skipped) > 1:
        _log.warning("%d more channels of guild %d are skipped", len(skipped) - 1, guild.id)
    return readable


def may_read(channel: GuildChannel, guild: discord.Guild) -> bool:
    """Return whether the bot may read a channel's history.

    Raises ``discord.ClientException`` where a channel thread's parent is not cached, and
    ``AttributeError`` where a role or the bot's own member is not.
    """
    permissions = channel.permissions_for(guild.me)
    return permissions.view_channel and permissions.read_message_history
