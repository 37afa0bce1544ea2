"""Reads when a reminder is due: a duration, a time of day, or a date, in English or in Japanese."""

import re
import unicodedata
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from bot.chat.schedules.rules import WEEKDAYS, RuleError, minutes_of
from bot.chat.texts.fluent import localized

LONGEST_MOMENT: Final = 100
"""The most characters of a text that is read as a moment."""

_MOST_DAYS: Final = 3_660
_MORNING: Final = 9 * 60
"""The time of day where a text names only a date, in minutes after midnight."""

_UNITS: Final = {
    "second": 1.0,
    "minute": 60.0,
    "hour": 3_600.0,
    "day": 86_400.0,
    "week": 604_800.0,
}
_DURATION: Final = re.compile(
    r"(?P<number>\d+(?:\.\d+)?|an?\b|one\b|half an?\b)\s*"
    r"(?:(?P<second>s|secs?|seconds?|秒)|(?P<minute>m|mins?|minutes?|分)"
    r"|(?P<hour>h|hrs?|hours?|時間)|(?P<day>d|days?|日)|(?P<week>w|wks?|weeks?|週間?))"
    r"(?P<half>半)?(?![a-z])"
)
_BETWEEN: Final = re.compile(r"[\s,、と]*(?:and\s+)?")
_AFTER: Final = re.compile(r"\s*(?:後に?|from now|later)?")
_ISO: Final = re.compile(
    r"\d{4}-\d\d-\d\d[t ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:z|[+-]\d\d:?\d\d)?", re.IGNORECASE
)
_DATE: Final = re.compile(
    r"(?:(?P<year>\d{4})\s*[-/年]\s*)?(?P<month>\d{1,2})\s*[-/月]\s*(?P<day>\d{1,2})日?"
)
_DAYS: Final = {
    "today": 0,
    "tomorrow": 1,
    "今日": 0,
    "本日": 0,
    "明日": 1,
    "明後日": 2,
    "あさって": 2,
}
_DAY: Final = re.compile(
    r"(?:on\s+)?(?:"
    rf"(?P<word>{'|'.join(sorted(_DAYS, key=len, reverse=True))})"
    rf"|(?:next\s+)?(?P<weekday>{'|'.join(WEEKDAYS)})"
    r"|(?P<youbi>[月火水木金土日])曜日?)"
)
_JOINT: Final = re.compile(r"[\s,、のに]*(?:at\s+)?")


def moment_of(text: str, now: float, zone: ZoneInfo) -> float:
    """Return the moment that a text names, in seconds since 1970; it is after ``now``.

    Examples: "2 hours", "1h 30m", "18:30", "tomorrow 9 am", "friday 9:00", "2026-12-24 18:00",
    "明日9時". Dates and times are in ``zone``. A time that a day has twice means the first; a time
    that a day lacks is read by the clock before the change. Raises ``RuleError``.
    """
    wanted = unicodedata.normalize("NFKC", text).strip().casefold().rstrip(".。")
    seconds = _duration(wanted)
    try:
        moment = now + seconds if seconds is not None else _clock_moment(wanted, now, zone)
    except (OverflowError, ValueError) as error:
        raise RuleError(localized("reminder-no-moment")) from error
    if moment <= now:
        raise RuleError(localized("reminder-past"))
    if moment > now + _MOST_DAYS * _UNITS["day"]:
        raise RuleError(localized("reminder-too-far"))
    return moment


def _duration(text: str) -> float | None:
    """Return a duration in seconds; None if the text is no duration."""
    position = len(text) - len(text.removeprefix("in ").lstrip())
    total, found = 0.0, False
    while match := _DURATION.match(text, position):
        number = match["number"]
        amount = 0.5 if number.startswith("half") else 1.0 if number[0] in "ao" else float(number)
        unit = next(name for name in _UNITS if match[name] is not None)
        total += (amount + (0.5 if match["half"] else 0.0)) * _UNITS[unit]
        found = True
        between = _BETWEEN.match(text, match.end())
        position = match.end() if between is None else between.end()
    ends = _AFTER.fullmatch(text, position) is not None
    return total if found and ends else None


def _clock_moment(text: str, now: float, zone: ZoneInfo) -> float:
    """Return the moment that a date or a time names; raises ``RuleError`` and ``ValueError``."""
    if _ISO.fullmatch(text):
        exact = datetime.fromisoformat(text.upper())
        return (exact if exact.tzinfo is not None else exact.replace(tzinfo=zone)).timestamp()
    today = datetime.fromtimestamp(now, zone).date()
    if match := _DATE.match(text):
        year = int(match["year"] or today.year)
        day = date(year, int(match["month"]), int(match["day"]))
        moment = _at(day, text[match.end() :], zone)
        if match["year"] is None and moment <= now:
            moment = _at(day.replace(year=year + 1), text[match.end() :], zone)
        return moment
    if match := _DAY.match(text):
        rest = text[match.end() :]
        if match["word"]:
            return _at(today + timedelta(days=_DAYS[match["word"]]), rest, zone)
        if match["weekday"]:
            wanted = [each.casefold() for each in WEEKDAYS].index(match["weekday"])
        else:
            wanted = "月火水木金土日".index(match["youbi"])
        day = today + timedelta(days=(wanted - today.weekday()) % 7)
        moment = _at(day, rest, zone)
        return moment if moment > now else _at(day + timedelta(days=7), rest, zone)
    text = text.removeprefix("at ")
    if not text:
        raise RuleError(localized("reminder-no-moment"))
    moment = _at(today, text, zone)
    return moment if moment > now else _at(today + timedelta(days=1), text, zone)


def _at(day: date, time: str, zone: ZoneInfo) -> float:
    """Return the moment of a time on a day; in the morning if the text has no time."""
    joint = _JOINT.match(time)
    rest = time[joint.end() :].strip() if joint is not None else time
    try:
        minutes = minutes_of(rest) if rest else _MORNING
    except RuleError as error:
        raise RuleError(localized("reminder-no-moment")) from error
    return datetime(
        day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=zone
    ).timestamp()
