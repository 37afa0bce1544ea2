"""Limits how many turns have a run at the same time; guilds take turns for the slots.

A guild with many questions waits for itself. All direct messages together take turns with all
guilds together: however many members write DMs, guilds get every other slot.
"""

from types import TracebackType
from typing import Final, Self

from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.runtime.fair_queue import FairSlots, Path

CONCURRENT_RUNS: Final = 500
"""The most turns that have a run at the same time, unless the engine executes fewer runs."""

_STEPS: Final = ((sentences.MOST_COUNTED, 1), (100, 10), (500, 50))
"""Below each number, counts shown to members are rounded to the step beside that number."""

_LARGEST_STEP: Final = 100


class RunSlot:
    """One turn's slot; ``async with`` gives the slot back at the end of the block."""

    def __init__(self, slots: FairSlots, turn_id: int, guild_id: int | None) -> None:
        self._slots = slots
        self._path: Path = (
            ("direct", turn_id) if guild_id is None else ("guilds", guild_id, turn_id)
        )
        self._held = False

    async def __aenter__(self) -> Self:
        """Begin a block in which the slot may be taken."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the slot back if the turn holds it."""
        if self._held:
            self._held = False
            self._slots.release(self._path[0])

    async def wait(self) -> None:
        """Wait for the slot; returns at once if the turn holds it already."""
        if not self._held:
            await self._slots.acquire(*self._path)
            self._held = True

    def take(self) -> None:
        """Take the slot without waiting, for a turn that has its run already."""
        if not self._held:
            self._slots.acquire_at_once(self._path[0])
            self._held = True

    def is_waiting(self) -> bool:
        """Return whether the turn waits for its slot."""
        return self._slots.is_waiting(self._path)

    def ahead(self) -> int:
        """Return about how many turns must be answered before this one; 0 if it does not wait.

        Large counts are rounded, so that a reply far behind is not edited for each turn ahead.
        """
        if not self.is_waiting():
            return 0
        # +1: a running turn must finish before the first waiting one starts.
        return _rounded(1 + self._slots.ahead(self._path))


class RunSlots:
    """The slots of all turns."""

    def __init__(self, slots: int = CONCURRENT_RUNS) -> None:
        self._slots = FairSlots(slots)

    def of(self, turn_id: int, guild_id: int | None) -> RunSlot:
        """Return the slot of a turn; the turn neither holds the slot nor waits for it yet."""
        return RunSlot(self._slots, turn_id, guild_id)

    @property
    def held(self) -> int:
        """The number of turns that have a run."""
        return self._slots.held

    @property
    def waiting(self) -> int:
        """The number of turns that wait for a slot."""
        return self._slots.waiting

    def health(self) -> str:
        """Return a line for members that says how busy the bot is."""
        return localized("health", answering=self._slots.held, waiting=self._slots.waiting)


def _rounded(count: int) -> int:
    step = next((step for below, step in _STEPS if count < below), _LARGEST_STEP)
    return round(count / step) * step
