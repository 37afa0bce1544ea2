"""When a reminder is due, as people and models write it."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.schedules.moments import moment_of
from bot.chat.schedules.rules import RuleError

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 11, 26, 15, 0, tzinfo=TOKYO)
"""A Thursday."""


def read(text: str) -> datetime:
    return datetime.fromtimestamp(moment_of(text, NOW.timestamp(), TOKYO), TOKYO)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("2 hours", 2),
        ("in 2h", 2),
        ("1h 30m", 1.5),
        ("1 hour and 30 minutes", 1.5),
        ("90min", 1.5),
        ("1.5 hours from now", 1.5),
        ("an hour", 1),
        ("Half an hour", 0.5),
        ("A day", 24),
        ("2 weeks", 336),
        ("30分後に", 0.5),
        ("2時間半後", 2.5),
        ("３日後", 72),
        ("1週間後", 168),
    ],
)
def test_a_duration_counts_from_now(text: str, hours: float) -> None:
    assert read(text) == NOW + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("18:30", "2026-11-26 18:30"),
        ("at 9 pm", "2026-11-26 21:00"),
        ("9:00", "2026-11-27 09:00"),
        ("午後9時", "2026-11-26 21:00"),
        ("tomorrow", "2026-11-27 09:00"),
        ("Tomorrow at 9:30 pm", "2026-11-27 21:30"),
        ("明日の9時", "2026-11-27 09:00"),
        ("on Friday 20:00", "2026-11-27 20:00"),
        ("thursday 14:00", "2026-12-03 14:00"),
        ("thursday 16:00", "2026-11-26 16:00"),
        ("金曜日20時", "2026-11-27 20:00"),
        ("2026-12-24", "2026-12-24 09:00"),
        ("2026-12-24 18:00", "2026-12-24 18:00"),
        ("2026-12-24T18:00:30", "2026-12-24 18:00"),
        ("2026-12-24T09:00:00Z", "2026-12-24 18:00"),
        ("12月24日18時", "2026-12-24 18:00"),
        ("2/28 7:00", "2027-02-28 07:00"),
    ],
)
def test_a_time_or_a_date_is_one_of_the_time_zone_and_still_to_come(
    text: str, expected: str
) -> None:
    assert f"{read(text):%Y-%m-%d %H:%M}" == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "1 month", "25:00", "2026-02-30", "2026-13-01", "2 hours x", "0 minutes"),
        *("2020-01-01", "today 9:00", "99999 weeks", "9999999999999999999 days", "1e99 days"),
    ],
)
def test_what_is_no_moment_to_come_is_refused_in_words(text: str) -> None:
    with pytest.raises(RuleError):
        read(text)


def test_a_time_that_a_day_lacks_or_has_twice_is_a_moment() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    now = datetime(2026, 3, 28, 12, 0, tzinfo=berlin).timestamp()
    lacking = datetime.fromtimestamp(moment_of("2026-03-29 02:30", now, berlin), UTC)
    assert f"{lacking:%H:%M}" == "01:30"
    twice = datetime.fromtimestamp(moment_of("2026-10-25 02:30", now, berlin), UTC)
    assert f"{twice:%H:%M}" == "00:30"


@given(st.text(max_size=30) | st.from_regex(r"[0-9hmd:\-/ 月日時]{1,20}", fullmatch=True))
def test_any_text_is_a_moment_to_come_or_is_refused(text: str) -> None:
    with suppress(RuleError):
        assert read(text) > NOW
