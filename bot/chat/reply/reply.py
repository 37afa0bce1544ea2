"""A turn's reply: "thinking…" that grows into the answer; its last text always arrives.

One edit at a time is under way, progress gives way to the end, and each part's Discord message is
in the ledger before anything builds on it.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Final

import aiohttp
import discord

from bot.chat.reply import buttons
from bot.chat.reply.channel_writer import ChannelWriter, MessageGoneError, UndeliverableError
from bot.chat.reply.edit_throttle import EditThrottle
from bot.chat.reply.split import LIMIT, split
from bot.chat.texts import sentences
from bot.chat.transport.rate_limiter import RequestPriority
from bot.chat.transport.rest_retry import (
    MISSING_ACCESS,
    MISSING_PERMISSIONS,
    UNKNOWN_CHANNEL,
    UNKNOWN_GUILD,
    is_passing,
)
from bot.store.ledger import Ledger, LedgerError, Turn

_PROGRESS_GRACE: Final = 3.0
_PAUSE_SECONDS: Final = 2.0

_REFUSED: Final = sentences.failure("undeliverable")

_PLACE_LOST: Final = frozenset({UNKNOWN_CHANNEL, UNKNOWN_GUILD, MISSING_PERMISSIONS})
"""Refusals that mean the channel and not what is said in it."""

_TROUBLES: Final = (discord.DiscordException, aiohttp.ClientError, OSError, LedgerError)

_log: Final = logging.getLogger(__name__)


class Reply:
    """The Discord messages of one turn's attempt.

    ``unsure`` is True where messages may exist that the ledger does not know. ``channel_lost`` is
    called once an edit shows that the bot may not write in the channel any more.
    """

    def __init__(
        self,
        turn: Turn,
        channel_writer: ChannelWriter,
        ledger: Ledger,
        throttle: EditThrottle,
        *,
        unsure: bool,
        channel_lost: Callable[[], None],
    ) -> None:
        self._turn = turn
        self._channel_writer = channel_writer
        self._ledger = ledger
        self._throttle = throttle
        self._unsure = unsure
        self._ids = list(turn.parts)
        self._shown: list[str | None] = [None] * len(self._ids)
        self._resent = 0
        self._said: Callable[[], str] = str
        self._changed = asyncio.Event()
        self._progress: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._channel_lost = channel_lost

    async def place(self, *, in_reply: bool) -> int:
        """Have "thinking…" stand with its Cancel button and return its message's id.

        Raises ``UndeliverableError``.
        """
        view = buttons.cancel_view(self._turn.id, self._turn.attempt)
        if self._ids and self._channel_writer.is_old(self._ids[0]):
            # It would soon take no more edits, and nobody looks that far up for an answer.
            await self._abandon(0)
        if self._ids:
            try:
                await self._channel_writer.edit(
                    self._ids[0], sentences.THINKING, view, priority=RequestPriority.URGENT
                )
                self._shown[0] = sentences.THINKING
            except MessageGoneError:
                await self._abandon(0)
            else:
                await self._drop_behind(1)
        if not self._ids and self._unsure:
            found = await self._find_placeholder()
            self._ids, self._shown = ([found], [None]) if found is not None else ([], [])
        if not self._ids:
            with self._throttle.urgent():
                message_id = await self._channel_writer.send(
                    sentences.THINKING,
                    self._nonce(0),
                    find=self._find_placeholder,
                    priority=RequestPriority.URGENT,
                    view=view,
                    reply_to=self._turn.reply_to if in_reply else None,
                )
            self._ids, self._shown = [message_id], [sentences.THINKING]
        return self._ids[0]

    def show(self, said: Callable[[], str]) -> None:
        """Let the reply grow to what is ``said`` when there is time for it; the newest wins."""
        self._said = said
        self._changed.set()
        if self._progress is None:
            self._progress = asyncio.create_task(self._grow())

    async def finish(self, text: str, notes: Sequence[str], *, retry: bool) -> bool:
        """Bring the reply to its last text, with quiet notes below and Retry where asked for.

        Returns False where Discord refused a part, in place of which our own sentence stands now
        with Retry. Raises ``UndeliverableError`` where the channel takes no sentence either; then
        no message of the reply is left, as far as Discord lets us delete them.
        """
        await self._stop_growing()
        with self._throttle.urgent():
            try:
                return await self._bring_to(with_notes(text, notes), retry=retry)
            except UndeliverableError:
                if not self._ids:
                    raise
            # What may not be edited may still be deleted, and said in a message of its own.
            await self._abandon(0)
            await self._bring_to([_REFUSED], retry=True)
            return False

    async def _bring_to(self, contents: Sequence[str], *, retry: bool) -> bool:
        """Bring every part to its content; returns False where one is told to be refused."""
        contents = list(contents)
        whole = True
        number = 0
        while number < len(contents):
            last = number == len(contents) - 1
            with_retry = last and (retry or not whole)
            view = buttons.retry_view(self._turn.id, self._turn.attempt) if with_retry else None
            try:
                await self._bring_part(number, contents[number], view)
            except MessageGoneError as error:
                _log.info("Part %d of turn %d is sent anew: %s", number, self._turn.id, error)
                await self._abandon(number)
                continue
            except UndeliverableError as error:
                if _REFUSED in contents[number]:
                    raise
                _log.warning("Discord refuses part %d of turn %d: %s", number, self._turn.id, error)
                contents[number] = _REFUSED
                whole = False
                continue
            number += 1
        await self._drop_behind(len(contents))
        return whole

    async def _bring_part(self, number: int, content: str, view: discord.ui.View | None) -> None:
        if number == len(self._ids):
            await self._add(number, content, view)
        elif number == 0 or view is not None or self._shown[number] != content:
            await self._channel_writer.edit(
                self._ids[number], content, view, priority=RequestPriority.URGENT
            )
            self._shown[number] = content

    async def pause(self, note: str) -> None:
        """Say below what is there that it will go on; one try, as long as there is time."""
        await self._stop_growing(_PAUSE_SECONDS / 2)
        if not self._ids:
            return
        parts = with_notes(self._said() or sentences.THINKING, [note])
        number = min(len(self._ids), len(parts)) - 1
        content = (
            parts[number]
            if number == len(parts) - 1
            else f"{split(parts[number], 1_900)[0]}\n{note}"
        )
        try:
            async with asyncio.timeout(_PAUSE_SECONDS):
                await self._channel_writer.try_edit(
                    self._ids[number], content, priority=RequestPriority.URGENT
                )
        except _TROUBLES as error:
            _log.info("Turn %d can't say that it will go on: %s", self._turn.id, error)

    async def stop(self) -> None:
        """Show nothing more, where the turn goes no further for now."""
        await self._stop_growing(0.0)

    async def _grow(self) -> None:
        channel_id = self._channel_writer.channel_id
        failures = 0
        shown = ""
        while True:
            await self._changed.wait()
            if self._said() == shown:
                # A space, or a mark that is not read: no edit's turn is spent on it.
                self._changed.clear()
                continue
            priority = await self._throttle.turn(channel_id)
            if self._throttle.is_stopped(channel_id):
                _log.info("Turn %d shows no more progress: three 429s", self._turn.id)
                return
            self._changed.clear()
            self._idle.clear()
            try:
                said = self._said()
                if await self._grow_once(split(said), priority):
                    self._changed.set()
                else:
                    shown = said
                failures = 0
                continue
            except _TROUBLES as error:
                self._unsure = True
                if isinstance(error, discord.HTTPException) and not is_passing(error):
                    # A message that was deleted under our hands is sent anew at the end.
                    _log.info("Turn %d shows no more progress: %s", self._turn.id, error)
                    if await self._is_lost(error, priority):
                        self._channel_lost()
                    return
                _log.debug("A progress edit of turn %d failed: %s", self._turn.id, error)
            finally:
                self._idle.set()
            failures += 1
            await self._channel_writer.breathe(failures)
            self._changed.set()

    async def _is_lost(self, error: discord.HTTPException, priority: RequestPriority) -> bool:
        """Return whether a refusal says that nothing can be written in the channel any more."""
        if error.code == MISSING_ACCESS and self._ids:
            # To the channel, or to this one edit: what may be read there tells.
            return not await self._channel_writer.contents(self._ids[:1], priority=priority)
        return error.code in _PLACE_LOST

    async def _grow_once(self, parts: Sequence[str], priority: RequestPriority) -> bool:
        """Bring the first part that lags behind to its text; return whether another one does."""
        for number, content in enumerate(parts):
            if number == len(self._ids):
                found = await self._find_part(number, priority) if self._unsure else None
                if found is not None:
                    await self._know(number, found, None)
                    return True
                message_id = await self._channel_writer.try_send(
                    content, self._nonce(number), priority=priority
                )
                await self._know(number, message_id, content)
            elif self._shown[number] != content:
                await self._channel_writer.try_edit(self._ids[number], content, priority=priority)
                self._shown[number] = content
            else:
                continue
            return number < len(parts) - 1
        return False

    async def _stop_growing(self, grace: float = _PROGRESS_GRACE) -> None:
        task, self._progress = self._progress, None
        if task is None:
            return
        if not self._idle.is_set():
            # Two calls at once for one message could arrive in either order.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), grace)
            self._unsure = self._unsure or not self._idle.is_set()
        task.cancel()
        (ended,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(ended, Exception):
            _log.error("Turn %d could not show its progress", self._turn.id, exc_info=ended)
            self._unsure = True

    async def _add(self, number: int, content: str, view: discord.ui.View | None) -> None:
        """Add the next part: adopt the message that is it already, or send it."""
        if self._unsure:
            found = await (self._find_part(number) if number else self._find_placeholder())
            if found is not None:
                await self._know(number, found, None)
                with contextlib.suppress(MessageGoneError):
                    await self._channel_writer.edit(
                        found, content, view, priority=RequestPriority.URGENT
                    )
                    self._shown[number] = content
                    return
                await self._abandon(number)
        reply_to = self._turn.reply_to if number == 0 else None
        message_id = await self._channel_writer.send(
            content,
            self._nonce(number),
            find=lambda: self._find_part(number) if number else self._find_first(content),
            priority=RequestPriority.URGENT,
            view=view,
            reply_to=reply_to,
        )
        await self._know(number, message_id, content)

    async def _know(self, number: int, message_id: int, content: str | None) -> None:
        await self._ledger.turns.set_part(self._turn.id, number, message_id)
        self._ids.append(message_id)
        self._shown.append(content)

    async def _abandon(self, number: int) -> None:
        """Give up the parts from ``number`` on, so that they are sent anew in their order."""
        self._resent += 1
        await self._drop_behind(number)

    async def _drop_behind(self, count: int) -> None:
        gone, self._ids, self._shown = self._ids[count:], self._ids[:count], self._shown[:count]
        if gone:
            for message_id in gone:
                await self._channel_writer.delete(message_id, priority=RequestPriority.URGENT)
            await self._ledger.turns.drop_parts(self._turn.id, count)

    async def _find_placeholder(self) -> int | None:
        """Find this attempt's reply by its Cancel button, behind the question."""
        wanted = buttons.cancel_id(self._turn.id, self._turn.attempt)
        for message in await self._after_question():
            if self._channel_writer.is_own(message) and wanted in buttons.custom_ids(message):
                return message.id
        return None

    async def _find_first(self, content: str) -> int | None:
        """Find a first part that was sent anew by what it says: it never had a Cancel button."""
        ours = [
            message
            for message in await self._after_question()
            if self._channel_writer.is_own(message) and message.content == content.strip()
        ]
        known = await self._ledger.turns.known_parts(message.id for message in ours)
        return next((message.id for message in ours if message.id not in known), None)

    async def _find_part(
        self, number: int, priority: RequestPriority = RequestPriority.URGENT
    ) -> int | None:
        """Find a part by its place: ours, behind the part before, and no answer to anything."""
        own = {buttons.retry_id(self._turn.id, self._turn.attempt)}
        ours = [
            message
            for message in await self._channel_writer.after(
                self._ids[number - 1], priority=priority
            )
            if self._channel_writer.is_own(message)
            and message.type is discord.MessageType.default
            and message.interaction_metadata is None
            and buttons.custom_ids(message) <= own
        ]
        known = await self._ledger.turns.known_parts(message.id for message in ours)
        return next((message.id for message in ours if message.id not in known), None)

    async def _after_question(self) -> list[discord.Message]:
        return await self._channel_writer.after(
            self._turn.reply_to, priority=RequestPriority.URGENT
        )

    def _nonce(self, number: int) -> str:
        nonce = f"{self._turn.id}.{self._turn.attempt}.{number}"
        return f"{nonce}.{self._resent}" if self._resent else nonce


def with_notes(text: str, notes: Sequence[str]) -> tuple[str, ...]:
    """Cut a text into parts with the notes, a line each, below the last one."""
    parts = list(split(text))
    below = "\n".join(notes)
    if not below:
        return tuple(parts) or (sentences.EMPTY_ANSWER,)
    if parts and len(parts[-1]) + 1 + len(below) <= LIMIT:
        parts[-1] += f"\n{below}"
    else:
        parts.append(below)
    return tuple(parts)
