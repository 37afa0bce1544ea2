"""Who answers the function calls of runs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, TypeAlias

from bot.assistants.schema.objects import Run
from bot.assistants.schema.requests import ToolOutput

FUNCTION_UNAVAILABLE: Final = (
    "This function is not available here. Answer without it, and say so if that matters."
)
"""What the model reads as the output of a function that the bot does not have."""

CallEnded: TypeAlias = Callable[[str, bool], None]
"""Told the id of each function call that ended, and whether the call succeeded."""


class CallAnswerer(Protocol):
    """Makes the function calls of runs, and remembers which outputs a run has."""

    async def outputs(self, run: Run, ended: CallEnded) -> Sequence[ToolOutput]:
        """Return an output for each call that a run waits for; a cancellation cancels the calls."""
        ...

    async def submitted(self, run_id: str, call_ids: Sequence[str]) -> None:
        """Remember that a run has these outputs."""
        ...

    async def settled(self, run_id: str) -> None:
        """Remember that a run waits for no output, whatever is remembered of its calls."""
        ...

    async def looked_up(self, run_id: str, answered: Mapping[str, int]) -> None:
        """Remember how many calls of each id have their outputs on a run, as the run's steps say.

        Some models use an id again.
        """
        ...

    async def cancelled(self, run_id: str) -> None:
        """Remember that calls under way were cancelled with their run."""
        ...
