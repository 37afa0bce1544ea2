"""Where something was written while the bot was away, or may have been, since each channel's mark.

What is named here is held until it was read; nothing is asked of Discord before that is said.
"""

import logging
from collections.abc import Sequence
from typing import Final

import discord
from msgspec import Struct

from bot.chat.catch_up.read_markers import ReadMarkers
from bot.chat.transport.rest_retry import RestRetry
from bot.runtime.clock import Clock
from bot.store.ledger import Ledger, ReadMarker

MOST_AGE: Final = 3 * 86_400.0
"""How old a message may be that is still answered, in seconds."""

Place = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread
"""Where messages are in a guild."""

_ARCHIVE_PAGE: Final = 100

_log: Final = logging.getLogger(__name__)


class Gap(Struct, frozen=True, kw_only=True):
    """A channel in which something was written, or may have been, since its mark.

    ``newest`` is the newest message there, or the mark's where Discord does not say.
    """

    channel: discord.abc.Messageable
    mark: ReadMarker
    newest: int

    @property
    def is_sure(self) -> bool:
        """Whether something was written."""
        return self.newest > self.mark.message_id


class Archive(Struct, frozen=True, kw_only=True):
    """A text channel with linked channel threads that were archived long ago, as far as we know."""

    parent: discord.TextChannel
    read_markers: tuple[ReadMarker, ...]


class MissedMessages(Struct, frozen=True, kw_only=True):
    """Where to read and where to ask what there is to be read."""

    gaps: tuple[Gap, ...] = ()
    archives: tuple[Archive, ...] = ()


class GapFinder:
    """Finds gaps and says so in the marks."""

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
        """Return the id that a message had which is just not too old to be answered."""
        moment = self._clock.now() - MOST_AGE
        return max(0, int(moment * 1_000) - discord.utils.DISCORD_EPOCH) << 22

    async def direct(self) -> MissedMessages:
        """Return where people may have written to us alone; Discord does not say where they did."""
        read_markers = await self._ledger.read_markers.of_guild(None)
        gaps = tuple(self._unread_gap(mark) for mark in read_markers if mark.linked)
        self._read_markers.set_behind(None, [gap.mark.channel_id for gap in gaps])
        return MissedMessages(gaps=gaps)

    async def in_guild(self, guild: discord.Guild) -> MissedMessages:
        """Return a guild's channels in which something was written since their marks."""
        read_markers = {
            mark.channel_id: mark for mark in await self._ledger.read_markers.of_guild(guild.id)
        }
        new_here = not read_markers
        gaps: list[Gap] = []
        begun: list[ReadMarker] = []
        readable = _readable(guild)
        for channel in readable:
            newest = max(channel.last_message_id or 0, channel.id)
            begin = ReadMarker(channel_id=channel.id, guild_id=guild.id, message_id=channel.id)
            mark = read_markers.pop(channel.id, None)
            if new_here or (mark is None and channel.last_message_id is None):
                # Nobody has asked us anything before we came.
                begun.append(
                    ReadMarker(channel_id=channel.id, guild_id=guild.id, message_id=newest)
                )
            elif mark is None or mark.message_id < newest:
                gaps.append(Gap(channel=channel, mark=mark or begin, newest=newest))
        # Channel threads that were archived since, or were so already and woke meanwhile.
        hidden = [
            mark
            for mark in read_markers.values()
            if mark.linked and guild.get_channel_or_thread(mark.channel_id) is None
        ]
        oldest = self.oldest_answered()
        gaps += [self._unread_gap(mark) for mark in hidden if mark.message_id > oldest]
        archives = _archives(readable, [mark for mark in hidden if mark.message_id <= oldest])
        if begun:
            await self._ledger.read_markers.advance(begun)
        behind = [gap.mark.channel_id for gap in gaps]
        behind += [mark.channel_id for archive in archives for mark in archive.read_markers]
        self._read_markers.set_behind(guild.id, behind)
        return MissedMessages(gaps=tuple(gaps), archives=archives)

    async def in_archive(self, archive: Archive) -> tuple[Gap, ...]:
        """Return the archived channel threads in which something was written; nothing else was.

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
    # Those that were archived last come first: what woke meanwhile is among them.
    return [thread async for thread in parent.archived_threads(limit=_ARCHIVE_PAGE)]


def _archives(readable: Sequence[Place], read_markers: Sequence[ReadMarker]) -> tuple[Archive, ...]:
    by_parent: dict[int, list[ReadMarker]] = {}
    for mark in read_markers:
        if mark.parent_id is not None:
            by_parent.setdefault(mark.parent_id, []).append(mark)
    return tuple(
        Archive(parent=channel, read_markers=tuple(by_parent[channel.id]))
        for channel in readable
        if isinstance(channel, discord.TextChannel) and channel.id in by_parent
    )


def _readable(guild: discord.Guild) -> list[Place]:
    """Return the channels whose history we may read; those of which that can't be told are out."""
    readable: list[Place] = []
    skipped: list[int] = []
    # Not by their kinds: discord.py sorts those, which one channel without a position ends.
    for channel in (*guild.channels, *guild.threads):
        try:
            if isinstance(channel, Place) and may_read(channel, guild):
                readable.append(channel)
        except Exception as error:  # noqa: BLE001 - one broken channel must not hide the others
            if not skipped:
                _log.warning("Channel %d of guild %d is skipped: %r", channel.id, guild.id, error)
            skipped.append(channel.id)
    if len(skipped) > 1:
        _log.warning("So are %d more channels of guild %d", len(skipped) - 1, guild.id)
    return readable


def may_read(channel: Place, guild: discord.Guild) -> bool:
    """Return whether we may read a channel's history.

    Raises ``discord.ClientException`` where a channel thread's parent is unknown, and
    ``AttributeError`` where Discord has not told of a role or of our own member.
    """
    permissions = channel.permissions_for(guild.me)
    return permissions.view_channel and permissions.read_message_history
