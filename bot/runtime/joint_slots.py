"""Limits on concurrent work by several keys at once: all of a caller's keys need a free place."""

import asyncio
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Final, TypeAlias

Kind: TypeAlias = str

Keys: TypeAlias = Sequence[tuple[Kind, Hashable]]
"""The keys of one caller, such as a member's and a channel's; each takes a slot of the key."""


class JointSlots:
    """At most ``limits[kind]`` callers hold a slot of each key of a kind; 0 means no limit.

    Free slots go to the first waiting caller who finds one for each key; earlier callers who do
    not are passed over.
    """

    def __init__(self, limits: Mapping[Kind, int]) -> None:
        self._limits: Final = {kind: limit for kind, limit in limits.items() if limit}
        self._held: Counter[tuple[Kind, Hashable]] = Counter()
        self._waiting: dict[asyncio.Future[None], Keys] = {}

    def limited(self, keys: Keys) -> Keys:
        """Return the keys that have a limit, without doubles."""
        return [key for key in dict.fromkeys(keys) if key[0] in self._limits]

    async def acquire(self, keys: Keys) -> None:
        """Wait for a slot of each key and hold the slots until ``release``."""
        if self._has_room(keys):
            self._held.update(keys)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[turn] = keys
        try:
            await turn
        except asyncio.CancelledError:
            # The place may have been granted just before the caller was cancelled.
            if self._waiting.pop(turn, None) is None:
                self.release(keys)
            raise

    def acquire_at_once(self, keys: Keys) -> None:
        """Hold slots without waiting, even beyond the limits."""
        self._held.update(keys)

    def release(self, keys: Keys) -> None:
        """Release the slots, and wake the waiting callers whose keys all have a free slot."""
        self._held.subtract(keys)
        for key in keys:
            if not self._held[key]:
                del self._held[key]
        for turn, wanted in list(self._waiting.items()):
            if turn.cancelled() or not self._has_room(wanted):
                continue
            del self._waiting[turn]
            self._held.update(wanted)
            turn.set_result(None)

    def _has_room(self, keys: Keys) -> bool:
        return all(self._held[key] < self._limits[key[0]] for key in keys)
