"""Keeps the bot connected to Discord's gateway, and reconnects within half a minute.

discord.py's own loop waits up to 17 minutes between two tries, and raises an error where the first
try fails.
"""

import asyncio
import contextlib
import logging
from collections import deque
from typing import Any, Final

import aiohttp
import discord

from bot.chat.transport import dpy_internals
from bot.chat.transport.rest_retry import describe_error
from bot.runtime.backoff import backoff
from bot.runtime.clock import Clock
from bot.runtime.tasks import BackgroundTasks, cancelling

LONGEST_WAIT: Final = 20.0
"""The longest wait between two tries to connect, in seconds."""

RESUME_SECONDS: Final = 300.0
"""How long after the loss of its socket a session is resumed, in seconds; then a new one begins."""

_HANDSHAKE_SECONDS: Final = 30.0
_CLOSE_SECONDS: Final = 1.0
_IDENTIFY_SECONDS: Final = 5.0
_MANY_SESSIONS: Final = 250
_SPARING_SECONDS: Final = 120.0
_DAY: Final = 86_400.0
_TOKEN_CHECK_SECONDS: Final = 60.0
_INTENT_NOT_GRANTED: Final = 4014
_NORMAL_CLOSURE: Final = 1000
_RECONNECTING: Final = 4000

_log: Final = logging.getLogger(__name__)


class Gateway:
    """Holds a client's connection to the gateway, a socket of discord.py."""

    def __init__(self, client: discord.Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._socket = dpy_internals.GatewaySocket(client)
        self._resumable: dict[str, Any] = {}
        self._failures = 0
        self._lost_at: float | None = None
        self._sessions: deque[float] = deque()
        self._token_checked_at: float | None = None
        self._tasks = BackgroundTasks()
        self._wants_session = False
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Stay connected until the client is closed; after ``stop`` a lost connection stays lost.

        Raises ``discord.ConnectionClosed`` where Discord ends the connection for good, and
        ``discord.PrivilegedIntentsRequired`` where Discord has not granted an intent.
        """
        while not (self._client.is_closed() or self._stopped.is_set()):
            try:
                await self._connect_once()
            except discord.ConnectionClosed as error:
                if self._client.is_closed():
                    return
                if error.code == _INTENT_NOT_GRANTED:
                    raise discord.PrivilegedIntentsRequired(error.shard_id) from None
                if error.code != _NORMAL_CLOSURE:
                    raise
            except dpy_internals.reconnect_error() as error:
                if not error.resume and self._resumable:
                    # Discord is reachable and demands a new session.
                    self._resumable, self._failures = {}, min(self._failures, 1)
                self._log_lost("ended the socket" if error.resume else "ended the session")
            except (OSError, aiohttp.ClientError, discord.DiscordException) as error:
                await self._close_socket()
                self._log_lost(describe_error(error))
            except Exception:  # noqa: BLE001 - see below; the log has its trace
                if self._client.is_closed():
                    return
                # One unreadable event must not keep the bot from all later events.
                _log.exception(
                    "Discord sent an unreadable event; the bot reconnects and skips the event"
                )
                await self._close_socket()
                self._log_lost("sent an unreadable event")
            if self._client.is_closed():
                return
            await self._back_off()

    @property
    def is_connected(self) -> bool:
        """Whether Discord has accepted the session and the socket is open."""
        return self._lost_at is None and self._socket.is_open

    def stop(self) -> None:
        """End ``run`` at its next wait."""
        self._stopped.set()

    def count_session(self) -> None:
        """Count a session that begins now."""
        now = self._clock.monotonic()
        while self._sessions and self._sessions[0] < now - _DAY:
            self._sessions.popleft()
        self._sessions.append(now)
        if len(self._sessions) == _MANY_SESSIONS:
            _log.warning(
                "The bot began %d sessions in a day; at 1,000 Discord resets DISCORD_TOKEN. From "
                "now on the bot waits %.0f s between two sessions.",
                _MANY_SESSIONS,
                _SPARING_SECONDS,
            )

    def check_token(self) -> None:
        """Reconnect: the gateway confirms or refuses a token that REST has refused.

        With a valid token the session is resumed, so nothing is lost.
        """
        if not self._socket.is_open:
            return  # the next connection checks the token
        now = self._clock.monotonic()
        if (
            self._token_checked_at is not None
            and now - self._token_checked_at < _TOKEN_CHECK_SECONDS
        ):
            return
        self._token_checked_at = now
        _log.warning("Discord answers 401 to DISCORD_TOKEN; checking the token on the gateway")
        self._close_soon()

    def begin_session(self) -> None:
        """Close the connection and begin a new session, because the session brings no events."""
        self._wants_session = True
        self._close_soon()

    def _close_soon(self) -> None:
        self._tasks.start(self._close_socket(), "The connection to the gateway can't be closed")

    async def _connect_once(self) -> None:
        """Connect and handle events until the connection ends, which always raises."""
        if self._lost_at is not None and self._lost_at + RESUME_SECONDS < self._clock.monotonic():
            self._resumable = {}
        if self._wants_session:
            self._wants_session, self._resumable = False, {}
        if not self._resumable and self._sessions:
            # Discord demands five seconds between two sessions of a bot, and resets its token after
            # a thousand in a day: after many sessions the bot waits minutes.
            apart = _IDENTIFY_SECONDS if len(self._sessions) < _MANY_SESSIONS else _SPARING_SECONDS
            await self._pause(self._sessions[-1] + apart - self._clock.monotonic())
            if self._stopped.is_set():
                return
        try:
            async with asyncio.timeout(_HANDSHAKE_SECONDS):
                await self._socket.connect(self._resumable)
        except BaseException:
            # The heartbeat thread of a socket that stays open would go on.
            await self._close_socket()
            raise
        before = self._socket.sequence
        while True:
            try:
                await self._socket.handle_event()
            finally:
                self._resumable = self._socket.session or self._resumable
            if self._socket.sequence != before:
                # Only an event proves that Discord accepted the session.
                self._log_connected()

    def _log_lost(self, why: str) -> None:
        if self._lost_at is None:
            self._lost_at = self._clock.monotonic()
            _log.info("The gateway connection was lost: Discord %s", why)
        else:
            _log.warning("The gateway is still unreachable: Discord %s", why)

    def _log_connected(self) -> None:
        if self._failures > 1 and self._lost_at is not None:
            seconds = self._clock.monotonic() - self._lost_at
            _log.info("Connected to the gateway again after %.0f s", seconds)
        self._failures, self._lost_at = 0, None

    async def _back_off(self) -> None:
        """Wait longer after each failure; the first failure, a lost socket, needs no wait."""
        if self._failures:
            await self._pause(backoff(self._failures, LONGEST_WAIT))
        self._failures += 1

    async def _pause(self, seconds: float) -> None:
        """Wait, or return at once after ``stop``."""
        if seconds <= 0:
            return
        waiting = asyncio.ensure_future(self._clock.sleep(seconds))
        stopping = asyncio.create_task(self._stopped.wait())
        async with cancelling(waiting, stopping):
            await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)

    async def _close_socket(self) -> None:
        # An unreachable Discord sends no closing handshake.
        with contextlib.suppress(OSError, aiohttp.ClientError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._socket.close(_RECONNECTING)
