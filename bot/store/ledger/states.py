"""The states of turns, function calls and approvals; the only place that lists them."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args

TurnState = Literal[
    "waiting",  # has its questions; this attempt has no reply in Discord yet
    "placed",  # the reply says "thinking…" and can be cancelled
    "posted",  # every question is a message on the thread
    "running",  # this attempt's run was created and its id is known
    "closing",  # the outcome is known; the reply gets its final text
    "answered",  # the reply has the answer
    "cancelled",  # a member cancelled it; the reply keeps the text so far
    "failed",  # the reply has the error; Retry starts another attempt
    "withdrawn",  # its questions or its reply were deleted; nothing is sent any more
]

TURN_MOVES: Final[Mapping[TurnState, frozenset[TurnState]]] = MappingProxyType(
    {
        "waiting": frozenset({"placed", "closing"}),
        "placed": frozenset({"posted", "closing"}),
        # Back to placed when the thread is gone, and the questions go onto another one.
        # Back to waiting, with the next attempt, when one of several questions was deleted.
        "posted": frozenset({"running", "placed", "waiting", "closing"}),
        "running": frozenset({"waiting", "closing"}),
        "closing": frozenset({"answered", "cancelled", "failed", "withdrawn"}),
        # Back to waiting by "Answer again" and by Retry.
        "answered": frozenset({"waiting"}),
        "cancelled": frozenset({"waiting"}),
        "failed": frozenset({"waiting"}),
        "withdrawn": frozenset(),
    }
)
"""The states that may follow each state."""

OPEN: Final[frozenset[TurnState]] = frozenset({"waiting", "placed", "posted", "running", "closing"})
"""The states of a turn that has not ended; a started bot goes on with the turn."""

WITHOUT_OUTCOME: Final[frozenset[TurnState]] = OPEN - {"closing"}
"""The states of a turn whose outcome is not known yet."""


def sources(target: TurnState) -> tuple[TurnState, ...]:
    """Return the states from which a turn may move to ``target``."""
    return tuple(state for state in get_args(TurnState) if target in TURN_MOVES[state])


def in_sql(states: Iterable[TurnState]) -> str:
    """Return states as SQL has them in ``IN (…)``."""
    return ", ".join(f"'{state}'" for state in sorted(states))


CallState = Literal[
    "started",  # may have been made
    "finished",  # has its output, or was never made
    "submitted",  # the run has its output
]
"""The states of a function call, in their order."""


ApprovalState = Literal[
    "asked",  # the run waits for a person's decision
    "allowed",  # a person allowed the call while its run waited; the run makes the call
    "late",  # nobody decided in time; the run went on, and a person may still decide
    "granted",  # a person allowed the call after its run; it is to be made
    "started",  # a call without its run may have been made
    "finished",  # a call without its run was made; a question brings its result
    "denied",  # a person denied the call
    "withdrawn",  # the run was cancelled, or the call was forgotten
]
"""The states of a function call that needs a person's approval."""

UNDECIDED: Final[frozenset[ApprovalState]] = frozenset({"asked", "late"})
"""The states in which a person may decide."""

_APPROVAL_MOVES: Final[Mapping[ApprovalState, frozenset[ApprovalState]]] = MappingProxyType(
    {
        "asked": frozenset({"allowed", "late", "granted", "denied", "withdrawn"}),
        # The run ended before it made the call.
        "allowed": frozenset({"granted"}),
        "late": frozenset({"granted", "denied", "withdrawn"}),
        "granted": frozenset({"started", "finished"}),
        "started": frozenset({"finished"}),
        "finished": frozenset(),
        "denied": frozenset(),
        "withdrawn": frozenset(),
    }
)


def approval_sources(target: ApprovalState) -> tuple[ApprovalState, ...]:
    """Return the states from which an approval may move to ``target``."""
    return tuple(state for state in get_args(ApprovalState) if target in _APPROVAL_MOVES[state])
