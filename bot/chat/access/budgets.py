"""Keeps members, channels, servers and the whole bot within their budgets.

A question is refused while a budget is spent. A run reserves an estimate before it begins; its real
usage takes the estimate's place when it ends.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import msgspec

from bot.chat.access.access_gate import AccessRequest
from bot.chat.access.caps import CapFinder, CategoryFinder, LimitKind
from bot.chat.access.prices import Prices
from bot.chat.places.server_settings import server_settings, zone_of
from bot.chat.texts.limits import LimitReached
from bot.chat.threads.messages.message_builder import attached
from bot.config.limits import LimitSettings
from bot.runtime.clock import Clock
from bot.store.ledger import (
    PERIODS,
    Cap,
    Ledger,
    NewCharge,
    Period,
    Question,
    Reached,
    Spend,
    SpendingScope,
    Turn,
    Used,
)

UNLIMITED_COMPLETION: Final = 4_096
"""The tokens that are reserved for an answer without a configured maximum."""

TITLE_ATTEMPT: Final = 0
"""The attempt number under which the ledger stores the run that titles a channel thread."""

_BASE_TOKENS: Final = 1_000
"""The estimated tokens that a run reads before the first question: instructions and tools."""

_MEDIA_TOKENS: Final = 1_500
_DOCUMENT_TOKENS: Final = 32_000

_log: Final = logging.getLogger(__name__)


class LimitAlert(Protocol):
    """Alerts whoever set a limit: a server's managers, or the operator."""

    def __call__(self, hit: Reached, limit: LimitReached, /) -> None:
        """Say that a limit stops somebody; repeat nothing until the limit's day or month ends."""


