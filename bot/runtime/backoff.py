"""How long to wait before the next try: longer after each, and never two callers in step."""

import random
from typing import Final

FIRST_WAIT: Final = 0.5
"""The longest pause before a second try, in seconds."""

_DOUBLINGS: Final = 10
"""Enough for any longest wait; a float ends where tries are counted in thousands."""


def backoff(attempt: int, longest: float) -> float:
    """Return the seconds to wait after a try, counted from 0; at most ``longest``."""
    most = min(FIRST_WAIT * 2.0 ** min(attempt, _DOUBLINGS), longest)
    # Spreads retries, guards nothing.
    return most * random.uniform(0.5, 1.0)  # noqa: S311
