"""The states of runs, steps and messages, and every move between them; nothing else spells one."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args

RunStatus = Literal[
    "queued",  # waiting for a place to be executed
    "in_progress",  # the model is at work
    "requires_action",  # waiting for tool outputs
    "cancelling",  # told to stop, not yet stopped
    "cancelled",  # stopped because somebody asked
    "failed",  # could not be finished; last_error says why
    "completed",  # the answer stands
    "incomplete",  # a token limit cut it; incomplete_details says which
    "expired",  # not finished by expires_at
]
StepStatus = Literal["in_progress", "cancelled", "failed", "completed", "expired"]
MessageStatus = Literal["in_progress", "incomplete", "completed"]
MessageIncompleteReason = Literal[
    "content_filter", "max_tokens", "run_cancelled", "run_expired", "run_failed"
]

RUN_MOVES: Final[Mapping[RunStatus, frozenset[RunStatus]]] = MappingProxyType(
    {
        "queued": frozenset({"in_progress", "cancelling", "failed", "expired"}),
        "in_progress": frozenset(
            {
                "requires_action",
                "completed",
                "failed",
                "incomplete",
                "cancelling",
                "expired",
            }
        ),
        "requires_action": frozenset({"queued", "cancelling", "expired"}),
        # A run that is being cancelled may still reach the end it was about to reach.
        "cancelling": frozenset({"cancelled", "completed", "failed", "incomplete", "expired"}),
        "cancelled": frozenset(),
        "failed": frozenset(),
        "completed": frozenset(),
        "incomplete": frozenset(),
        "expired": frozenset(),
    }
)
"""Run states and where each may go (the API's own table; see its "run lifecycle")."""

TERMINAL: Final[frozenset[RunStatus]] = frozenset(s for s, to in RUN_MOVES.items() if not to)
"""A run here has ended and its thread is open again."""

ACTIVE: Final[frozenset[RunStatus]] = frozenset(get_args(RunStatus)) - TERMINAL
"""A run here holds its thread locked."""

CANCELLABLE: Final[frozenset[RunStatus]] = frozenset({"queued", "in_progress", "requires_action"})
"""A run here can be told to stop."""

_SOURCES: Final[Mapping[RunStatus, tuple[RunStatus, ...]]] = MappingProxyType(
    {
        target: tuple(source for source, to in RUN_MOVES.items() if target in to)
        for target in get_args(RunStatus)
    }
)


def sources(target: RunStatus) -> tuple[RunStatus, ...]:
    """Return the states a run may come from to be in ``target``, for ``WHERE status IN (…)``."""
    return _SOURCES[target]
