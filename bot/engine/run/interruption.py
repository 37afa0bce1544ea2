"""Where a run's task may be interrupted: while it waits, and never inside a write."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

Interruption = Literal["cancelled", "expired", "deleted"]


class InterruptedRunError(Exception):
    """The run is to stop where it is."""


class InterruptionGuard:
    """Lets others stop a task, at the places that the task marks."""

    def __init__(self) -> None:
        self.why: Interruption | None = None
        self._task: asyncio.Task[object] | None = None
        self._open = False
        self._over = False

    def begin(self) -> None:
        """Guard the current task from here on."""
        self._task = asyncio.current_task()

    def end(self) -> None:
        """Say that an interruption would come to nothing from here on."""
        self._over = True

    def interrupt(self, why: Interruption) -> bool:
        """Stop the task at the next place that allows it; False where it is over already."""
        if self._over:
            return False
        self.why = self.why or why
        if self._open and self._task is not None:
            self._task.cancel()
        return True

    def check(self) -> None:
        """Raise ``InterruptedRunError`` where somebody has interrupted."""
        if self.why is not None:
            raise InterruptedRunError

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Mark a place that may be cut; raises ``InterruptedRunError`` where it was."""
        self.check()
        self._open = True
        try:
            yield
        except asyncio.CancelledError:
            if self.why is None or self._task is None:
                raise  # the engine stops
            self._task.uncancel()
            raise InterruptedRunError from None
        finally:
            self._open = False

    def close(self) -> None:
        """Within ``waiting``: what follows must not be cut."""
        self._open = False

    def reopen(self) -> None:
        """Within ``waiting``: back to waiting; raises ``InterruptedRunError`` where it is time."""
        self.check()
        self._open = True
