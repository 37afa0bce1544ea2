"""Tasks that end with a block of code, and background tasks that end with their owner."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

_log: Final = logging.getLogger(__name__)


@asynccontextmanager
async def cancelling(*tasks: "asyncio.Future[Any]") -> AsyncIterator[None]:
    """Cancel the tasks at the end of the block and wait until they ended.

    The code in the block may read their results and exceptions.
    """
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class BackgroundTasks:
    """Runs work beside everything else, logs its failures, and cancels it on request."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopped = False

    def start(self, work: Coroutine[Any, Any, None], on_failure: str) -> asyncio.Task[None]:
        """Start work; an exception in it is logged with ``on_failure``.

        After ``stop`` the work is cancelled before it begins: what it needs may be closed already.
        """
        task = asyncio.create_task(work)
        self._tasks.add(task)
        if self._is_stopped:
            task.cancel()

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                _log.error("%s", on_failure, exc_info=error)

        task.add_done_callback(ended)
        return task

    def cancel(self) -> None:
        """Cancel all work under way; new work may be started at once."""
        for task in self._tasks:
            task.cancel()

    async def stop(self) -> None:
        """Cancel all work under way, wait until it ended, and start none any more."""
        self._is_stopped = True
        self.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
