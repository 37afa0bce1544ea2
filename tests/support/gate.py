"""A gate that a test holds: what comes to it waits until the test lets it through."""

import asyncio
from collections import deque


class Gate:
    """Closed when made. `let(n)` lets the next n through, `open()` everything, `close()` nobody."""

    def __init__(self) -> None:
        self._open = False
        self._permits = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._arrived = asyncio.Condition()

    async def passed(self) -> None:
        """Wait here until let through."""
        if self._open:
            return
        if self._permits:
            self._permits -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        async with self._arrived:
            self._arrived.notify_all()
        try:
            await turn
        finally:
            if turn in self._waiting:
                self._waiting.remove(turn)

    def let(self, count: int = 1) -> None:
        """Let the next `count` through: who waits first, then who comes."""
        for _ in range(count):
            if self._waiting:
                self._release()
            else:
                self._permits += 1

    def open(self) -> None:
        """Let everybody through, from now on."""
        self._open = True
        while self._waiting:
            self._release()

    def close(self) -> None:
        """Let nobody through that comes from now on."""
        self._open = False
        self._permits = 0

    async def until_waiting(self, count: int = 1) -> None:
        """Return once `count` wait here at the same time."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self._waiting) >= count)

    def _release(self) -> None:
        turn = self._waiting.popleft()
        if not turn.done():
            turn.set_result(None)
