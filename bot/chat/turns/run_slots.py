"""Limits how many turns have a run at the same time; guilds take turns for the slots.

A guild with many questions waits for itself. All direct messages together take turns with all
guilds together: however many members write DMs, guilds get every other slot.
"""

from collections.abc import Hashable, Iterable
from typing import Final, Self

from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.config.limits import LimitSettings
from bot.runtime.fair_queue import FairSlots, Path
from bot.runtime.joint_slots import JointSlots, Keys

CONCURRENT_RUNS: Final = 500
"""The most turns that have a run at the same time, unless the engine executes fewer runs."""

_STEPS: Final = ((sentences.MOST_COUNTED, 1), (100, 10), (500, 50))
"""(count, step): below each count, numbers shown to members are rounded to the step."""

_LARGEST_STEP: Final = 100


class RunSlot:
    """One turn's slot; ``async with`` gives the slot back at the end of the block."""

    def __init__(
        self, slots: FairSlots, joint: JointSlots, turn_id: int, guild_id: int | None, keys: Keys
    ) -> None:
        self._slots = slots
        self._joint = joint
        self._keys = joint.limited(keys)
        self._path: Path = (
            ("direct", turn_id) if guild_id is None else ("guilds", guild_id, turn_id)
        )
        self._held = False
        self._holds_keys = False
        self.waits_for_limit = False
        """Whether the turn waits because its members, channel or server have enough runs."""

    async def __aenter__(self) -> Self:
        """Begin a block in which the slot may be taken."""
        return self

    async def __aexit__(self, *error: object) -> None:
        """Give the slot back if the turn holds it."""
        if self._held:
            self._held = False
            self._slots.release(self._path[0])
        if self._holds_keys:
            self._holds_keys = False
            self._joint.release(self._keys)

    async def wait(self) -> None:
        """Wait for the slot; returns at once if the turn holds it already."""
        if not self._held:
            if self._keys and not self._holds_keys:
                self.waits_for_limit = True
                try:
                    await self._joint.acquire(self._keys)
                finally:
                    self.waits_for_limit = False
                self._holds_keys = True
            await self._slots.acquire(*self._path)
            self._held = True

    def take(self) -> None:
        """Take the slot without waiting, for a turn that has its run already."""
        if self._keys and not self._holds_keys:
            self._joint.acquire_at_once(self._keys)
            self._holds_keys = True
        if not self._held:
            self._slots.acquire_at_once(self._path[0])
            self._held = True

    def is_waiting(self) -> bool:
        """Return whether the turn waits for its slot."""
        return self.waits_for_limit or self._slots.is_waiting(self._path)

    def ahead(self) -> int:
        """Return about how many turns must be answered before this one; 0 if it does not wait.

        Large counts are rounded, so that a reply far behind is not edited for each turn ahead.
        """
        if not self._slots.is_waiting(self._path):
            return 0
        # +1: a running turn must finish before the first waiting one starts.
        return _rounded(1 + self._slots.ahead(self._path))


class RunSlots:
    """The slots of all turns; ``limits`` are the most runs of a member, channel and server."""

    def __init__(self, slots: int = CONCURRENT_RUNS, limits: LimitSettings | None = None) -> None:
        limits = limits or LimitSettings()
        self._slots = FairSlots(slots)
        self._joint = JointSlots(
            {
                "member": limits.runs_per_member,
                "channel": limits.runs_per_channel,
                "server": limits.runs_per_server,
            }
        )

    def of(
        self,
        turn_id: int,
        guild_id: int | None,
        channel_id: int | None = None,
        member_ids: Iterable[int] = (),
    ) -> RunSlot:
        """Return the slot of a turn; the turn neither holds the slot nor waits for it yet.

        For a turn in a channel thread ``channel_id`` is the thread's parent channel.
        """
        keys: list[tuple[str, Hashable]] = [
            ("member", (guild_id, member_id)) for member_id in member_ids
        ]
        places = [("channel", channel_id), ("server", guild_id)]
        keys += [(kind, place_id) for kind, place_id in places if place_id is not None]
        return RunSlot(self._slots, self._joint, turn_id, guild_id, keys)

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
