"""When a request is tried again, and after how long."""

import asyncio
from email.utils import formatdate

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from bot.wire.retry import Answered, Retrying, RetryPolicy, retry_after
from tests.wire.own_clock import NOW, OwnClock


def answered(status: int, **headers: str) -> Answered:
    return Answered(status, CIMultiDict({k.replace("_", "-"): v for k, v in headers.items()}))


def delay(
    failure: Answered | BaseException, policy: RetryPolicy | None = None, **other: float
) -> float | None:
    arguments = {"attempt": 1, "waited": 0.0, "now": NOW, "roll": 0.0, **other}
    return (policy or RetryPolicy()).delay(failure, **arguments)  # type: ignore[arg-type] # by name


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
def test_what_passes_is_tried_again(status: int) -> None:
    assert delay(answered(status)) is not None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 501])
def test_what_stays_is_not_tried_again(status: int) -> None:
    assert delay(answered(status)) is None


def test_a_server_that_says_whether_to_try_again_is_believed() -> None:
    assert delay(answered(500, x_should_retry="false")) is None
    assert delay(answered(400, x_should_retry="true")) is not None


@pytest.mark.parametrize(
    "error", [TimeoutError(), ConnectionResetError(), aiohttp.ServerDisconnectedError()]
)
def test_a_broken_connection_is_tried_again(error: BaseException) -> None:
    assert delay(error) is not None


def test_a_mistake_of_our_own_is_not_tried_again() -> None:
    assert delay(ValueError("x")) is None


@given(st.integers(1, 40), st.floats(0, 1, exclude_max=True))
def test_delays_grow_within_their_bounds(attempt: int, roll: float) -> None:
    policy = RetryPolicy(attempts=99, first_delay=0.5, longest_delay=8.0)
    seconds = delay(answered(500), policy, attempt=attempt, roll=roll)
    assert seconds is not None
    highest = min(8.0, 0.5 * 2 ** (attempt - 1))
    assert highest / 2 <= seconds <= highest


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": "0.25"}, 0.25),
        ({"Retry-After": formatdate(NOW + 20, usegmt=True)}, 20.0),
        ({"Retry-After": formatdate(NOW - 20, usegmt=True)}, 0.0),
        ({"Retry-After-Ms": "1500", "Retry-After": "9"}, 1.5),
        ({"Retry-After-Ms": "soon", "Retry-After": "9"}, 9.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "1 Dec 2026 00:00:00 +99999999999"}, None),
        ({}, None),
    ],
)
def test_what_the_server_asks_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(CIMultiDict(headers), NOW) == seconds


# Words that dates are made of: of those, letters in a row seldom make one.
DATES = st.lists(
    st.sampled_from(
        ["Fri,", "31", "0", "Dec", "9999", "23:59:59", "9:9", "::", "GMT", "-2359", "x"]
    )
    | st.integers().map(lambda number: f"{number:+}")
).map(" ".join)


@given(st.text() | DATES)
def test_no_header_can_break_it(value: str) -> None:
    seconds = retry_after(CIMultiDict({"Retry-After": value}), NOW)
    assert seconds is None or seconds >= 0


@given(st.floats(0, 1, exclude_max=True))
def test_never_earlier_than_the_server_asked(roll: float) -> None:
    seconds = delay(answered(429, retry_after="2"), roll=roll)
    assert seconds is not None
    assert 2 <= seconds <= 2.5


def test_a_server_that_asks_for_too_long_is_not_asked_again() -> None:
    assert delay(answered(429, retry_after="31")) is None


async def test_tries_end_after_as_many_as_agreed() -> None:
    clock = OwnClock()
    retrying = Retrying(RetryPolicy(attempts=3), clock, roll=lambda: 0.0)
    tries = 1
    while await retrying.again(answered(503)):
        tries += 1
    assert tries == 3
    assert clock.slept == [0.25, 0.5]


async def test_all_waits_together_stay_within_the_total() -> None:
    clock = OwnClock()
    retrying = Retrying(RetryPolicy(attempts=99, total=10.0), clock, roll=lambda: 0.9)
    while await retrying.again(answered(503, retry_after="3")):
        pass
    assert 6 < sum(clock.slept) <= 10


async def test_a_cancelled_request_is_never_tried_again() -> None:
    assert not await Retrying(RetryPolicy(), OwnClock()).again(asyncio.CancelledError())
