"""Tells a member that the token of an interaction is about to end before the answer is ready."""

import asyncio
import logging
from typing import Final, Protocol

from bot.chat.reply.delivery.message_routes import ResponseRoute
from bot.chat.texts.fluent import localized
from bot.runtime.tasks import cancelling

TELL_SECONDS: Final = 10.0
"""The time between the note and the end of the token, in seconds."""

_log: Final = logging.getLogger(__name__)


class NoteWriter(Protocol):
    """Adds a note below the text of a reply."""

    async def __call__(self, note: str, *, last: bool = False) -> bool:
        """Add the note; return whether Discord accepted it. ``last``: a later text is unlikely."""


class ResponseDeadline:
    """Watches the token of a reply; does nothing for a reply that answers no interaction.

    ``tell`` adds the note. The note is the ``last`` one where the reply can't be edited after the
    token's time.
    """

    def __init__(self, response: ResponseRoute | None, turn_id: int, tell: NoteWriter) -> None:
        self._response = response
        self._turn_id = turn_id
        self._tell = tell
        self._watching: asyncio.Task[None] | None = None
        self._telling = False
        self._has_last_note = False

    @property
    def is_over(self) -> bool:
        """Whether the reply has its last note, and nothing more can be written."""
        response = self._response
        return self._has_last_note and response is not None and not response.seconds_left()

    def begin(self) -> None:
        """Watch the token from now on; a second call changes nothing."""
        if self._response is not None and self._watching is None:
            self._watching = asyncio.create_task(self._watch(self._response))

    async def stop(self) -> None:
        """Stop watching; a note under way is finished first."""
        watching = self._watching
        if watching is None:
            return
        async with cancelling(watching):
            if self._telling:
                await asyncio.wait({watching})

    async def _watch(self, response: ResponseRoute) -> None:
        if not await response.near_end(TELL_SECONDS):
            return  # the token had ended before this process began
        self._telling = True
        is_last = not response.outlives_token
        note = localized("answer-goes-on")
        if is_last:
            note = localized("answer-too-late", number=str(self._turn_id))
        try:
            self._has_last_note = await self._tell(note, last=is_last) and is_last
        except Exception as error:  # noqa: BLE001 - a missing note must not end the answer
            _log.info("Turn %d: the note about its token can't be shown: %s", self._turn_id, error)
        finally:
            self._telling = False
