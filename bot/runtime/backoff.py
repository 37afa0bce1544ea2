"""Exponential backoff with jitter: how long to wait before the next try."""

import random
from typing import Final

FIRST_WAIT: Final = 0.5
"""The longest wait before a second try, in seconds."""

_MOST_DOUBLINGS: Final = 32
"""More would overflow a float where tries are counted in thousands."""


def backoff(
    attempt: int, longest: float, *, first: float = FIRST_WAIT, roll: float | None = None
) -> float:
    """Return the seconds to wait after try number ``attempt``, counted from 0.

    The wait doubles from ``first`` up to ``longest``. Jitter takes off up to half of it, so that
    callers that failed together do not come back together. ``roll`` in [0, 1) sets the jitter.
    """
    most = min(first * 2.0 ** min(attempt, _MOST_DOUBLINGS), longest)
    if roll is None:
        roll = random.random()  # noqa: S311 - spreads retries, guards nothing
    return most * (0.5 + roll / 2)
