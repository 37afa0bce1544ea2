"""When a call is tried again, after how long, and what a server's Retry-After says."""

import asyncio
from datetime import UTC, datetime
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from bot.runtime.backoff import backoff
from bot.runtime.retry import Attempts, RetryPolicy, TryAgain, endless, on_error, retry, retry_after
from tests.support.fake_clock import FakeClock

NOW = 1_700_000_000.0
ROLLS = st.floats(0, 1, exclude_max=True)
POLICIES = st.builds(
    RetryPolicy,
    attempts=st.integers(1, 50),
    first_delay=st.floats(0.001, 5),
    longest_delay=st.floats(0.001, 60),
    longest_retry_after=st.floats(0, 60),
    total=st.floats(0, 500),
    patience=st.floats(0, 500),
)


class FailingCall:
    """A call that fails so often, and then returns the number of times it was made."""

    def __init__(self, *failures: BaseException) -> None:
        self._failures = list(failures)
        self.made = 0

    async def __call__(self) -> int:
        self.made += 1
        if self._failures:
            raise self._failures.pop(0)
        return self.made


@given(st.integers(0, 10_000), st.floats(0.001, 60), st.floats(0.001, 5), ROLLS)
def test_a_backoff_doubles_up_to_its_bound_and_jitter_takes_off_half_of_it_at_most(
    attempt: int, longest: float, first: float, roll: float
) -> None:
    seconds = backoff(attempt, longest, first=first, roll=roll)
    most = min(longest, first * 2 ** min(attempt, 32))
    assert most / 2 <= seconds <= most
    assert backoff(attempt + 1, longest, first=first, roll=roll) >= seconds


@given(POLICIES, st.lists(st.floats(0, 70), max_size=60), ROLLS)
def test_no_wait_breaks_a_bound_of_its_policy(
    policy: RetryPolicy, asked: list[float], roll: float
) -> None:
    clock = FakeClock(skips=True)
    attempts = Attempts(policy, clock, roll=lambda: roll)
    waited = 0.0
    for seconds in asked:
        wait = attempts.next_wait(TryAgain(retry_after=seconds))
        if wait is None:
            break
        assert seconds <= wait <= max(policy.longest_delay, seconds + 0.25)
        assert seconds <= policy.longest_retry_after
        clock.advance(wait)
        waited += wait
    assert attempts.count <= policy.attempts
    assert waited <= min(policy.total, policy.patience) + 1e-6


async def test_a_call_is_repeated_until_it_succeeds() -> None:
    clock, call = FakeClock(skips=True), FailingCall(OSError(), OSError())
    assert await retry(call, RetryPolicy(), on_error(OSError), clock) == 3
    assert len(clock.slept) == 2


async def test_a_call_that_fails_once_too_often_raises_its_last_failure() -> None:
    clock, last = FakeClock(skips=True), OSError("third")
    call = FailingCall(OSError("first"), OSError("second"), last, OSError("fourth"))
    with pytest.raises(OSError, match="third") as caught:
        await retry(call, RetryPolicy(attempts=3), on_error(OSError), clock)
    assert caught.value is last
    assert call.made == 3


async def test_a_failure_that_does_not_pass_is_raised_at_once() -> None:
    clock, call = FakeClock(skips=True), FailingCall(ValueError())
    with pytest.raises(ValueError):
        await retry(call, endless(), on_error(OSError), clock)
    assert (call.made, clock.slept) == (1, [])


async def test_a_cancelled_call_is_never_made_again() -> None:
    call = FailingCall(asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        await retry(call, endless(), lambda error: TryAgain(), FakeClock(skips=True))
    assert call.made == 1


async def test_a_server_that_asks_for_a_longer_wait_than_the_policys_is_not_asked_again() -> None:
    clock, call = FakeClock(skips=True), FailingCall(OSError())
    with pytest.raises(OSError):
        await retry(call, RetryPolicy(), lambda error: TryAgain(retry_after=31.0), clock)
    assert clock.slept == []


async def test_a_verdict_may_bound_the_wait_by_itself() -> None:
    clock, call = FakeClock(skips=True), FailingCall(*[OSError()] * 20)
    await retry(call, endless(), lambda error: TryAgain(longest_delay=30.0), clock)
    assert 15.0 <= max(clock.slept) <= 30.0


async def test_patience_counts_the_time_that_calls_take() -> None:
    clock = FakeClock(skips=True)

    async def slow() -> None:
        await clock.sleep(60.0)
        raise OSError

    with pytest.raises(OSError):
        await retry(slow, endless(patience=100.0), on_error(OSError), clock)
    assert clock.slept.count(60.0) == 2


async def test_each_wait_is_reported_with_its_failure() -> None:
    clock, told = FakeClock(skips=True), list[tuple[str, float]]()
    call = FailingCall(OSError("one"), OSError("two"))
    await retry(
        call,
        endless(),
        on_error(OSError),
        clock,
        on_wait=lambda error, seconds: told.append((str(error), seconds)),
    )
    assert told == [("one", clock.slept[0]), ("two", clock.slept[1])]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": "0.25"}, 0.25),
        ({"Retry-After": formatdate(NOW + 20, usegmt=True)}, 20.0),
        ({"Retry-After": formatdate(NOW - 20, usegmt=True)}, 0.0),
        ({"Retry-After-Ms": "1500", "Retry-After": "9"}, 1.5),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"Retry-After-Ms": "soon", "Retry-After": "9"}, 9.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "1 Dec 2026 00:00:00 +99999999999"}, None),
        ({}, None),
    ],
)
def test_the_retry_after_header_is_read_in_each_form(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(CIMultiDict(headers), NOW) == seconds


@given(st.integers(0, 10**9), st.booleans())
def test_seconds_milliseconds_and_dates_say_the_same(seconds: int, ms: bool) -> None:
    header = {"Retry-After-Ms": str(seconds * 1000)} if ms else {"Retry-After": str(seconds)}
    assert retry_after(CIMultiDict(header), NOW) == seconds
    date = datetime.fromtimestamp(NOW + seconds, UTC).timestamp()
    dated = {"Retry-After": formatdate(date, usegmt=True)}
    assert retry_after(CIMultiDict(dated), NOW) == seconds


# Words that dates are made of: of those, letters in a row seldom make one.
DATES = st.lists(
    st.sampled_from(
        ["Fri,", "31", "0", "Dec", "9999", "23:59:59", "9:9", "::", "GMT", "-2359", "x"]
    )
    | st.integers().map(lambda number: f"{number:+}")
).map(" ".join)


@given(st.text() | DATES)
def test_no_header_can_break_the_reader(value: str) -> None:
    for name in ("Retry-After", "Retry-After-Ms"):
        seconds = retry_after(CIMultiDict({name: value}), NOW)
        assert seconds is None or seconds >= 0
