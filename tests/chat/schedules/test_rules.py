"""When schedules ask: days that months lack, clocks that change, and times as people write them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chat.schedules.rules import Rule, RuleError, cron_rule, minutes_of, rule_from_json
from bot.chat.texts import fluent

BERLIN = ZoneInfo("Europe/Berlin")

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe"]


@pytest.fixture(autouse=True)
def texts() -> None:
    fluent.load()


def times(rule: Rule, start: str, count: int, zone: ZoneInfo = BERLIN) -> list[str]:
    """The next times of a rule after a local time, as local times with their offsets."""
    moment: float | None = datetime.fromisoformat(start).replace(tzinfo=zone).timestamp()
    found = []
    for _ in range(count):
        assert moment is not None
        moment = rule.next_after(moment, zone)
        assert moment is not None
        found.append(f"{datetime.fromtimestamp(moment, zone):%Y-%m-%d %H:%M%z}")
    return found


def test_a_time_that_a_day_lacks_comes_right_after_the_gap() -> None:
    assert times(Rule(repeat="daily", time=150), "2027-03-27T12:00", 2) == [
        "2027-03-28 03:00+0200",
        "2027-03-29 02:30+0200",
    ]


def test_a_time_that_a_day_has_twice_comes_once() -> None:
    assert times(Rule(repeat="daily", time=150), "2027-10-30T12:00", 2) == [
        "2027-10-31 02:30+0200",
        "2027-11-01 02:30+0100",
    ]


def test_an_hourly_cron_follows_the_real_time_through_both_changes() -> None:
    hourly = Rule(repeat="cron", cron="0 * * * *")
    assert times(hourly, "2027-03-28T00:30", 3)[1:] == [
        "2027-03-28 03:00+0200",
        "2027-03-28 04:00+0200",
    ]
    assert times(hourly, "2027-10-31T01:30", 3) == [
        "2027-10-31 02:00+0200",
        "2027-10-31 02:00+0100",
        "2027-10-31 03:00+0100",
    ]


@pytest.mark.parametrize(
    ("day", "days"),
    [
        (28, ["2028-01-28", "2028-02-28", "2028-03-28", "2028-04-28"]),
        (29, ["2028-01-29", "2028-02-29", "2028-03-29", "2028-04-29"]),
        (30, ["2028-01-30", "2028-02-29", "2028-03-30", "2028-04-30"]),
        (31, ["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"]),
    ],
)
def test_a_day_that_a_month_lacks_is_its_last_one(day: int, days: list[str]) -> None:
    rule = Rule(repeat="monthly", time=540, day=day)
    assert [each[:10] for each in times(rule, "2028-01-01T12:00", 4)] == days


def test_a_weekly_schedule_asks_on_its_weekday() -> None:
    for day in range(1, 8):
        (found,) = times(Rule(repeat="weekly", time=1, day=day), "2027-01-01T12:00", 1)
        assert datetime.fromisoformat(found[:10]).isoweekday() == day


RULES = st.one_of(
    st.builds(Rule, repeat=st.just("daily"), time=st.integers(0, 1439)),
    st.builds(Rule, repeat=st.just("weekly"), time=st.integers(0, 1439), day=st.integers(1, 7)),
    st.builds(Rule, repeat=st.just("monthly"), time=st.integers(0, 1439), day=st.integers(1, 31)),
)


@settings(max_examples=60)
@given(
    RULES,
    st.sampled_from(ZONES),
    st.integers(1_700_000_000, 2_000_000_000),
)
def test_each_period_has_one_time_at_the_hour_that_was_chosen(
    rule: Rule, zone_name: str, start: int
) -> None:
    zone = ZoneInfo(zone_name)
    first = rule.next_after(start, zone)
    assert first is not None
    second = rule.next_after(first, zone)
    assert second is not None
    assert start < first < second
    days = (
        datetime.fromtimestamp(second, zone).date() - datetime.fromtimestamp(first, zone).date()
    ) / timedelta(days=1)
    low, high = {"daily": (1, 1), "weekly": (7, 7), "monthly": (28, 31)}[rule.repeat]
    assert low <= days <= high
    local = datetime.fromtimestamp(first, zone)
    minutes = local.hour * 60 + local.minute
    exists = local.replace(tzinfo=None) == local.astimezone(UTC).astimezone(zone).replace(
        tzinfo=None
    )
    assert exists
    # A time in the gap of a change comes up to an hour later.
    assert 0 <= minutes - rule.time <= 60 or minutes == rule.time
    assert rule_from_json(rule.to_json()) == rule


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("9:30", 570),
        ("09:30", 570),
        ("9.30", 570),
        ("21:05", 1265),
        ("9", 540),
        ("9:30 pm", 1290),
        ("9PM", 1260),
        ("12 am", 0),
        ("12:15pm", 735),
        ("0:00", 0),
        ("９：３０", 570),
        ("21時30分", 1290),
        ("午後9時30分", 1290),
        ("午前0時", 0),
        ("午後0時15分", 735),
        ("24:00", None),
        ("9:60", None),
        ("13pm", None),
        ("-1", None),
        ("soon", None),
        ("", None),
    ],
)
def test_times_are_read_as_people_write_them(text: str, minutes: int | None) -> None:
    if minutes is not None:
        assert minutes_of(text) == minutes
    else:
        with pytest.raises(RuleError):
            minutes_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0 9 * *",
        "0 9 * * * *",
        "61 9 * * *",
        "nine o'clock",
        "0 9 30 2 *",
        "0 9 * * 8",
        "@daily",
    ],
)
def test_a_cron_expression_that_nobody_can_follow_is_refused(text: str) -> None:
    with pytest.raises(RuleError):
        cron_rule(text, 1_800_000_000.0, BERLIN)


def test_a_cron_expression_is_stored_without_needless_spaces() -> None:
    rule = cron_rule("  0 9  * * MON-FRI ", 1_800_000_000.0, BERLIN)
    assert rule.cron == "0 9 * * MON-FRI"
    assert "0 9 * * MON-FRI" in rule.described()


def test_the_shortest_interval_counts_not_the_next_one() -> None:
    burst = Rule(repeat="cron", cron="0,5 9 * * 1")
    start = datetime(2027, 1, 4, 9, 2, tzinfo=UTC).timestamp()
    assert burst.shortest_interval(start, ZoneInfo("UTC")) == 300.0
