"""How many turns are answered at once, and who is next when that is all: guilds take turns.

A guild that asks much waits for itself. Direct messages, each with one turn at a time, take turns
with all guilds together: however many write to us alone, guilds get every other place.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from bot.chat.texts.sentences import MOST_COUNTED

MOST_AT_ONCE: Final = 500
"""Turns that have a run at the same time, where nobody says how many."""

_STEPS: Final = ((MOST_COUNTED, 1), (100, 10), (500, 50))
_LARGEST_STEP: Final = 100


class _WaitingTurns:
    """Turns that wait for a place, in order; one that goes away leaves its number unused."""

    def __init__(self) -> None:
        self._router: dict[int, tuple[int, asyncio.Future[None]]] = {}
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._router)

    def __contains__(self, turn_id: int) -> bool:
        return turn_id in self._router

    def add(self, turn_id: int, place: asyncio.Future[None]) -> None:
        self._router[turn_id] = next(self._numbers), place

    def remove(self, turn_id: int) -> None:
        self._router.pop(turn_id, None)

    def before(self, turn_id: int) -> int:
        """Return how many are before a turn, about: who went away in between counts, too."""
        first, _ = next(iter(self._router.values()))
        return self._router[turn_id][0] - first

    def pop(self) -> tuple[int, asyncio.Future[None]]:
        turn_id = next(iter(self._router))
        return turn_id, self._router.pop(turn_id)[1]


class RunSlots:
    """Places for turns on their way to and through a run."""

    def __init__(self, router: int = MOST_AT_ONCE) -> None:
        self._router = router
        self._inside: set[int] = set()
        # In the order in which guilds are served next.
        self._guilds: dict[int, _WaitingTurns] = {}
        self._direct = _WaitingTurns()
        self._direct_next = False
        self._expected: dict[int, tuple[bool, Callable[[], None]]] = {}

    @property
    def inside(self) -> int:
        """How many turns have a place."""
        return len(self._inside)

    @property
    def waiting(self) -> int:
        """How many turns wait for one."""
        return len(self._direct) + sum(len(queue) for queue in self._guilds.values())

    @contextmanager
    def expecting(
        self, turn_id: int, *, direct: bool, entered: Callable[[], None]
    ) -> Iterator[None]:
        """Know of a turn that it is a direct message's or not, and tell when its wait is over."""
        self._expected[turn_id] = direct, entered
        try:
            yield
        finally:
            del self._expected[turn_id]

    def ahead(self, turn_id: int, group: int) -> int:
        """About how many turns get a place before this one; 0 where it does not wait.

        The more, the coarser: who waits behind hundreds is not told of each.
        """
        # And one of those that have a place has to give it back.
        if turn_id in self._direct:
            count = 1 + self._direct.before(turn_id)
            guilds = sum(len(queue) for queue in self._guilds.values())
            return _about(count + min(count, guilds))
        own = self._guilds.get(group)
        if own is None or turn_id not in own:
            return 0
        place = own.before(turn_id)
        others = (queue for name, queue in self._guilds.items() if name != group)
        count = 1 + place + sum(min(len(queue), place + 1) for queue in others)
        return _about(count + min(count, len(self._direct)))

    def waits(self, turn_id: int, group: int) -> bool:
        """Whether a turn waits for a place."""
        return turn_id in self._direct or turn_id in self._guilds.get(group, ())

    def go_on(self, turn_id: int) -> None:
        """Give a place to a turn that has its run already, be there one or not."""
        self._inside.add(turn_id)

    async def enter(self, turn_id: int, group: int) -> None:
        """Wait for a place, and have it until ``leave``; ``group`` is the turn's guild."""
        if turn_id in self._inside:
            return
        if len(self._inside) < self._router and not self.waiting:
            self._inside.add(turn_id)
            return
        direct, entered = self._expected.get(turn_id, (False, None))
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue = self._direct if direct else self._guilds.setdefault(group, _WaitingTurns())
        queue.add(turn_id, place)
        try:
            await place
        except asyncio.CancelledError:
            if turn_id in queue:
                queue.remove(turn_id)
                if not queue and self._guilds.get(group) is queue:
                    del self._guilds[group]
            else:
                # Given just now.
                self.leave(turn_id)
            raise
        if entered is not None:
            entered()

    def leave(self, turn_id: int) -> None:
        """Give a place back; whoever is next has it."""
        self._inside.discard(turn_id)
        while self.waiting and len(self._inside) < self._router:
            next_id, place = self._next()
            if not place.done():
                self._inside.add(next_id)
                place.set_result(None)

    def _next(self) -> tuple[int, asyncio.Future[None]]:
        direct = bool(self._direct) and (self._direct_next or not self._guilds)
        self._direct_next = not direct
        if direct:
            return self._direct.pop()
        group = next(iter(self._guilds))
        queue = self._guilds.pop(group)
        found = queue.pop()
        if queue:
            # Behind all others.
            self._guilds[group] = queue
        return found


def _about(count: int) -> int:
    step = next((step for below, step in _STEPS if count < below), _LARGEST_STEP)
    return round(count / step) * step
