"""Tells a member in time that an interaction's token ends before the answer stands."""

import asyncio
import contextlib
import logging
from typing import Final, Protocol

from bot.chat.reply.delivery.message_routes import ResponseRoute
from bot.chat.texts.fluent import localized

TELL_SECONDS: Final = 10.0
"""How long before the end of the token the member is told, in seconds."""

_log: Final = logging.getLogger(__name__)


class NoteWriter(Protocol):
    """Adds a note below the text of a reply."""

    async def __call__(self, note: str, *, last: bool = False) -> bool:
        """Add the note; return whether the note stands there."""
        ...


class ResponseDeadline:
    """Watches the token of a reply; does nothing for a reply that answers no interaction.

    ``tell`` adds the note, which is the last one unless the reply goes on after the token's time.
    """

    def __init__(
        self,
        response: ResponseRoute | None,
        turn_id: int,
        tell: NoteWriter,
    ) -> None:
        self._response = response
        self._turn_id = turn_id
        self._tell = tell
        self._watching: asyncio.Task[None] | None = None
        self._telling = False
        self._told_end = False

    @property
    def is_over(self) -> bool:
        """Whether the member was told that the reply ends here, and nothing more can be written."""
        response = self._response
        return self._told_end and response is not None and not response.seconds_left()

    def begin(self) -> None:
        """Watch from now on; a second call changes nothing."""
        if self._response is not None and self._watching is None:
            self._watching = asyncio.create_task(self._watch(self._response))

    async def stop(self) -> None:
        """Watch no more; a note under way is finished."""
        watching = self._watching
        if watching is None:
            return
        if not self._telling:
            watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching

    async def _watch(self, response: ResponseRoute) -> None:
        if not await response.near_end(TELL_SECONDS):
            return  # the token was over before this process began
        self._telling = True
        note = localized("answer-goes-on")
        if not response.stays:
            note = localized("answer-too-late", number=str(self._turn_id))
        try:
            told = await self._tell(note, last=not response.stays)
            self._told_end = told and not response.stays
        except Exception as error:  # noqa: BLE001 - a note less must not end the answer
            _log.info("Turn %d: its end can't be told: %s", self._turn_id, error)
        finally:
            self._telling = False
