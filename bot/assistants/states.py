"""The statuses of runs, steps and messages, and the moves of a run between them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args

RunStatus = Literal[
    "queued",  # waits to be executed
    "in_progress",  # is executed
    "requires_action",  # waits for tool outputs
    "cancelling",  # is being stopped
    "cancelled",  # was stopped by a caller
    "failed",  # could not be finished; last_error has the reason
    "completed",  # has its answer
    "incomplete",  # hit a token limit; incomplete_details names the limit
    "expired",  # was not finished by expires_at
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
        # A run that is being cancelled may still end in another way that came first.
        "cancelling": frozenset({"cancelled", "completed", "failed", "incomplete", "expired"}),
        "cancelled": frozenset(),
        "failed": frozenset(),
        "completed": frozenset(),
        "incomplete": frozenset(),
        "expired": frozenset(),
    }
)
"""The statuses that may follow each status of a run (see the API's "run lifecycle")."""

TERMINAL: Final[frozenset[RunStatus]] = frozenset(s for s, to in RUN_MOVES.items() if not to)
"""The statuses of a run that has ended; its thread is unlocked."""

ACTIVE: Final[frozenset[RunStatus]] = frozenset(get_args(RunStatus)) - TERMINAL
"""The statuses of an unfinished run, which locks its thread."""

CANCELLABLE: Final[frozenset[RunStatus]] = frozenset({"queued", "in_progress", "requires_action"})
"""The statuses of a run that can be cancelled."""

_SOURCES: Final[Mapping[RunStatus, tuple[RunStatus, ...]]] = MappingProxyType(
    {
        target: tuple(source for source, to in RUN_MOVES.items() if target in to)
        for target in get_args(RunStatus)
    }
)


def sources(target: RunStatus) -> tuple[RunStatus, ...]:
    """Return the statuses from which a run may move to ``target``."""
    return _SOURCES[target]
