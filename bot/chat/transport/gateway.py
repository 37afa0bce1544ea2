"""Staying on Discord's gateway: as soon as it is there again, so are we, within half a minute.

discord.py's own loop waits up to 17 minutes between two tries, and ends with an error of its own
when the very first one fails.
"""

import asyncio
import contextlib
import logging
from collections import deque
from typing import Any, Final

import aiohttp
import discord

from bot.chat.transport import dpy_internals
from bot.chat.transport.rest_retry import told
from bot.runtime.backoff import backoff
from bot.runtime.clock import Clock
from bot.runtime.tasks import cancelling

LONGEST_WAIT: Final = 20.0
"""The longest time between two tries to connect, in seconds."""

RESUME_SECONDS: Final = 300.0
"""How long after its socket was lost a session is resumed; then we begin a new one."""

_HANDSHAKE_SECONDS: Final = 30.0
_GOODBYE_SECONDS: Final = 1.0
_IDENTIFY_SECONDS: Final = 5.0
_MANY_SESSIONS: Final = 250
_SPARING_SECONDS: Final = 120.0
_DAY: Final = 86_400.0
_DOUBT_SECONDS: Final = 60.0
_INTENT_NOT_GRANTED: Final = 4014
_WENT_WELL: Final = 1000
_TRY_AGAIN: Final = 4000

_log: Final = logging.getLogger(__name__)


class Gateway:
    """Holds a client's one connection to the gateway, by discord.py's socket."""

    def __init__(self, client: discord.Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._socket: discord.gateway.DiscordWebSocket | None = None
        self._resumable: dict[str, Any] = {}
        self._failures = 0
        self._lost_at: float | None = None
        self._begun: deque[float] = deque()
        self._doubted_at: float | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._stopped = asyncio.Event()
        self._opener = dpy_internals.socket_class(self._opened)

    async def stay(self) -> None:
        """Be connected until the client is closed.

        Raises ``discord.ConnectionClosed`` where Discord does not want us any more, and
        ``discord.PrivilegedIntentsRequired`` where it does not grant an intent.
        """
        while not self._client.is_closed():
            try:
                await self._live()
            except discord.ConnectionClosed as error:
                if self._client.is_closed():
                    return
                if error.code == _INTENT_NOT_GRANTED:
                    raise discord.PrivilegedIntentsRequired(error.shard_id) from None
                if error.code != _WENT_WELL:
                    raise
            except dpy_internals.reconnect_error() as error:
                if not error.resume and self._resumable:
                    # It is there, and wants but a new session.
                    self._resumable, self._failures = {}, min(self._failures, 1)
                self._lost("ended the socket" if error.resume else "ended the session")
            except (OSError, aiohttp.ClientError, discord.DiscordException) as error:
                await self._drop()
                self._lost(told(error))
            except Exception:  # noqa: BLE001 - see below; it is logged with its trace
                if self._client.is_closed():
                    return
                # By discord.py, or by anybody: one event is no reason to end for all the others.
                _log.exception("Discord sent what can't be read; going on behind it")
                await self._drop()
                self._lost("sent what can't be read")
            if self._client.is_closed():
                return
            self._client.dispatch("disconnect")
            await self._wait()

    def stop(self) -> None:
        """Try no more."""
        self._stopped.set()

    def identifying(self) -> None:
        """Count a session that is about to be begun."""
        now = self._clock.monotonic()
        while self._begun and self._begun[0] < now - _DAY:
            self._begun.popleft()
        self._begun.append(now)
        if len(self._begun) == _MANY_SESSIONS:
            _log.warning(
                "Discord had %d sessions begun in a day; at 1,000 it resets DISCORD_TOKEN, so from "
                "now on the bot waits %.0f s between two",
                _MANY_SESSIONS,
                _SPARING_SECONDS,
            )

    def check_token(self) -> None:
        """Reconnect, so that the gateway confirms or refuses a token that REST has refused.

        With a valid token nothing is lost: the session is resumed.
        """
        if self._socket is None or not self._socket.open:
            return  # it is about to be asked
        now = self._clock.monotonic()
        if self._doubted_at is not None and now - self._doubted_at < _DOUBT_SECONDS:
            return
        self._doubted_at = now
        _log.warning("Discord says 401 to DISCORD_TOKEN; asking its gateway, too")
        task = asyncio.create_task(self._drop())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _live(self) -> None:
        """Connect and take what comes, until something ends it."""
        if self._lost_at is not None and self._lost_at + RESUME_SECONDS < self._clock.monotonic():
            self._resumable = {}
        if not self._resumable and self._begun:
            # Five seconds lie between two sessions of one bot. A thousand in a day reset its token,
            # so that after many they are minutes apart.
            apart = _IDENTIFY_SECONDS if len(self._begun) < _MANY_SESSIONS else _SPARING_SECONDS
            await self._pause(self._begun[-1] + apart - self._clock.monotonic())
            if self._stopped.is_set():
                return
        try:
            async with asyncio.timeout(_HANDSHAKE_SECONDS):
                socket = await self._opener.from_client(self._client, **self._resumable)
        except BaseException:
            # Its heart, a thread, would beat on without it.
            await self._drop()
            raise
        dpy_internals.set_socket(self._client, socket)
        before = socket.sequence
        while True:
            try:
                await socket.poll_event()
            finally:
                self._resumable = dpy_internals.resume_arguments(socket) or self._resumable
            if socket.sequence != before:
                # An event: the session is taken, and not the socket alone.
                self._found()

    def _lost(self, why: str) -> None:
        if self._lost_at is None:
            self._lost_at = self._clock.monotonic()
            _log.info("The gateway %s", why)
        else:
            _log.warning("The gateway is still away: it %s", why)

    def _found(self) -> None:
        if self._failures > 1 and self._lost_at is not None:
            catch_up = self._clock.monotonic() - self._lost_at
            _log.info("On the gateway again after %.0f s", catch_up)
        self._failures, self._lost_at = 0, None

    async def _wait(self) -> None:
        """Wait longer after each failure; not at all after the first, which is a lost socket."""
        if self._failures:
            await self._pause(backoff(self._failures, LONGEST_WAIT))
        self._failures += 1

    async def _pause(self, seconds: float) -> None:
        """Wait, unless it is to stop."""
        if seconds <= 0:
            return
        waiting = asyncio.ensure_future(self._clock.sleep(seconds))
        stopping = asyncio.create_task(self._stopped.wait())
        async with cancelling(waiting, stopping):
            await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)

    def _opened(self, socket: discord.gateway.DiscordWebSocket) -> None:
        self._socket = socket

    async def _drop(self) -> None:
        if self._socket is not None:
            # Whoever is not there does not say goodbye either.
            with contextlib.suppress(OSError, aiohttp.ClientError):
                async with asyncio.timeout(_GOODBYE_SECONDS):
                    await self._socket.close(code=_TRY_AGAIN)
