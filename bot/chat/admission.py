"""How many turns are answered at once, and who is next when that is all: guilds take turns.

A guild that asks much waits for itself; a direct message counts as a guild of its own.
"""

import asyncio
from collections import deque
from typing import Final

MOST_AT_ONCE: Final = 500
"""Turns that have a run at the same time, where nobody says how many."""


class Admission:
    """Places for turns on their way to and through a run."""

    def __init__(self, places: int = MOST_AT_ONCE) -> None:
        self._places = places
        self._inside: set[int] = set()
        # In the order in which guilds are served next.
        self._waiting: dict[int, deque[tuple[int, asyncio.Future[None]]]] = {}

    @property
    def inside(self) -> int:
        """How many turns have a place."""
        return len(self._inside)

    @property
    def waiting(self) -> int:
        """How many turns wait for one."""
        return sum(len(queue) for queue in self._waiting.values())

    def ahead(self, turn_id: int, group: int) -> int:
        """About how many turns get a place before this one; 0 where it does not wait."""
        own = self._waiting.get(group, deque())
        place = next((n for n, (waiting, _) in enumerate(own) if waiting == turn_id), None)
        if place is None:
            return 0
        others = (queue for name, queue in self._waiting.items() if name != group)
        # And one of those that have a place has to give it back.
        return 1 + place + sum(min(len(queue), place + 1) for queue in others)

    def go_on(self, turn_id: int) -> None:
        """Give a place to a turn that has its run already, be there one or not."""
        self._inside.add(turn_id)

    async def enter(self, turn_id: int, group: int) -> None:
        """Wait for a place, and have it until ``leave``."""
        if turn_id in self._inside:
            return
        if len(self._inside) < self._places and not self._waiting:
            self._inside.add(turn_id)
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (turn_id, place)
        self._waiting.setdefault(group, deque()).append(entry)
        try:
            await place
        except asyncio.CancelledError:
            queue = self._waiting.get(group)
            if queue is not None and entry in queue:
                queue.remove(entry)
                if not queue:
                    del self._waiting[group]
            else:
                # Given just now.
                self.leave(turn_id)
            raise

    def leave(self, turn_id: int) -> None:
        """Give a place back; whoever is next has it."""
        self._inside.discard(turn_id)
        while self._waiting and len(self._inside) < self._places:
            group = next(iter(self._waiting))
            queue = self._waiting.pop(group)
            next_id, place = queue.popleft()
            if queue:
                # Behind all others.
                self._waiting[group] = queue
            if not place.done():
                self._inside.add(next_id)
                place.set_result(None)
