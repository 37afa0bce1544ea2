"""Interrupts the task of a run only where the run waits, never inside a write."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

Interruption = Literal["cancelled", "expired", "deleted"]


class InterruptedRunError(Exception):
    """The run must stop now."""


class InterruptionGuard:
    """Lets other tasks interrupt a run's task, at the points that the run's task allows."""

    def __init__(self) -> None:
        self.reason: Interruption | None = None
        self._task: asyncio.Task[object] | None = None
        self._interruptible = False
        self._finished = False

    def begin(self) -> None:
        """Make the current task the one that interruptions stop."""
        self._task = asyncio.current_task()

    def finish(self) -> None:
        """Refuse interruptions from now on: the run's end is decided."""
        self._finished = True

    def interrupt(self, reason: Interruption) -> bool:
        """Stop the task at its next interruptible point; return False if it has finished.

        The first reason wins.
        """
        if self._finished:
            return False
        self.reason = self.reason or reason
        if self._interruptible and self._task is not None:
            self._task.cancel()
        return True

    def check(self) -> None:
        """Raise ``InterruptedRunError`` if the run has been interrupted."""
        if self.reason is not None:
            raise InterruptedRunError

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Allow interruptions in the ``with`` block; one raises ``InterruptedRunError``."""
        self.check()
        self._interruptible = True
        try:
            yield
        except asyncio.CancelledError:
            if self.reason is None or self._task is None:
                raise  # the engine stops
            self._task.uncancel()
            raise InterruptedRunError from None
        finally:
            self._interruptible = False

    def shield(self) -> None:
        """Forbid interruptions inside an ``interruptible`` block, until ``unshield``."""
        self._interruptible = False

    def unshield(self) -> None:
        """Allow interruptions again; raises ``InterruptedRunError`` if there was one."""
        self.check()
        self._interruptible = True
