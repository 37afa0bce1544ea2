"""A number of slots that groups take turns for, so that none of them waits for all of another."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final


class FairSlots:
    """``slots`` in all, of which one group holds at most ``most_per_group``.

    Groups are served in turn however much each of them asks; within a group the first is first.
    """

    def __init__(self, slots: int, most_per_group: int) -> None:
        self._free = slots
        self._most: Final = most_per_group
        self._held: Counter[str] = Counter()
        # In the order in which groups are served next.
        self._waiting: dict[str, dict[asyncio.Future[None], None]] = {}

    async def acquire(self, group: str) -> None:
        """Wait for a slot and hold it until ``release``."""
        slot: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(group, {})[slot] = None
        self._serve()
        try:
            await slot
        except asyncio.CancelledError:
            queue = self._waiting.get(group, {})
            if slot in queue:
                del queue[slot]
                if not queue:
                    del self._waiting[group]
            elif not slot.cancelled():  # given just now
                self.release(group)
            raise

    def release(self, group: str) -> None:
        """Give a slot back; whoever is next has it."""
        self._free += 1
        self._held[group] -= 1
        if not self._held[group]:
            del self._held[group]
        self._serve()

    @asynccontextmanager
    async def hold(self, group: str) -> AsyncGenerator[None]:
        """Wait for a slot and hold it within the block."""
        await self.acquire(group)
        try:
            yield
        finally:
            self.release(group)

    def _serve(self) -> None:
        while self._free:
            group = next((name for name in self._waiting if self._held[name] < self._most), None)
            if group is None:
                return
            queue = self._waiting.pop(group)
            slot = next(iter(queue))
            del queue[slot]
            if queue:
                self._waiting[group] = queue  # behind all others
            if not slot.done():
                self._free -= 1
                self._held[group] += 1
                slot.set_result(None)
