"""Checks questions against the limits: questions a minute, and budgets."""

from collections.abc import Mapping
from typing import Final

import discord
from msgspec import Struct

from bot.chat.access.access_gate import AccessRequest, Entry
from bot.chat.access.budgets import Budgets
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.chat.texts.limits import LimitReached
from bot.config.limits import LimitSettings
from bot.runtime.newest_entries import NewestEntries

ASKING_BUTTONS: Final = frozenset({"retry", "again", "continue"})
"""The buttons that ask the model."""

ASKING_COMMANDS: Final = frozenset(
    {"ask", "explain-this", "translate-this", "runs retry", "schedule run"}
)
"""The commands and menus that ask the model."""

ASKING_FORMS: Final = frozenset({"write", "ask"})
"""The forms that ask the model."""

WITHOUT_BUDGET: Final = frozenset({"usage", "privacy", "cancel"})
"""The commands and buttons that work while the operator's total is spent."""

_ASKING: Final[Mapping[Entry, frozenset[str]]] = {
    "button": ASKING_BUTTONS,
    "command": ASKING_COMMANDS,
    "form": ASKING_FORMS,
}

_MOST_REMEMBERED: Final = 10_000


class RateReached(Struct, frozen=True):
    """A member asks faster than ``most`` questions a minute; ``wait`` is in seconds."""

    most: int
    wait: float

    def sentence(self) -> str:
        """Return what the person reads, in the current language."""
        wait = sentences.whole_duration(max(1, round(self.wait)))
        return localized("limit-rate", most=self.most, wait=wait)


class QuestionRate:
    """A token bucket for each member: ``per_minute`` questions, ``burst`` of them at once.

    A question counts at the time of its Discord id, also if the bot missed it at that time.
    """

    def __init__(self, per_minute: int, burst: int) -> None:
        self._per_second = per_minute / 60
        self._burst = float(burst)
        # A full table drops the member who asked longest ago: their bucket is most likely full.
        self._buckets = NewestEntries[tuple[int | None, int], tuple[float, float, int]](
            _MOST_REMEMBERED
        )

    def take(self, member: tuple[int | None, int], event_id: int) -> float:
        """Count a question; return the seconds until the member may ask, 0 if that is now.

        ``member`` is guild id and user id; ``event_id`` is Discord's id of the question.

        A question that is read from the channel and also arrives as an event counts once.
        """
        if not self._per_second:
            return 0.0
        at = discord.utils.snowflake_time(event_id).timestamp()
        left, before, counted = self._buckets.pop(member, (self._burst, at, 0))
        if event_id == counted:
            self._buckets[member] = left, before, counted
            return 0.0
        left = min(self._burst, left + max(0.0, at - before) * self._per_second)
        allowed = left >= 1
        counted = event_id if allowed else counted
        self._buckets[member] = left - allowed, max(at, before), counted
        return 0.0 if allowed else (1 - left) / self._per_second


class QuestionLimits:
    """Checks questions, buttons, commands and forms against the limits."""

    def __init__(self, settings: LimitSettings, budgets: Budgets) -> None:
        self._settings = settings
        self._rate = QuestionRate(settings.questions_per_minute, settings.burst)
        self._budgets = budgets

    async def of_question(
        self, request: AccessRequest, event_id: int
    ) -> RateReached | LimitReached | None:
        """Return the limit that a question reaches, None if it may be asked.

        ``event_id`` is the id of the question's message or interaction.

        Raises ``LedgerError``.
        """
        wait = self._rate.take((request.guild_id, request.user_id), event_id)
        if wait:
            return RateReached(self._settings.questions_per_minute, wait)
        return await self._budgets.spent(request)

    async def of_interaction(
        self, request: AccessRequest, event_id: int
    ) -> RateReached | LimitReached | None:
        """Return the limit that a command, a button or a form reaches. Raises ``LedgerError``."""
        asking = _ASKING.get(request.entry, frozenset())
        if f"{request.command} {request.subcommand}".strip() in asking:
            return await self.of_question(request, event_id)
        if request.command in WITHOUT_BUDGET:
            return None
        return await self._budgets.total_spent()
