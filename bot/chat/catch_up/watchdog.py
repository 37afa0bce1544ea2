"""Reconnects a gateway connection that is deaf: it stands, but brings no messages any more.

A heartbeat proves no events: a socket may be half dead, and Discord may stop to send one kind of
event. So after some quiet the newest messages of a few channels are compared with those that came.
"""

import asyncio
import logging
from collections.abc import Iterator
from typing import Final

import discord

from bot.chat.catch_up.read_markers import ReadMarkers
from bot.chat.transport import dpy_internals
from bot.chat.transport.gateway import Gateway
from bot.runtime.clock import Clock
from bot.runtime.newest_entries import NewestEntries

WATCH_SECONDS: Final = 60.0
"""The time without a message after which the watchdog looks, and between its looks, in seconds."""

_ON_THE_WAY: Final = 10 / 60
"""The share of ``WATCH_SECONDS`` that a message may take to arrive after REST has shown it."""

_MOST_CHANNELS: Final = 3
"""Channels that one look compares: those with the newest messages."""

_MOST_HEARD: Final = 100
_PAUSE: Final = 10
"""So many times ``WATCH_SECONDS`` lie between two reconnections at least: sessions are limited."""

_log: Final = logging.getLogger(__name__)


class Watchdog:
    """Looks after each quiet minute whether messages still arrive."""

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
        self._reconnected_at: float | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch; does nothing if already started."""
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
                    self._reconnect(channel_id)
            except Exception:  # noqa: BLE001 - logged; the next look is a new chance
                _log.exception("Whether messages still arrive could not be found out")

    def _is_quiet(self) -> bool:
        now = self._clock.monotonic()
        since = self._reconnected_at
        paused = since is not None and now - since < _PAUSE * self._watch_seconds
        watched = self._gateway.is_connected and self._read_markers.is_ready and not paused
        return watched and now - self._heard_at >= self._watch_seconds

    async def _missed_channel(self) -> int | None:
        """Return a channel with a message that the gateway has not brought; None without one."""
        newest_first = sorted(self._known().items(), key=lambda known: -known[1])
        for channel_id, known in newest_first[:_MOST_CHANNELS]:
            newest = await self._newest(channel_id)
            if newest is None or newest <= known:
                continue
            await self._clock.sleep(self._watch_seconds * _ON_THE_WAY)
            if self._is_quiet() and self._known().get(channel_id, 0) < newest:
                return channel_id
        return None

    def _known(self) -> dict[int, int]:
        """Return the newest known message of each channel.

        discord.py keeps those of guild channels, from the beginning of the session on.
        """
        known = dict(self._cached())
        for channel_id, message_id in self._heard.items():
            known[channel_id] = max(known.get(channel_id, 0), message_id)
        return known

    def _cached(self) -> Iterator[tuple[int, int]]:
        for guild in self._client.guilds:
            channels: list[discord.TextChannel | discord.Thread]
            channels = [*guild.text_channels, *guild.threads]
            for channel in channels:
                # Messages are newer than their channel.
                yield channel.id, channel.last_message_id or channel.id

    async def _newest(self, channel_id: int) -> int | None:
        """Return the id of a channel's newest message; None if the bot can't read the channel."""
        channel = self._client.get_partial_messageable(channel_id)
        try:
            raw, _, _ = await dpy_internals.raw_history(channel, 1)
        except (discord.DiscordException, OSError):
            return None
        return int(raw[0]["id"]) if raw else None

    def _reconnect(self, channel_id: int) -> None:
        quiet = self._clock.monotonic() - self._heard_at
        _log.warning(
            "The gateway is connected but deaf: channel %d has a message that it did not bring, "
            "and no other came for %.0f s. The bot begins a new session.",
            channel_id,
            quiet,
        )
        self._reconnected_at = self._clock.monotonic()
        self._gateway.begin_session()
