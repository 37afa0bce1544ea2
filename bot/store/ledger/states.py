"""The states of a turn and every move between them; nothing else spells one."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args

TurnState = Literal[
    "waiting",  # holds its questions (again, after a Retry); nothing of this attempt is in Discord
    "placed",  # the reply says "thinking…" and can be cancelled
    "posted",  # every question is a message on the thread
    "running",  # this attempt's run was created and its id is known
    "closing",  # how it ended is known; the reply is being brought to its last text
    "answered",  # the answer stands
    "cancelled",  # stopped because somebody asked; what was said so far stands
    "failed",  # told so in the reply; Retry makes one more attempt
]

TURN_MOVES: Final[Mapping[TurnState, frozenset[TurnState]]] = MappingProxyType(
    {
        "waiting": frozenset({"placed", "closing"}),
        "placed": frozenset({"posted", "closing"}),
        # Back to placed when the thread is gone, and the questions go onto another one.
        "posted": frozenset({"running", "placed", "closing"}),
        "running": frozenset({"closing"}),
        "closing": frozenset({"answered", "cancelled", "failed"}),
        "answered": frozenset(),
        "cancelled": frozenset(),
        "failed": frozenset({"waiting"}),
    }
)
"""Turn states and where each may go."""

OPEN: Final[frozenset[TurnState]] = frozenset({"waiting", "placed", "posted", "running", "closing"})
"""A turn here still owes somebody an answer; a started bot goes on with it."""


def sources(target: TurnState) -> tuple[TurnState, ...]:
    """Return the states a turn may come from to be in ``target``."""
    return tuple(state for state in get_args(TurnState) if target in TURN_MOVES[state])
