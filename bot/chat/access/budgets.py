"""Keeps members, channels, servers and the whole bot within their budgets.

A question is refused while a budget is spent. A run reserves its estimate before it begins, and is
settled by its own usage.
"""

import logging
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from bot.chat.access.caps import CapFinder
from bot.chat.access.gate import AccessRequest
from bot.chat.access.prices import Prices
from bot.chat.places.server_settings import server_settings, zone_of
from bot.chat.texts.limits import LimitReached
from bot.chat.threads.messages.message_builder import attached
from bot.limit_settings import LimitSettings
from bot.runtime.clock import Clock
from bot.store.ledger import Ledger, NewCharge, Question, Reached, Spend, Turn

UNLIMITED_COMPLETION: Final = 4_096
"""The tokens that are reserved for an answer without a configured maximum."""

TITLE_ATTEMPT: Final = 0
"""The number under which the ledger has the run that titles a turn's channel thread."""

_BASE_TOKENS: Final = 1_000
"""The tokens of instructions, tools and place at the beginning of a conversation."""

_MEDIA_TOKENS: Final = 1_500
_DOCUMENT_TOKENS: Final = 32_000

_log: Final = logging.getLogger(__name__)


class Budgets:
    """Checks, reserves and computes what is spent; ``zone`` is the operator's time zone.

    Days and months are those of a server's time zone; the total counts in the operator's.
    """

    def __init__(
        self, settings: LimitSettings, prices: Prices, ledger: Ledger, clock: Clock, zone: ZoneInfo
    ) -> None:
        self.caps: Final = CapFinder(settings, ledger)
        self.prices: Final = prices
        self._settings = settings
        self._ledger = ledger
        self._clock = clock
        self._zone = zone

    async def total_spent(self) -> LimitReached | None:
        """Return the operator's total limit if it leaves no room. Raises ``LedgerError``."""
        cap = self.caps.total(self._today(self._zone))
        hit = await self._ledger.spending.reached(cap) if cap else None
        return None if hit is None else self._told(hit, self._zone)

    async def spent(self, request: AccessRequest) -> LimitReached | None:
        """Return the limit that leaves no room for a question. Raises ``LedgerError``."""
        zone = await self._zone_of(request.guild_id)
        today, total_today = self._today(zone), self._today(self._zone)
        caps = (
            *await self.caps.shared(request.guild_id, request.holder_id, today, total_today),
            *await self.caps.of_member(
                request.guild_id, request.user_id, request.role_ids or (), today
            ),
        )
        hit = await self._ledger.spending.reached(caps) if caps else None
        return None if hit is None else self._told(hit, zone)

    async def reserve(self, turn: Turn) -> LimitReached | None:
        """Reserve the estimate of a turn's next run; return the limit that leaves no room.

        Raises ``LedgerError``.
        """
        questions = await self._ledger.questions.of_turn(turn.id)
        if not questions:
            return None
        charge = await self._charge(turn, questions)
        roles: dict[int, set[int]] = {}
        for question in questions:
            given = msgspec.json.decode(question.role_ids, type=set[int])
            roles.setdefault(question.author_id, set()).update(given)
        members = {
            member_id: await self.caps.of_member(turn.guild_id, member_id, role_ids, charge.day)
            for member_id, role_ids in roles.items()
        }
        shared = await self.caps.shared(turn.guild_id, turn.parent_id, charge.day, charge.total_day)
        hit = await self._ledger.spending.reserve(charge, shared, members)
        if hit is None:
            return None
        _log.info("Turn %d has no run: the %s limit is reached", turn.id, hit.cap.scope)
        return self._told(hit, await self._zone_of(turn.guild_id))

    async def add_title(self, turn: Turn, spend: Spend) -> None:
        """Store what the run used that titles a turn's channel thread. Raises ``LedgerError``."""
        zone = await self._zone_of(turn.guild_id)
        charge = self._new_charge(turn, TITLE_ATTEMPT, zone, 0, 0)
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

    async def _charge(self, turn: Turn, questions: Iterable[Question]) -> NewCharge:
        last = await self._ledger.spending.last_in(turn.channel_id, turn.id)
        prompt = _BASE_TOKENS if last is None else last.prompt_tokens + last.completion_tokens
        prompt += sum(_tokens_of(question) for question in questions)
        completion = self._settings.completion_tokens or UNLIMITED_COMPLETION
        cost = self.prices.estimate(None if last is None else last.model, prompt, completion)
        zone = await self._zone_of(turn.guild_id)
        return self._new_charge(turn, turn.attempt, zone, prompt + completion, cost)

    def _new_charge(
        self, turn: Turn, attempt: int, zone: ZoneInfo, tokens: int, cost: int
    ) -> NewCharge:
        return NewCharge(
            turn_id=turn.id,
            attempt=attempt,
            guild_id=turn.guild_id or 0,
            channel_id=turn.parent_id,
            day=self._today(zone),
            total_day=self._today(self._zone),
            tokens=tokens,
            cost=cost,
        )

    async def _zone_of(self, guild_id: int | None) -> ZoneInfo:
        if guild_id is None:
            return self._zone
        return zone_of(await server_settings(self._ledger, guild_id), self._zone)

    def _today(self, zone: ZoneInfo) -> str:
        return datetime.fromtimestamp(self._clock.now(), zone).date().isoformat()

    def _told(self, hit: Reached, zone: ZoneInfo) -> LimitReached:
        zone = self._zone if hit.cap.scope == "total" else zone
        day = date.fromisoformat(hit.cap.day)
        after = day + timedelta(days=1)
        if hit.period == "month":
            after = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        # The first moment of a day: some time zones begin one at 01:00 when the clocks change.
        until = int(datetime.combine(after, time(), zone).timestamp())
        return LimitReached(scope=hit.cap.scope, period=hit.period, until=until, in_use=hit.in_use)


def _tokens_of(question: Question) -> int:
    """Estimate the tokens of a question and its files."""
    tokens = len(question.content.encode()) // 3 + 1
    for file in attached(question) if question.attachments != "[]" else ():
        document = min(file.size // 4, _DOCUMENT_TOKENS)
        tokens += document if file.kind == "document" else _MEDIA_TOKENS
    return tokens
