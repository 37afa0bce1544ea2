"""The note that an interaction's token is about to end, and what a stop does to it."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from bot.chat.reply.delivery.response_deadline import ResponseDeadline


class Note:
    """A note that begins at once, and is written when ``accept`` is called."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.ends: list[str] = []
        self._accepted = asyncio.Event()

    def accept(self) -> None:
        """Let Discord accept the note."""
        self._accepted.set()

    async def write(self, note: str, *, last: bool = False) -> bool:
        """Write the note; the token has ended by then."""
        self.begun.set()
        try:
            await self._accepted.wait()
        except asyncio.CancelledError:
            self.ends.append("cancelled")
            raise
        self.ends.append("written")
        return True


async def near_end(seconds: float) -> bool:
    """Return that the token works for some seconds only."""
    return True


async def begun(note: Note) -> ResponseDeadline:
    """Return a deadline whose note is under way."""
    response: Any = SimpleNamespace(
        near_end=near_end, outlives_token=False, seconds_left=lambda: 0.0
    )
    deadline = ResponseDeadline(response, 7, note.write)
    deadline.begin()
    await note.begun.wait()
    return deadline


async def test_a_stop_waits_for_a_note_under_way() -> None:
    note = Note()
    deadline = await begun(note)
    stopping = asyncio.create_task(deadline.stop())
    note.accept()
    await stopping
    assert note.ends == ["written"]
    assert deadline.is_over


async def test_a_stop_that_is_cancelled_ends_with_the_note() -> None:
    note = Note()
    deadline = await begun(note)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await deadline.stop()
    assert note.ends == ["cancelled"]
    assert not deadline.is_over
