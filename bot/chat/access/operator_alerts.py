"""Alerts the operator to faults that only the operator can fix, once a day for each fault.

An alert goes to the alert channel of the configuration, or by direct message to the owner of
Discord's application. An alert about a permission lost in a server goes to that server's alert
channel, if its managers chose one. One more message says when a fault is over. The alert about a
limit is sent once in the limit's period. The ledger stores the alerts, so no restart repeats them.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Final

import discord
from msgspec.structs import replace

from bot.chat.places.server_settings import server_settings
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized, using
from bot.chat.texts.limits import LimitReached
from bot.chat.texts.locales import Locales
from bot.chat.transport.rest_retry import MISSING_ACCESS, MISSING_PERMISSIONS, RestRetry
from bot.runtime.clock import Clock
from bot.runtime.quoted_text import without_quotes
from bot.runtime.tasks import BackgroundTasks
from bot.store.ledger import Alert, Ledger, LedgerError, Reached, Turn
from bot.store.ledger.settings.alerts import LIMIT_ALERT, limit_alert

DAY: Final = 86_400.0
"""How long the alert of a fault is not repeated, in seconds."""

PATIENCE: Final = 3.0
"""How long the reply of a failed turn waits for its alert, in seconds."""

_RETRY_SECONDS: Final = 600.0
"""How long after a refused alert the alert is tried again, in seconds."""

_MOST_A_DAY: Final = 20
"""The most alerts in a day: a community can cause many faults, such as lost permissions.

