"""Begins a new session where the gateway is connected but brings no messages any more.

A heartbeat does not prove that events arrive. So after some quiet, the newest messages of a few
channels are read over REST and compared with the messages that the gateway brought.
"""

import asyncio
import logging
import math
from typing import Final

import discord

from bot.chat.catch_up.read_markers import ReadMarkers
from bot.chat.transport import dpy_internals
from bot.chat.transport.gateway import Gateway
from bot.runtime.clock import Clock
from bot.runtime.newest_entries import NewestEntries

WATCH_SECONDS: Final = 60.0
"""How often the watchdog looks, and how long no message must have come before, in seconds."""

_GRACE: Final = 10 / 60
"""The share of ``WATCH_SECONDS`` after which a message that REST showed should have arrived."""

_MOST_CHANNELS: Final = 3
"""How many channels one look compares; channels with the newest messages come first."""

_MOST_HEARD: Final = 100
_PAUSE: Final = 10
"""The least pause between two new sessions, in ``WATCH_SECONDS``: Discord limits sessions."""

_log: Final = logging.getLogger(__name__)


class Watchdog:
    """Checks after each quiet minute whether messages still arrive."""

    def __init__(
        self,
        client: discord.Client,
        gateway: Gateway,
        read_markers: ReadMarkers,
        clock: Clock,
        *,
        watch_seconds: float = WATCH_SECONDS,
    ) -> None:
        self._client = client
        self._gateway = gateway
        self._read_markers = read_markers
        self._clock = clock
        self._watch_seconds = watch_seconds
        self._heard = NewestEntries[int, int](_MOST_HEARD)
        self._heard_at = clock.monotonic()
        self._renewed_at = -math.inf
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start watching; does nothing if already started."""
        if self._task is None:
            self._task = asyncio.create_task(self._watch(), name="deaf gateway")

    async def stop(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def heard(self, channel_id: int, message_id: int) -> None:
        """Note a message that the gateway brought."""
        self._heard_at = self._clock.monotonic()
        self._heard[channel_id] = message_id

    async def _watch(self) -> None:
        while True:
            await self._clock.sleep(self._watch_seconds)
            try:
                if self._is_quiet() and (channel_id := await self._missed_channel()) is not None:
                    self._begin_session(channel_id)
            except Exception:  # noqa: BLE001 - logged; the next look is a new chance
                _log.exception("The check whether messages still arrive failed")

    def _is_quiet(self) -> bool:
        now = self._clock.monotonic()
        if not (self._gateway.is_connected and self._read_markers.is_ready):
            return False
        return (
            now - self._heard_at >= self._watch_seconds
            and now - self._renewed_at >= _PAUSE * self._watch_seconds
        )

    async def _missed_channel(self) -> int | None:
        """Return a channel with a message that the gateway has not brought; None without one."""
        newest_first = sorted(self._known().items(), key=lambda known: -known[1])
        for channel_id, known in newest_first[:_MOST_CHANNELS]:
            newest = await self._newest(channel_id)
            if newest is None or newest <= known:
                continue
            await self._clock.sleep(self._watch_seconds * _GRACE)
            if self._is_quiet() and self._known().get(channel_id, 0) < newest:
                return channel_id
        return None

    def _known(self) -> dict[int, int]:
        """Return the id of each channel's newest known message.

        discord.py knows the newest messages of guild channels from the beginning of the session on.
        """
        known = {
            # Messages are newer than their channel.
            channel.id: channel.last_message_id or channel.id
            for guild in self._client.guilds
            # guild.text_channels raises an error for a channel without a position.
            for channel in (*guild.channels, *guild.threads)
            if isinstance(channel, discord.TextChannel | discord.Thread)
        }
        for channel_id, message_id in self._heard.items():
            known[channel_id] = max(known.get(channel_id, 0), message_id)
        return known

    async def _newest(self, channel_id: int) -> int | None:
        """Return the id of a channel's newest message; None if the bot can't read the channel."""
        channel = self._client.get_partial_messageable(channel_id)
        try:
            raw, _, _ = await dpy_internals.raw_history(channel, 1)
        except (discord.DiscordException, OSError):
            return None
        return int(raw[0]["id"]) if raw else None

    def _begin_session(self, channel_id: int) -> None:
        quiet = self._clock.monotonic() - self._heard_at
        _log.warning(
            "The gateway is connected, but did not bring a message of channel %d, and no other "
            "message for %.0f s. The bot begins a new session.",
            channel_id,
            quiet,
        )
        self._renewed_at = self._clock.monotonic()
        self._gateway.begin_session()