class Budgets:
    """Checks budgets, reserves estimates and computes what is spent.

    The days and months of a server's budgets are those of the server's time zone. The operator's
    total counts by ``zone``, the operator's time zone.
    """

    def __init__(
        self,
        settings: LimitSettings,
        prices: Prices,
        ledger: Ledger,
        clock: Clock,
        zone: ZoneInfo,
        category_of: CategoryFinder,
        alert: LimitAlert,
    ) -> None:
        self.caps: Final = CapFinder(settings, ledger, category_of)
        self._alert = alert
        self.prices: Final = prices
        self._settings = settings
        self._ledger = ledger
        self._clock = clock
        self._zone = zone

    async def total_spent(self) -> LimitReached | None:
        """Return the operator's total limit if it is used up, else None. Raises ``LedgerError``."""
        cap = self.caps.total(self._today(self._zone))
        hit = await self._ledger.spending.reached(cap) if cap else None
        return None if hit is None else self._alerted(hit, self._zone)

    async def used_in_all(self) -> dict[Period, Used]:
        """Return what the whole bot has used today and in this month. Raises ``LedgerError``."""
        cap = Cap(scope="total", guild_id=0, target_id=0, day=self._today(self._zone))
        return await self._ledger.usage.used(cap)

    async def reached_in(self, guild_id: int) -> list[tuple[Reached, LimitReached]]:
        """Return the limits in a server that leave no room for a run. Raises ``LedgerError``.

        Only the hundred channels and the hundred members who used most this month are checked.
        """
        zone = await self._zone_of(guild_id)
        today = self._today(zone)
        first = f"{today[:7]}-01"
        caps = list(await self._shared_caps("server", guild_id, 0, today))
        for line in (await self._ledger.usage.lines("channel", first, guild_id=guild_id))[:100]:
            caps += await self._shared_caps("channel", guild_id, int(line.key), today)
        for member_id, role_ids in await self._ledger.usage.spenders(guild_id, first):
            caps += await self.caps.of_member(guild_id, member_id, role_ids, today)
        return [(hit, self._described(hit, zone)) for hit in await self._all_reached(caps)]

    async def lift(
        self,
        kind: LimitKind,
        guild_id: int,
        target_id: int,
        *,
        channel_ids: Iterable[int] = (),
        role_ids: Iterable[int] = (),
    ) -> int:
        """Lift the limits of a server, channel, category or member until their periods end.

        Returns when the last period ends, in seconds since 1970. ``channel_ids`` are the channel,
        or those of the category; ``role_ids`` are the member's roles. Only used-up limits are
        lifted; if there are none, the limits of the day are lifted. Raises ``LedgerError``.
        """
        zone = await self._zone_of(guild_id)
        today = self._today(zone)
        caps: list[Cap] = []
        if kind == "member":
            caps += await self.caps.of_member(guild_id, target_id, role_ids, today)
        elif kind == "server":
            caps += await self._shared_caps("server", guild_id, 0, today)
        for channel_id in channel_ids:
            caps += await self._shared_caps("channel", guild_id, channel_id, today)
        periods: set[Period] = {hit.period for hit in await self._all_reached(caps)} or {"day"}
        await self.caps.lift(kind, guild_id, target_id, today, periods)
        return max(_end_of(today, period, zone) for period in periods)

    async def used(self, scope: SpendingScope, guild_id: int, target_id: int) -> dict[Period, Used]:
        """Return what a server, channel or member has used. Raises ``LedgerError``."""
        today = await self.today(guild_id)
        return await self._ledger.usage.used(
            Cap(scope=scope, guild_id=guild_id, target_id=target_id, day=today)
        )

    async def ends(self, guild_id: int) -> dict[Period, int]:
        """Return when a server's day and month end, in seconds since 1970."""
        zone = await self._zone_of(guild_id)
        today = self._today(zone)
        return {period: _end_of(today, period, zone) for period in PERIODS}

    async def _shared_caps(
        self, scope: SpendingScope, guild_id: int, channel_id: int, today: str
    ) -> list[Cap]:
        caps = await self.caps.shared(guild_id, channel_id, today, self._today(self._zone))
        return [cap for cap in caps if cap.scope == scope]

    async def _all_reached(self, caps: Iterable[Cap]) -> list[Reached]:
        """Return the caps that leave no room for even the smallest run, without duplicates."""
        tokens = _BASE_TOKENS + self._completion
        cost = self.prices.estimate(None, _BASE_TOKENS, self._completion)
        hits = await self._ledger.usage.all_reached(tuple(caps), tokens=tokens, cost=cost)
        return list({(hit.cap.scope, hit.cap.target_id, hit.period): hit for hit in hits}.values())

    async def spent(self, request: AccessRequest) -> LimitReached | None:
        """Return a used-up limit that stops a question, else None. Raises ``LedgerError``."""
        zone = await self._zone_of(request.guild_id)
        today, total_today = self._today(zone), self._today(self._zone)
        caps = (
            *await self.caps.shared(request.guild_id, request.holder_id, today, total_today),
            *await self.caps.of_member(
                request.guild_id, request.user_id, request.role_ids or (), today
            ),
        )
        hit = await self._ledger.spending.reached(caps) if caps else None
        return None if hit is None else self._alerted(hit, zone)

    async def reserve(self, turn: Turn, questions: Sequence[Question]) -> LimitReached | None:
        """Reserve the estimate of a turn's next run, or return the limit that leaves no room.

        ``questions`` are the turn's questions. Raises ``LedgerError``.
        """
        if not questions:
            return None
        zone = await self._zone_of(turn.guild_id)
        charge = self._new_charge(turn, turn.attempt, zone)
        members = {
            member_id: await self.caps.of_member(turn.guild_id, member_id, role_ids, charge.day)
            for member_id, role_ids in (await self._payers(questions)).items()
        }
        shared = await self.caps.shared(turn.guild_id, turn.parent_id, charge.day, charge.total_day)
        asked = sum(_tokens_of(question) for question in questions)
        estimate = partial(self._estimate, asked)
        hit = await self._ledger.spending.reserve(charge, shared, members, estimate)
        if hit is None:
            return None
        _log.info("Turn %d has no run: the %s limit is reached", turn.id, hit.cap.scope)
        return self._alerted(hit, zone)

    async def _payers(self, questions: Sequence[Question]) -> dict[int, set[int]]:
        """Return the ids of the members who pay for a turn's questions, with their role ids.

        The asker of a question that only reports a denied function call pays nothing, unless the
        turn has no other questions.
        """
        asking = [one for one in questions if not (one.cause or "").startswith("denial:")]
        roles: dict[int, set[int]] = {}
        for question in asking or questions:
            given = msgspec.json.decode(question.role_ids, type=set[int])
            if not given and question.cause is not None and question.guild_id is not None:
                # The bot asks in a member's name here, as after a late function call.
                given = await self._ledger.usage.last_roles(question.guild_id, question.author_id)
            roles.setdefault(question.author_id, set()).update(given)
        return roles

    async def add_title(self, turn: Turn, spend: Spend) -> None:
        """Store the usage of the run that titles a channel thread. Raises ``LedgerError``."""
        zone = await self._zone_of(turn.guild_id)
        charge = self._new_charge(turn, TITLE_ATTEMPT, zone)
        await self._ledger.spending.add(charge, [asker.id for asker in turn.askers], spend)

    async def cost_of(self, turn: Turn) -> str:
        """Return what a turn's attempt cost; empty if that is not known."""
        spend = await self._ledger.spending.of_attempt(turn.id, turn.attempt)
        if spend is None or not self.prices.knows(spend.model):
            return ""
        return self.prices.money(spend.cost)

    async def today(self, guild_id: int | None) -> str:
        """Return today's date in a server's time zone."""
        return self._today(await self._zone_of(guild_id))

    def _estimate(self, asked: int, last: Spend | None) -> tuple[int, int]:
        """Estimate tokens and cost of a run; its questions have ``asked`` tokens.

        ``last`` is what the channel's newest run used; None if that is not known.
        """
        prompt = _BASE_TOKENS if last is None else last.prompt_tokens + last.completion_tokens
        prompt += asked
        completion = self._completion
        cost = self.prices.estimate(None if last is None else last.model, prompt, completion)
        return prompt + completion, cost

    def _new_charge(self, turn: Turn, attempt: int, zone: ZoneInfo) -> NewCharge:
        return NewCharge(
            turn_id=turn.id,
            attempt=attempt,
            guild_id=turn.guild_id or 0,
            channel_id=turn.parent_id,
            day=self._today(zone),
            total_day=self._today(self._zone),
            tokens=0,
            cost=0,
        )

    @property
    def _completion(self) -> int:
        return self._settings.completion_tokens or UNLIMITED_COMPLETION

    async def _zone_of(self, guild_id: int | None) -> ZoneInfo:
        if guild_id is None:
            return self._zone
        return zone_of(await server_settings(self._ledger, guild_id), self._zone)

    def _today(self, zone: ZoneInfo) -> str:
        return datetime.fromtimestamp(self._clock.now(), zone).date().isoformat()

    def _alerted(self, hit: Reached, zone: ZoneInfo) -> LimitReached:
        """Alert whoever set a limit that stops somebody, and return the limit."""
        limit = self._described(hit, self._zone if hit.cap.scope == "total" else zone)
        if not hit.in_use:
            self._alert(hit, limit)
        return limit

    def _described(self, hit: Reached, zone: ZoneInfo) -> LimitReached:
        until = _end_of(hit.cap.day, hit.period, zone)
        return LimitReached(scope=hit.cap.scope, period=hit.period, until=until, in_use=hit.in_use)


def _end_of(today: str, period: Period, zone: ZoneInfo) -> int:
    """Return when a day, or its month, ends in a time zone, in seconds since 1970."""
    day = date.fromisoformat(today)
    after = day + timedelta(days=1)
    if period == "month":
        after = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    # Some time zones begin a day at 01:00 when the clocks change.
    return int(datetime.combine(after, time(), zone).timestamp())


def _tokens_of(question: Question) -> int:
    """Estimate the tokens of a question and its files."""
    tokens = len(question.content.encode()) // 3 + 1
    for file in attached(question) if question.attachments != "[]" else ():
        document = min(file.size // 4, _DOCUMENT_TOKENS)
        tokens += document if file.kind == "document" else _MEDIA_TOKENS
    return tokens