Alerts about each server's limits are counted apart.
"""

_LONGEST_REASON: Final = 600

_DISK: Final = "disk"
_OF_ONE_MODEL: Final = frozenset({"model_missing", "model_tools"})
"""Faults of one model, which the answer of another model does not end."""

_LOST: Final = frozenset({MISSING_ACCESS, MISSING_PERMISSIONS})

Text = Callable[[], str]
"""Formats a message in the current language."""

_log: Final = logging.getLogger(__name__)


class OperatorAlerts:
    """Sends alerts about faults and about their ends; methods named ``…_soon`` return at once.

    ``channel_id`` is the alert channel of the configuration, 0 without one.
    """

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        rest: RestRetry,
        locales: Locales,
        clock: Clock,
        channel_id: int,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._rest = rest
        self._locales = locales
        self._clock = clock
        self._channel_id = channel_id
        self._alerts: dict[str, Alert] = {}
        self._refused_at: dict[str, float] = {}
        self._owner_id: int | None = None
        self._lock = asyncio.Lock()
        self._tasks = BackgroundTasks()

    async def load(self) -> None:
        """Read the alerts that were sent before the start; raises ``LedgerError``."""
        self._alerts = await self._ledger.alerts.all()

    async def stop(self) -> None:
        """Stop sending alerts."""
        await self._tasks.stop()

    async def turn_failed(self, kind: str | None, model: str | None, reason: str) -> bool:
        """Alert the operator to the fault that made a turn fail; return whether the alert was sent.

        An alert of the last day counts as sent. Returns False for a failure that the operator
        can't fix, and for an alert that takes longer than ``PATIENCE`` seconds.
        """
        if kind not in sentences.OPERATORS_TASK:
            return False
        fault = f"{kind}:{model}" if kind in _OF_ONE_MODEL and model else kind
        # A server's error may quote the question of a member, who may be on another server.
        said = sentences.plain(without_quotes(reason))

        def text() -> str:
            return localized(f"alert-{kind}", reason=said, model=model or "?")

        sending = self._start(self._alert(fault, text))
        await asyncio.wait({sending}, timeout=PATIENCE)
        alert = self._alerts.get(fault)
        return sending.done() and alert is not None and alert.lasts

    def turn_answered_soon(self, turn: Turn, model: str | None) -> None:
        """Tell the operator that faults are over, because an answer succeeded."""
        over = [
            fault
            for fault, alert in self._alerts.items()
            if alert.lasts
            and (
                fault in sentences.OPERATORS_TASK
                or fault in {f"{kind}:{model}" for kind in _OF_ONE_MODEL}
                or fault == _permission(turn)
            )
        ]
        for fault in over:
            guild_id = turn.guild_id if fault == _permission(turn) else None
            self._start(self._say_over(fault, guild_id))

    def undelivered_soon(self, turn: Turn, error: BaseException) -> None:
        """Alert the operator if a reply could not be sent because the bot lost a permission."""
        cause = error.__cause__
        if not isinstance(cause, discord.HTTPException) or cause.code not in _LOST:
            return
        guild = self._client.get_guild(turn.guild_id) if turn.guild_id is not None else None
        server = guild.name if guild is not None else str(turn.guild_id)

        def text() -> str:
            place = str(turn.place_id)
            return localized("alert-permission", channel=place, server=sentences.plain(server))

        self._start(self._alert(_permission(turn), text, turn.guild_id))

    def limit_reached_soon(self, hit: Reached, limit: LimitReached) -> None:
        """Alert whoever set a limit that stops somebody, once in the limit's day or month.

        The alert about the operator's total is sent like that about a fault. The alert about a
        server's limit is sent only to a channel of that server.
        """
        cap = hit.cap
        first = cap.day if hit.period == "day" else f"{cap.day[:7]}-01"
        fault = limit_alert(cap.guild_id, cap.scope, cap.target_id, hit.period, first)
        if fault in self._alerts or self._is_refused(fault):
            return  # a flood of questions beyond a limit starts no flood of tasks
        now = self._clock.now()
        self._refused_at = {name: at for name, at in self._refused_at.items() if now - at < DAY}
        self._refused_at[fault] = now

        def text() -> str:
            span = localized(f"limit-span-{hit.period}")
            target, until = str(cap.target_id), str(limit.until)
            return localized(f"alert-limit-{cap.scope}", id=target, span=span, until=until)

        if cap.scope == "total":
            self._start(self._alert(fault, text))
        elif cap.guild_id:
            self._start(self._alert(fault, text, cap.guild_id, in_server=True))

    def not_stored_soon(self, error: Exception) -> None:
        """Alert the operator that the ledger can't be written, as on a full disk."""
        if isinstance(error, LedgerError):
            reason = sentences.plain(" ".join(str(error).split())[:_LONGEST_REASON])
            self._start(self._alert(_DISK, lambda: localized("alert-disk", reason=reason)))

    def stored_soon(self) -> None:
        """Say that the ledger can be written again, if an alert said that it can't."""
        alert = self._alerts.get(_DISK)
        if alert is not None and alert.lasts:
            self._start(self._say_over(_DISK))

    def _start(self, sending: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._tasks.start(sending, "The operator can't be alerted")

    async def _alert(
        self,
        fault: str,
        text: Text,
        guild_id: int | None = None,
        *,
        in_server: bool = False,
    ) -> None:
        """Send an alert, unless it was sent in the last day.

        ``fault`` names the fault. A limit's name has its day or month in it, so that the alert of a
        limit is sent once in that time.
        """
        async with self._lock:
            now = self._clock.now()
            sent = self._alerts.get(fault)
            is_limit = fault.startswith(LIMIT_ALERT)
            if sent is not None and (is_limit or 0 <= now - sent.at < DAY):
                return
            today = sum(
                0 <= now - each.at < DAY
                for name, each in self._alerts.items()
                if _counted_with(name) == _counted_with(fault)
            )
            if (self._is_refused(fault) and not is_limit) or today >= _MOST_A_DAY:
                return
            if await self._send(text, f"al.{_nonce(fault, now)}", guild_id, in_server=in_server):
                await self._remember(fault, Alert(now, lasts=not is_limit))
            else:
                self._refused_at[fault] = now

    def _is_refused(self, fault: str) -> bool:
        """Return whether Discord refused the alert of a fault just now."""
        refused_at = self._refused_at.get(fault)
        return refused_at is not None and 0 <= self._clock.now() - refused_at < _RETRY_SECONDS

    async def _say_over(self, fault: str, guild_id: int | None = None) -> None:
        """Say once that a fault is over."""
        async with self._lock:
            alert = self._alerts.get(fault)
            if alert is None or not alert.lasts:
                return
            kind, _, of = fault.partition(":")

            def text() -> str:
                return localized(f"alert-{kind}.over", of=of)

            if await self._send(text, f"ao.{_nonce(fault, alert.at)}", guild_id):
                await self._remember(fault, replace(alert, lasts=False))

    async def _remember(self, fault: str, alert: Alert) -> None:
        self._alerts[fault] = alert
        try:
            await self._ledger.alerts.set(fault, alert)
        except LedgerError as error:  # a full disk is one of the faults
            _log.warning("An alert can't be stored, so a restart may repeat it: %s", error)

    async def _send(
        self,
        text: Text,
        nonce: str,
        guild_id: int | None,
        *,
        in_server: bool = False,
    ) -> bool:
        """Send a message to an alert channel, else to the owner; return whether Discord took it.

        The alert channel of the server ``guild_id`` comes before that of the configuration. With
        ``in_server`` only a channel on that server is taken. The nonce keeps the message from being
        sent twice if the process is killed meanwhile.
        """
        for channel_id in (await self._chosen_channel(guild_id), self._channel_id):
            if not channel_id or (in_server and self._guild_of(channel_id) != guild_id):
                continue
            if await self._sent(partial(self._to_channel, channel_id), text, nonce):
                return True
        return not in_server and await self._sent(self._to_owner, text, nonce)

    async def _sent(
        self, send: Callable[[Text, str], Awaitable[None]], text: Text, nonce: str
    ) -> bool:
        try:
            await self._rest.call(lambda: send(text, nonce))
        except discord.HTTPException as error:
            _log.error("The operator can't be alerted: Discord refuses the message (%s)", error)
            return False
        return True

    async def _chosen_channel(self, guild_id: int | None) -> int | None:
        """Return the alert channel that a server's managers chose."""
        if guild_id is None:
            return None
        try:
            return (await server_settings(self._ledger, guild_id)).alert_channel_id
        except LedgerError as error:
            _log.warning("The settings of server %d can't be read: %s", guild_id, error)
            return None

    async def _to_channel(self, channel_id: int, text: Text, nonce: str) -> None:
        channel = self._client.get_partial_messageable(channel_id)
        language = await self._locales.of_place(self._guild_of(channel_id), 0)
        with using(language):
            await channel.send(text(), nonce=nonce)

    def _guild_of(self, channel_id: int) -> int | None:
        known = self._client.get_channel(channel_id)
        return getattr(getattr(known, "guild", None), "id", None)

    async def _to_owner(self, text: Text, nonce: str) -> None:
        if self._owner_id is None:
            application = await self._client.application_info()
            team = application.team
            self._owner_id = (team and team.owner_id) or application.owner.id
        with using(await self._locales.of_user(self._owner_id)):
            channel = await self._client.create_dm(discord.Object(self._owner_id))
            await channel.send(text(), nonce=nonce)


def _counted_with(fault: str) -> str:
    """Return the group in which an alert is counted: each server's limits, and all other alerts."""
    return ":".join(fault.split(":")[:2]) if fault.startswith(LIMIT_ALERT) else ""


def _permission(turn: Turn) -> str:
    return f"permission:{turn.parent_id}"


def _nonce(fault: str, at: float) -> str:
    """Return a part of a nonce for a fault and the day of its alert: at most 20 characters."""
    digest = hashlib.sha256(fault.encode()).hexdigest()[:10]
    return f"{digest}.{int(at // DAY)}"
