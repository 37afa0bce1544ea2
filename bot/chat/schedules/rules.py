"""The rule of a schedule: daily, weekly or monthly at a time, or by a cron expression.

Daylight saving time is handled as in Debian's cron. A time that a day lacks comes right after the
gap, and a time that a day has twice comes once. A cron expression for every hour or minute follows
the elapsed time.
"""

import re
import unicodedata
from datetime import datetime
from itertools import islice, pairwise
from typing import Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from cronsim import CronSim, CronSimError
from msgspec import Struct

from bot.chat.texts.fluent import RefusalError, localized

Repeat = Literal["daily", "weekly", "monthly", "cron"]

ONCE: Final[Literal["once"]] = "once"
"""The ``repeat`` of a reminder: it asks one time only."""

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]

WEEKDAYS: Final[tuple[Weekday, ...]] = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)

LONGEST_CRON: Final = 100
"""The most characters of a cron expression."""

_CRON_FIELDS: Final = 5
_NOON_TO_NOON: Final = 12
_LONGEST_MONTH: Final = 31
_SHORTEST_MONTH: Final = 28
_COMPARED: Final = 100
"""How many times of a schedule are compared to find its shortest interval."""

_TIME: Final = re.compile(
    r"(?P<half_before>午前|午後)?(?P<hour>\d{1,2})(?:[:.時h](?P<minute>\d{2})?分?)?\s*"
    r"(?P<half>[ap]\.?m\.?)?",
    re.IGNORECASE,
)


class RuleError(RefusalError):
    """A schedule or reminder can't be set, mostly because of its time; the sentence says why."""


class Rule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule of a schedule.

    ``time`` is in minutes after midnight. ``day`` is 1 (Monday) to 7 in a week, or 1 to 31 in a
    month; in a shorter month the last day counts. ``cron`` has five fields. ``at`` is the moment of
    a reminder, in seconds since 1970.
    """

    repeat: Repeat | Literal["once"]
    time: int = 0
    day: int = 0
    cron: str = ""
    at: float = 0.0

    def to_json(self) -> str:
        """Return the rule for the ledger."""
        return msgspec.json.encode(self).decode()

    @property
    def clock_time(self) -> str:
        """The time of day as people write it, such as 09:30."""
        return f"{self.time // 60:02d}:{self.time % 60:02d}"

    def described(self) -> str:
        """Return the rule as members read it, in the current language."""
        if self.repeat == ONCE:
            return localized("schedule-once", when=f"<t:{int(self.at)}:f>")
        if self.repeat == "cron":
            return localized("schedule-by-cron", cron=self.cron)
        if self.repeat == "daily":
            return localized("schedule-daily", time=self.clock_time)
        if self.repeat == "weekly":
            day = localized(f"schedule-weekday-choice.{WEEKDAYS[self.day - 1]}")
            return localized("schedule-weekly", day=day, time=self.clock_time)
        if self.day == _LONGEST_MONTH:
            return localized("schedule-month-end", time=self.clock_time)
        return localized("schedule-monthly", day=str(self.day), time=self.clock_time)

    def next_after(self, moment: float, zone: ZoneInfo) -> float | None:
        """Return the first time after a moment, in seconds since 1970; None if none follows."""
        if self.repeat == ONCE:
            return self.at if self.at > moment else None
        start = datetime.fromtimestamp(moment, zone)
        times = [
            each.timestamp()
            for cron in self._crons()
            if (each := next(CronSim(cron, start), None)) is not None
        ]
        return min(times, default=None)

    def shortest_interval(self, moment: float, zone: ZoneInfo) -> float:
        """Return the shortest interval among the next times, in seconds."""
        start = datetime.fromtimestamp(moment, zone)
        times = [
            each.timestamp()
            for cron in self._crons()
            for each in islice(CronSim(cron, start), _COMPARED)
        ]
        return min((b - a for a, b in pairwise(sorted(times))), default=float("inf"))

    def _crons(self) -> tuple[str, ...]:
        at = f"{self.time % 60} {self.time // 60}"
        if self.repeat == "cron":
            return (self.cron,)
        if self.repeat == "daily":
            return (f"{at} * * *",)
        if self.repeat == "weekly":
            return (f"{at} * * {self.day}",)
        if self.day <= _SHORTEST_MONTH:
            return (f"{at} {self.day} * *",)
        if self.day == _LONGEST_MONTH:
            return (f"{at} L * *",)
        return (f"{at} {self.day} 1,3-12 *", f"{at} L 2 *")


def rule_from_json(text: str) -> Rule:
    """Return a stored rule; raises ``msgspec.MsgspecError`` for a text that is no rule."""
    return msgspec.json.decode(text, type=Rule)


def minutes_of(text: str) -> int:
    """Return a time of day in minutes after midnight, such as 9:30, 9:30 pm or 21時30分.

    Raises ``RuleError``.
    """
    match = _TIME.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if match is not None:
        hour, minute = int(match["hour"]), int(match["minute"] or 0)
        half = (match["half"] or "").casefold()[:1] or {"午前": "a", "午後": "p"}.get(
            match["half_before"] or "", ""
        )
        if half and hour <= _NOON_TO_NOON:
            hour = hour % _NOON_TO_NOON + (_NOON_TO_NOON if half == "p" else 0)
        elif half:
            hour = 24
        if hour < 24 and minute < 60:
            return hour * 60 + minute
    raise RuleError(localized("schedule-no-time"))


def cron_rule(text: str, now: float, zone: ZoneInfo) -> Rule:
    """Return the rule of a cron expression; raises ``RuleError``."""
    fields = unicodedata.normalize("NFKC", text).split()
    rule = Rule(repeat="cron", cron=" ".join(fields))
    if len(fields) != _CRON_FIELDS:  # cronsim takes a sixth one for seconds
        raise RuleError(localized("schedule-no-cron"))
    try:
        next_at = rule.next_after(now, zone)
    except CronSimError as error:
        raise RuleError(localized("schedule-no-cron")) from error
    if next_at is None:
        raise RuleError(localized("schedule-never"))
    return rule
